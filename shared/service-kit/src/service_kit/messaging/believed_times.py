"""The business times of an event as they can be believed (protocol rule 20, docs/protocol.md).

An event is a fact and is never refused for its times: an older version, or a host whose clock is wrong, may have
written it. A time that cannot be true is replaced, for every service by the same rule, before a use case sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from event_contracts import AllocationState, Event, InboundChange, OrderState, SkuPolicy, StockChange
from event_contracts.model import Payload
from service_kit.runtime.believed_time import EARLIEST, FURTHEST_PLAN, MOST_AHEAD, believed, believed_plan

_HAPPENED: dict[type[Payload], tuple[str, ...]] = {
    OrderState: ("placed_at", "updated_at"),
    StockChange: ("occurred_at",),
    InboundChange: ("occurred_at",),
    SkuPolicy: ("occurred_at",),
    AllocationState: ("decided_at",),
}
_PLANNED: dict[type[Payload], tuple[str, ...]] = {InboundChange: ("eta",), SkuPolicy: ("release_at",)}


def believable(events: Sequence[Event], now: datetime) -> list[Event]:
    """The events, with each business time that cannot be believed replaced by the moment the event was made.

    That moment is the same for every reader and at every repetition, unless it cannot be believed itself at ``now``:
    then ``now`` stands for it. An event whose times are fine is returned as it is.
    """
    return [_believable(event, now) for event in events]


def _believable(event: Event, now: datetime) -> Event:
    made = event.time if event.time <= now + MOST_AHEAD else now
    payload, kind = event.payload, type(event.payload)
    changed: dict[str, object] = {}
    latest = made + MOST_AHEAD
    for name in _HAPPENED.get(kind, ()):
        told: datetime = getattr(payload, name)
        if not EARLIEST <= told <= latest:
            changed[name] = believed(told, made)
    for name in _PLANNED.get(kind, ()):
        planned: datetime | None = getattr(payload, name)
        if planned is not None and not EARLIEST <= planned <= made + FURTHEST_PLAN:
            changed[name] = believed_plan(planned, made)
    if isinstance(payload, OrderState) and any(not EARLIEST <= one.shipped_at <= latest for one in payload.shipments):
        changed["shipments"] = tuple(
            one.model_copy(update={"shipped_at": believed(one.shipped_at, made)}) for one in payload.shipments
        )
    if isinstance(payload, OrderState) and any(
        line.added_at is not None and not EARLIEST <= line.added_at <= latest for line in payload.lines
    ):
        changed["lines"] = tuple(
            line if line.added_at is None else line.model_copy(update={"added_at": believed(line.added_at, made)})
            for line in payload.lines
        )
    return event if not changed else _with(event, payload.model_copy(update=changed))


def _with(event: Event, payload: Payload) -> Event:
    return Event(
        id=event.id,
        type=event.type,
        source=event.source,
        time=event.time,
        key=event.key,
        sequence=event.sequence,
        payload=payload,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        traceparent=event.traceparent,
        extensions=event.extensions,
    )
