"""Encodes allocation's events without building their models.

One receipt may change a hundred thousand orders, each of which gets an event; building and validating a model for each
costs four times as much. The bytes are those that the models of `allocations` write: a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson

from event_contracts import EVENT_TYPES, Topic, new_event_id
from event_contracts.envelope import MAX_DATA_BYTES
from event_contracts.sources import ALLOCATION_SOURCE

_START = [("content-type", b"application/json"), ("ce_specversion", b"1.0")]
_TYPES = {
    name: [("ce_type", one.ce_type.encode()), ("ce_source", ALLOCATION_SOURCE.encode())]
    for name, one in EVENT_TYPES.items()
    if one.topic is Topic.ALLOCATIONS
}


class PublishedReason(NamedTuple):
    """A reason as events have it: in words, and as data."""

    words: str = ""
    code: str | None = None
    parameters: dict[str, Any] | None = None


NO_REASON = PublishedReason()
"""Of a line that nothing was decided about."""


@dataclass(slots=True)
class IntegrationEvent:
    """An event about one order, ready to be stored; ``data`` is the JSON of an ``AllocationState``."""

    id: str
    name: str
    key: str
    sequence: int
    data: bytes
    made_at: bytes
    correlation_id: str
    causation_id: str | None
    traceparent: str | None

    @property
    def topic(self) -> str:
        """The topic that all of these events belong to."""
        return Topic.ALLOCATIONS.value

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of its envelope."""
        found = [
            *_START,
            ("ce_id", self.id.encode()),
            *_TYPES[self.name],
            ("ce_time", self.made_at),
            ("ce_partitionkey", self.key.encode()),
            ("ce_sequence", b"%d" % self.sequence),
            ("ce_correlationid", self.correlation_id.encode()),
        ]
        if self.causation_id is not None:
            found.append(("ce_causationid", self.causation_id.encode()))
        if self.traceparent is not None:
            found.append(("traceparent", self.traceparent.encode()))
        return found

    def value(self) -> bytes:
        """The JSON data of the record."""
        return self.data


def integration_event(
    name: str,
    *,
    order_id: str,
    basis: int,
    decision_id: str,
    decided_at: datetime,
    lines: list[dict[str, Any]],
    sequence: int,
    correlation_id: str,
    causation_id: str | None,
    traceparent: str | None,
    made_at: bytes,
) -> IntegrationEvent:
    """A new event; ``lines`` come from ``line_data``, ``made_at`` from ``moment``."""
    state = {
        "order_id": order_id, "basis": basis, "decision_id": decision_id, "decided_at": decided_at, "lines": lines,
    }  # fmt: skip
    event_id = new_event_id()
    return IntegrationEvent(
        event_id,
        name,
        order_id,
        sequence,
        orjson.dumps(state, option=orjson.OPT_UTC_Z),
        made_at,
        correlation_id or event_id,
        causation_id,
        traceparent,
    )


def integration_events(
    name: str,
    *,
    order_id: str,
    basis: int,
    decision_id: str,
    decided_at: datetime,
    lines: list[dict[str, Any]],
    correlation_id: str,
    causation_id: str | None,
    traceparent: str | None,
    made_at: bytes,
    most_bytes: int = MAX_DATA_BYTES,
) -> list[IntegrationEvent]:
    """A new event as ``integration_event`` makes it, numbered with the newest version of its lines.

    Several, in whole lines and otherwise alike, where one would take more than ``most_bytes``: every line has a version
    of its own, so a reader that has applied one of them knows nothing wrong. Only a single line can be larger.
    """

    def event(some: list[dict[str, Any]]) -> IntegrationEvent:
        return integration_event(
            name,
            order_id=order_id,
            basis=basis,
            decision_id=decision_id,
            decided_at=decided_at,
            lines=some,
            sequence=max((line["line_version"] for line in some), default=0),
            correlation_id=correlation_id,
            causation_id=causation_id,
            traceparent=traceparent,
            made_at=made_at,
        )

    whole = event(lines)
    if len(whole.data) <= most_bytes or len(lines) < 2:
        return [whole]
    return [event(some) for some in _parts(lines, most_bytes, len(whole.data))]


def _parts(lines: list[dict[str, Any]], most_bytes: int, whole: int) -> Iterator[list[dict[str, Any]]]:
    """Lines, as many together as fit, of an event that takes ``whole`` bytes with all of them."""
    sizes = [len(orjson.dumps(line)) + 1 for line in lines]
    room = most_bytes - (whole - sum(sizes) + 1)
    part: list[dict[str, Any]] = []
    left = room
    for line, size in zip(lines, sizes, strict=True):
        if part and size > left:
            yield part
            part, left = [], room
        part.append(line)
        left -= size
    yield part


def line_data(
    *,
    line_id: str,
    sku: str,
    version: int,
    granted: dict[str, int],
    waiting: int,
    declined: int,
    reason: PublishedReason,
    promise: dict[str, Any] | None,
) -> dict[str, Any]:
    """The public state of a line, as an ``AllocationLine`` has it."""
    allocated = granted if all(granted.values()) else {place: units for place, units in granted.items() if units}
    data: dict[str, Any] = {
        "line_id": line_id, "sku": sku, "line_version": version, "allocated": allocated, "waiting": waiting,
        "declined": declined, "reason": reason.words,
    }  # fmt: skip
    if reason.code is not None:
        data["reason_code"] = reason.code
    if reason.parameters is not None:
        data["reason_parameters"] = reason.parameters
    if promise is not None:
        data["promise"] = promise
    return data


class PublishedSource(NamedTuple):
    """What a date rests on, as events have it."""

    basis: str
    source: str
    confidence: int
    table_version: int


def promise_data(
    day: date | None,
    revision: int,
    cause: str,
    source: PublishedSource | None = None,
    *,
    ship_by: date | None = None,
) -> dict[str, Any]:
    """The promise of a line, as a ``Promise`` has it; what it does not say is left out."""
    data: dict[str, Any] = {} if day is None else {"date": day}
    data |= {"revision": revision, "cause": cause}
    if source is not None:
        data["basis"] = source.basis
    if ship_by is not None:
        data["ship_by"] = ship_by
    if source is not None:
        data["confidence"] = source.confidence
        if source.source:
            data["source"] = source.source
        data["table_version"] = source.table_version
    return data


def moment(at: datetime) -> bytes:
    """A moment in the format of the envelope."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()
