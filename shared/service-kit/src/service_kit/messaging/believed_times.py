"""The business times of an event as they can be believed (protocol rule 20, docs/protocol.md).

An event is a fact and is never refused for its times: an older version, or a host whose clock is wrong, may have
written it. A time that cannot be true is replaced, for every service by the same rule, before a use case sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from event_contracts import (
    AllocationState,
    DelayOffer,
    Event,
    InboundChange,
    NotificationOutcome,
    OrderState,
    SkuMerge,
    SkuPolicy,
    StockChange,
)
from event_contracts.model import Payload
from service_kit.runtime.believed_time import EARLIEST, FURTHEST_PLAN, MOST_AHEAD, believed, believed_plan

_HAPPENED: dict[type[Payload], tuple[str, ...]] = {
    OrderState: ("placed_at", "updated_at"),
    StockChange: ("occurred_at",),
    InboundChange: ("occurred_at",),
    SkuPolicy: ("occurred_at",),
    SkuMerge: ("occurred_at",),
    AllocationState: ("decided_at",),
    DelayOffer: ("made_at",),
    NotificationOutcome: ("occurred_at",),
}
_PLANNED: dict[type[Payload], tuple[str, ...]] = {InboundChange: ("eta",), SkuPolicy: ("release_at",)}


def believable(events: Sequence[Event], now: datetime) -> list[Event]:
    """The events, with each business time that cannot be believed replaced by the moment the event was made.

    That moment is the same for every reader and at every repetition, unless it cannot be believed itself at ``now``:
    then ``now`` stands for it. An event whose times are fine is returned as it is.
    """
    latest = now + MOST_AHEAD
    return [_believable(event, event.time if event.time <= latest else now) for event in events]


def _believable(event: Event, made: datetime) -> Event:
    payload = event.payload
    changed = _times(payload, made)
    if isinstance(payload, OrderState):
        changed |= _times_within(payload, made)
    elif isinstance(payload, SkuMerge):
        changed |= _plans_within(payload, made)
    return event if not changed else _with(event, payload.model_copy(update=changed))


def _times(payload: Payload, made: datetime) -> dict[str, object]:
    """The payload's own times that have to be replaced, with what replaces them."""
    changed: dict[str, object] = {}
    latest = made + MOST_AHEAD
    for name in _HAPPENED.get(type(payload), ()):
        told: datetime = getattr(payload, name)
        if _is_wrong(told, latest):
            changed[name] = believed(told, made)
    for name in _PLANNED.get(type(payload), ()):
        planned: datetime | None = getattr(payload, name)
        if planned is not None and not EARLIEST <= planned <= made + FURTHEST_PLAN:
            changed[name] = believed_plan(planned, made)
    return changed


def _times_within(order: OrderState, made: datetime) -> dict[str, object]:
    """The order's shipments and lines, if times of theirs have to be replaced."""
    changed: dict[str, object] = {}
    latest = made + MOST_AHEAD
    if any(_is_wrong(one.shipped_at, latest) or _is_wrong(one.voided_at, latest) for one in order.shipments):
        changed["shipments"] = tuple(
            one.model_copy(
                update={
                    "shipped_at": believed(one.shipped_at, made),
                    "voided_at": None if one.voided_at is None else believed(one.voided_at, made),
                }
            )
            for one in order.shipments
        )
    # Most orders have none: placed with the order, a line has no time of its own.
    if any(_is_wrong(line.added_at, latest) for line in order.lines):
        changed["lines"] = tuple(
            line if line.added_at is None else line.model_copy(update={"added_at": believed(line.added_at, made)})
            for line in order.lines
        )
    return changed


def _plans_within(merge: SkuMerge, made: datetime) -> dict[str, object]:
    """The deliveries of a merge, if their dates have to be replaced."""
    if all(EARLIEST <= line.eta <= made + FURTHEST_PLAN for line in merge.po_lines):
        return {}
    return {
        "po_lines": tuple(line.model_copy(update={"eta": believed_plan(line.eta, made)}) for line in merge.po_lines)
    }


def _is_wrong(told: datetime | None, latest: datetime) -> bool:
    # Every event passes here: years are compared before moments, which takes a tenth of the time.
    return told is not None and (told.year < EARLIEST.year or told > latest)


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
