"""The business times of an event as they can be believed (protocol rule 20, docs/protocol.md).

An event is a fact and is never refused for its times: an older version, or a host whose clock is wrong, may have
written it. A time that cannot be true is replaced, for every service by the same rule, before a use case sees it.
Which times a payload has is read from its type, so that none is forgotten when a contract grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from event_contracts import Event
from event_contracts.model import PLANNED, Payload
from service_kit.runtime.believed_time import EARLIEST, FURTHEST_PLAN, MOST_AHEAD, believed, believed_plan


class _Times(NamedTuple):
    """The fields of a payload that are times, and those whose content has some."""

    happened: tuple[str, ...]
    planned: tuple[str, ...]
    within: tuple[str, ...]


def believable(events: Sequence[Event], now: datetime) -> list[Event]:
    """The events, with each business time that cannot be believed replaced by the moment the event was made.

    That moment is the same for every reader and at every repetition, unless it cannot be believed itself at ``now``:
    then ``now`` stands for it. An event whose times are fine is returned as it is.
    """
    latest = now + MOST_AHEAD
    return [_believable(event, event.time if event.time <= latest else now) for event in events]


def _believable(event: Event, made: datetime) -> Event:
    payload = _put_right(event.payload, made, made + MOST_AHEAD, made + FURTHEST_PLAN)
    return event if payload is event.payload else _with(event, payload)


def _put_right(payload: Payload, made: datetime, latest: datetime, furthest: datetime) -> Payload:
    """The payload itself, or a copy in which the times are replaced that have to be."""
    times = _times_of(type(payload))
    changed: dict[str, object] = {}
    for name in times.happened:
        told: datetime | None = getattr(payload, name)
        # Every event passes here: years are compared before moments, which takes a tenth of the time.
        if told is not None and (told.year < EARLIEST.year or told > latest):
            changed[name] = believed(told, made)
    for name in times.planned:
        plan: datetime | None = getattr(payload, name)
        if plan is not None and not EARLIEST <= plan <= furthest:
            changed[name] = believed_plan(plan, made)
    for name in times.within:
        inner = getattr(payload, name)
        if isinstance(inner, Payload):
            one = _put_right(inner, made, latest, furthest)
            if one is not inner:
                changed[name] = one
        elif inner:
            several = tuple([_put_right(one, made, latest, furthest) for one in inner])
            if any(new is not old for new, old in zip(several, inner, strict=True)):
                changed[name] = several
    return payload.model_copy(update=changed) if changed else payload


@cache
def _times_of(kind: type[Payload]) -> _Times:
    happened: list[str] = []
    planned: list[str] = []
    within: list[str] = []
    for name, field in kind.model_fields.items():
        parts = list(_parts(field))
        if any(part is AwareDatetime for part in parts):
            (planned if PLANNED in parts else happened).append(name)
        elif any(isinstance(part, type) and issubclass(part, Payload) and any(_times_of(part)) for part in parts):
            within.append(name)
    return _Times(tuple(happened), tuple(planned), tuple(within))


def _parts(field: FieldInfo) -> Iterator[Any]:
    """Everything that the annotation of a field is made of."""
    yield from field.metadata
    open_parts: list[Any] = [field.annotation]
    while open_parts:
        part = open_parts.pop()
        yield part
        open_parts += get_args(part)
        open_parts += getattr(part, "__metadata__", ())


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
