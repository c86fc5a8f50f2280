"""An event of this service, written directly: a fill tells a hundred thousand orders at once.

The bytes are those that ``event_contracts`` makes of the same event (a test compares them); building
and validating a model for each costs four times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson

from allocation_service.domain.reasons import Reason
from event_contracts import EVENT_TYPES, Topic, new_event_id

SOURCE = "backorder/allocation"

_START = [("content-type", b"application/json"), ("ce_specversion", b"1.0")]
_TYPES = {
    name: [("ce_type", one.ce_type.encode()), ("ce_source", SOURCE.encode())]
    for name, one in EVENT_TYPES.items()
    if one.topic is Topic.ALLOCATIONS
}


Wording = Callable[[Reason], str]
"""Puts a reason into the English words that readers of the first released version of the events go by."""


class PublishedReason(NamedTuple):
    """A reason as events have it: in words, and as data."""

    words: str = ""
    code: str | None = None
    parameters: dict[str, Any] | None = None


NO_REASON = PublishedReason()
"""Of a line that nothing was decided about."""


@dataclass(slots=True)
class IntegrationEvent:
    """What is told of one order, ready to be stored; ``data`` is the JSON of an ``AllocationState``."""

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
        """The topic of all of them."""
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
    """One event; ``lines`` are made by ``line_data``, ``made_at`` by ``moment``."""
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
    """The public state of a line."""
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


def published_reason(reason: Reason | None, wording: Wording) -> PublishedReason:
    """A line's reason; parameters are left out where there are none."""
    if reason is None:
        return NO_REASON
    return PublishedReason(wording(reason), reason.code.value, dict(reason.parameters) or None)


def promise_data(day: date | None, revision: int, cause: str) -> dict[str, Any]:
    """The promise of a line; without a date the field is left out."""
    if day is None:
        return {"revision": revision, "cause": cause}
    return {"date": day, "revision": revision, "cause": cause}


def moment(at: datetime) -> bytes:
    """A moment as envelopes write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()
