"""Reads a record as an event, or says why it is none. Total: no record that anybody can write makes it fail."""

from __future__ import annotations

from dataclasses import dataclass, replace

from event_contracts import Event, event_type_named
from event_contracts.catalog import other_version_named
from event_contracts.envelope import MalformedEvent, OtherVersion, decode
from service_kit.messaging.event_log import Headers, Record
from service_kit.persistence.storable_error import storable_error

_LONGEST = 200
"""Ids and keys that are longer (or contain NUL characters) are not stored: they would not fit into an index."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record of a subscribed type. ``event`` is None if it could not be read; ``error`` then says why."""

    record: Record
    event_id: str
    key: str
    name: str
    event: Event | None
    error: str | None = None
    other_version: bool = False
    """It is a subscribed event in a version that this service does not know, so that an upgrade will read it."""

    @property
    def place(self) -> tuple[str, str]:
        """The topic and the key: events of one place are handled in order."""
        return self.record.topic, self.key

    def under_its_position(self) -> Incoming:
        """The same with nothing of the record's own in its id and key."""
        return replace(self, event_id=_position(self.record), key=_position(self.record), name="unknown")

    @property
    def outcome_if_parked(self) -> str:
        """What the metric of consumed events calls it when it is parked for what it is."""
        if self.error is None:
            return "parked"
        return "other_version" if self.other_version else "unreadable"


def read_record(record: Record, types: frozenset[str]) -> Incoming | None:
    """The record as an event of one of ``types``; None for a record to be skipped: see ``why_skipped``.

    A record without a type, one that does not fit its type, and one whose type is among ``types`` in another version
    is returned with an error.
    """
    try:
        return _read(record, types)
    except Exception as error:  # whatever it is, it is about this record
        return _malformed(record, "unknown", error)


def why_skipped(record: Record, types: frozenset[str]) -> str:
    """Of a record that ``read_record`` skips: ``other_type``, known but not among ``types``; ``unknown_type``, which a
    newer producer may write; or ``tombstone``, a record without data and without the headers of an event."""
    claimed = _claimed_types(record.headers)
    if not claimed:
        return "tombstone"
    known = all(event_type_named(one) or other_version_named(one) for one in claimed)
    return "other_type" if known else "unknown_type"


def event_id_of(record: Record) -> str:
    """The id under which a consumer notes the record: its event's, or where it stands if that cannot be noted."""
    return _first_text(_values(record.headers, "ce_id")) or _position(record)


def decode_again(headers: Headers, value: bytes | None) -> Event:
    """The event of a parked record; MalformedEvent if it still cannot be read."""
    return decode(headers, value)


def _read(record: Record, types: frozenset[str]) -> Incoming | None:
    if record.fault is not None:
        return _malformed(record, "unknown", record.fault)
    claimed = _claimed_types(record.headers)
    known = [found for one in claimed if (found := event_type_named(one) or other_version_named(one)) is not None]
    wanted = [one.name for one in known if one.name in types]
    if (claimed and not wanted) or _is_tombstone(record):
        return None
    name = wanted[0] if wanted else "unknown"
    try:
        event = decode(record.headers, record.value)
    except MalformedEvent as error:
        return _malformed(record, name, str(error), other_version=isinstance(error, OtherVersion))
    if not (_storable(event.id) and _storable(event.key)):
        return _malformed(record, name, "ce_id or ce_partitionkey is too long or holds a NUL character")
    return Incoming(record, event.id, event.key, name, event)


def _is_tombstone(record: Record) -> bool:
    return record.value is None and not any(name.startswith("ce_") for name, _ in record.headers)


def _claimed_types(headers: Headers) -> list[str]:
    """The types that the headers name: one, unless the record is malformed."""
    found = [raw.decode("utf-8", "replace") for name, raw in headers if name == "ce_type" and raw is not None]
    return found if len(found) < 2 else list(dict.fromkeys(found))


def _malformed(record: Record, name: str, error: BaseException | str, *, other_version: bool = False) -> Incoming:
    position = _position(record)
    keys = [*_values(record.headers, "ce_partitionkey"), record.key]
    return Incoming(
        record,
        event_id=event_id_of(record),
        key=_first_text(keys) or position,
        name=name,
        event=None,
        error=storable_error(error),
        other_version=other_version,
    )


def _position(record: Record) -> str:
    return f"{record.topic}-{record.partition}-{record.offset}"


def _values(headers: Headers, name: str) -> list[bytes | None]:
    return [value for header, value in headers if header == name]


def _first_text(values: list[bytes | None]) -> str | None:
    """The first value that can be an id or a key, provided that it stands for nothing else as well."""
    for value in values:
        if value:
            # Undecodable bytes would make several keys one.
            text = value.decode("utf-8", "backslashreplace")
            return text if _storable(text) else None
    return None


def _storable(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and "\x00" not in text
