"""Reads a record as an event, or says why it is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from event_contracts import Event, event_type_named
from event_contracts.envelope import MalformedEvent, decode
from service_kit.messaging.event_log import Record

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

    @property
    def place(self) -> tuple[str, str]:
        """The topic and the key: events of one place are handled in order."""
        return self.record.topic, self.key


def read_record(record: Record, types: frozenset[str]) -> Incoming | None:
    """The record as an event of one of ``types``; None for a record of any other type, which is to be skipped.

    A record without a type, or one that does not fit its type, is returned with an error.
    """
    claimed = next((value.decode("utf-8", "replace") for name, value in record.headers if name == "ce_type"), None)
    known = event_type_named(claimed) if claimed else None
    if claimed and (known is None or known.name not in types):
        return None
    name = known.name if known else "unknown"
    try:
        event = decode(record.headers, record.value)
    except (MalformedEvent, ValueError, RecursionError) as error:
        return _malformed(record, name, str(error))
    if not (_storable(event.id) and _storable(event.key)):
        return _malformed(record, name, "ce_id or ce_partitionkey is too long or holds a NUL character")
    return Incoming(record, event.id, event.key, name, event)


def decode_again(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> Event:
    """The event of a parked record; MalformedEvent if it still cannot be read."""
    return decode(headers, value)


def _malformed(record: Record, name: str, error: str) -> Incoming:
    headers = {header: value.decode("utf-8", "replace") for header, value in record.headers}
    position = f"{record.topic}-{record.partition}-{record.offset}"
    key = headers.get("ce_partitionkey") or (record.key or b"").decode("utf-8", "replace")
    return Incoming(
        record,
        event_id=headers["ce_id"] if _storable(headers.get("ce_id", "")) else position,
        key=key if _storable(key) else position,
        name=name,
        event=None,
        error=error.replace("\x00", "�")[:2000],
    )


def _storable(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and "\x00" not in text
