"""CloudEvents 1.0 in binary mode over Kafka: attributes in headers, JSON data in the value.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from event_contracts.catalog import EVENT_TYPES, EventType, event_type_named, other_version_named
from event_contracts.model import Payload

_CONTENT_TYPE = b"application/json"

MAX_DATA_BYTES = 512 * 1024
"""The most that the data of one event may take. Whoever makes events keeps to it: by splitting them where they may be
split, and otherwise by refusing what would lead to a larger one."""

Headers = Iterable[tuple[str, bytes | None]]
"""The headers of a Kafka record, in order; a producer may have written a name twice, or a null value."""


class MalformedEvent(ValueError):
    """A record that is not a readable event: a header is missing, or the data does not fit its schema."""


class OtherVersion(MalformedEvent):
    """An event that is known here in another version only: it can be read after an upgrade."""


def new_event_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, 12 bits of the fraction of the millisecond
    (method 3 of section 6.2), then random bits. Ids that one process makes one after another sort by time."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    moment = f"{milliseconds:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{rest * 4096 // 1_000_000:03x}{_random_rest()}"


_random: deque[str] = deque()
# A child process must not hand out what its parent does.
os.register_at_fork(after_in_child=_random.clear)


def _random_rest() -> str:
    """The random bits of an id with its variant. Made from the operating system's random bytes for a hundred
    ids at a time: a call for each costs more than the id."""
    try:
        return _random.pop()
    except IndexError:
        digits = os.urandom(800).hex()
        for start in range(0, len(digits), 16):
            one = digits[start : start + 16]
            variant = "89ab"[int(one[15], 16) & 3]
            _random.append(f"-{variant}{one[:3]}-{one[3:15]}")
        return _random.pop()


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its envelope. ``id`` is fixed at creation and reused whenever it is sent again."""

    id: str
    type: EventType
    source: str
    time: datetime
    key: str
    sequence: int
    payload: Payload
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The event's name, such as ``OrderPlaced``."""
        return self.type.name

    @property
    def topic(self) -> str:
        """The topic the event belongs to."""
        return self.type.topic.value

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of the binary content mode."""
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_type": self.type.ce_type,
            "ce_source": self.source,
            "ce_time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce_partitionkey": self.key,
            "ce_sequence": str(self.sequence),
            "ce_correlationid": self.correlation_id,
        }
        if self.causation_id is not None:
            attributes["ce_causationid"] = self.causation_id
        if self.traceparent is not None:
            attributes["traceparent"] = self.traceparent
        attributes.update(self.extensions)
        return [("content-type", _CONTENT_TYPE), *((k, v.encode()) for k, v in attributes.items())]

    def value(self) -> bytes:
        """The JSON data of the record."""
        return self.payload.model_dump_json(exclude_none=True).encode()


def new_event(
    name: str,
    payload: Payload,
    *,
    source: str,
    sequence: int,
    now: datetime | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    traceparent: str | None = None,
) -> Event:
    """A new event with its own id; the key is taken from the payload field the catalog names.

    ``time`` is wall clock (when the event was made); business times stand in the payload. Raises
    KeyError for an unknown name and TypeError for a payload of another event.
    """
    event_type = EVENT_TYPES[name]
    if not isinstance(payload, event_type.model):
        raise TypeError(f"{name} carries {event_type.model.__name__}, not {type(payload).__name__}")
    event_id = new_event_id()
    return Event(
        id=event_id,
        type=event_type,
        source=source,
        time=now or datetime.now(UTC),
        key=str(getattr(payload, event_type.key_field)),
        sequence=sequence,
        payload=payload,
        correlation_id=correlation_id or event_id,
        causation_id=causation_id,
        traceparent=traceparent,
    )


def event_name_of(headers: Headers) -> str | None:
    """The event name of a record's headers, or None where it is of no type known here."""
    for key, value in headers:
        if key == "ce_type" and value is not None:
            known = event_type_named(value.decode("utf-8", "replace"))
            return known.name if known else None
    return None


def decode(headers: Headers, value: bytes | None) -> Event:
    """The event of a Kafka record, whatever it is made of; MalformedEvent names the header or field at fault.

    Of an event that is known here in another version, the error is OtherVersion.
    """
    attributes = _attributes(headers)
    for name in _REQUIRED:
        if not attributes.get(name):
            raise MalformedEvent(f"header {name} is missing")
    if attributes["ce_specversion"] != "1.0":
        raise MalformedEvent("header ce_specversion is not 1.0")
    event_type = event_type_named(attributes["ce_type"])
    if event_type is None:
        if (other := other_version_named(attributes["ce_type"])) is not None:
            raise OtherVersion(f"header ce_type is not {other.ce_type}, the version that is read here")
        raise MalformedEvent("header ce_type names an event that is not known here")
    payload = _payload(event_type, value)
    key = attributes["ce_partitionkey"]
    if key != str(getattr(payload, event_type.key_field)):
        raise MalformedEvent(f"header ce_partitionkey is not the {event_type.key_field} of the data")
    return Event(
        id=attributes["ce_id"],
        type=event_type,
        source=attributes["ce_source"],
        time=_time(attributes["ce_time"]),
        key=key,
        sequence=_sequence(attributes["ce_sequence"]),
        payload=payload,
        correlation_id=_reference(attributes.get("ce_correlationid")) or attributes["ce_id"],
        causation_id=_reference(attributes.get("ce_causationid")),
        traceparent=_traceparent(attributes.get("traceparent")),
    )


_REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_partitionkey", "ce_sequence")
_OPTIONAL = ("ce_correlationid", "ce_causationid", "traceparent")
_READ = frozenset((*_REQUIRED, *_OPTIONAL))
_LONGEST_REFERENCE = 200
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def _attributes(headers: Headers) -> dict[str, str]:
    """The headers that are read, as text. A null one counts as absent.

    A required one must say one thing, in UTF-8: two ids that are told apart by undecodable bytes only would be taken
    for one event.
    """
    found: dict[str, str] = {}
    for name, raw in headers:
        if name not in _READ or raw is None:
            continue
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            if name in _REQUIRED:
                raise MalformedEvent(f"header {name} is not UTF-8") from None
            continue
        if name in _REQUIRED and found.get(name, text) != text:
            raise MalformedEvent(f"header {name} is there twice, with different values")
        found[name] = text
    return found


def _reference(text: str | None) -> str | None:
    """The id of another event, which goes on in the headers of what this one causes; None if it cannot be one."""
    return text if text and len(text) <= _LONGEST_REFERENCE and "\x00" not in text else None


def _traceparent(text: str | None) -> str | None:
    return text if text and _TRACEPARENT.fullmatch(text) else None


def _time(header: str) -> datetime:
    try:
        moment = datetime.fromisoformat(header)
    except ValueError as error:
        raise MalformedEvent("header ce_time is not a timestamp of RFC 3339") from error
    if moment.tzinfo is None:
        raise MalformedEvent("header ce_time has no offset from UTC")
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise MalformedEvent("header ce_time is not within the years 1 to 9999 of UTC") from error
    return moment


def _sequence(header: str) -> int:
    # What a database can hold; the length is looked at first, since long numbers take long to read.
    if not (header.isascii() and header.isdigit() and len(header) < 20 and int(header) <= _MOST):
        raise MalformedEvent("header ce_sequence is not a whole number of at most 64 bits")
    return int(header)


_MOST = 2**63 - 1


def _payload(event_type: EventType, value: bytes | None) -> Payload:
    try:
        return event_type.model.model_validate_json(value or b"")
    except ValidationError as error:
        places = [
            f"{'.'.join(str(part) for part in found['loc']) or 'data'}: {found['msg']}"
            for found in error.errors(include_input=False, include_url=False)[:_SHOWN_ERRORS]
        ]
        raise MalformedEvent(f"{event_type.name}: " + "; ".join(places)) from error


_SHOWN_ERRORS = 10
