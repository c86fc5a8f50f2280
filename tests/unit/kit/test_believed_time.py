"""Business times are believed within bounds: callers are told which, and events are put right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.scenario import Neighbours

from event_contracts import EVENT_TYPES, Event, InboundChange, OrderState, SkuMerge, SkuPolicy, StockChange, Topic
from event_contracts.samples import sample_events
from service_kit.messaging.believed_times import believable
from service_kit.runtime.believed_time import (
    EARLIEST,
    FURTHEST_PLAN,
    MOST_AHEAD,
    believed,
    believed_plan,
    find_fault,
    find_plan_fault,
)
from service_kit.runtime.business_clock import BusinessClock
from service_kit.testing import FakeClock

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("stated", [EARLIEST, datetime(2009, 12, 1, tzinfo=UTC), NOW, NOW + MOST_AHEAD])
def test_history_and_what_two_clocks_may_differ_by_are_believed(stated: datetime) -> None:
    assert find_fault(stated, NOW) is None
    assert believed(stated, NOW) == stated


@pytest.mark.parametrize("ahead", [MOST_AHEAD + TICK, timedelta(hours=1), timedelta(days=36 * 365)])
def test_what_has_not_happened_yet_is_not_believed(ahead: timedelta) -> None:
    stated = NOW + ahead
    assert "ahead of the clock" in str(find_fault(stated, NOW))
    assert believed(stated, NOW) == NOW


@pytest.mark.parametrize("stated", [EARLIEST - TICK, datetime(1970, 8, 23, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_years_in_which_nobody_kept_such_records_are_not_believed(stated: datetime) -> None:
    assert "before 1990" in str(find_fault(stated, NOW))
    assert "before 1990" in str(find_plan_fault(stated, NOW))
    assert believed(stated, NOW) == believed_plan(stated, NOW) == EARLIEST


def test_a_plan_may_lie_ahead_within_a_working_life() -> None:
    assert find_plan_fault(NOW + FURTHEST_PLAN, NOW) is None
    assert find_plan_fault(NOW + FURTHEST_PLAN + TICK, NOW) is not None
    assert believed_plan(datetime.max.replace(tzinfo=UTC), NOW) == NOW + FURTHEST_PLAN


def _times(event: Event) -> list[datetime]:
    payload = event.payload
    if isinstance(payload, OrderState):
        return [payload.placed_at, payload.updated_at, *(one.shipped_at for one in payload.shipments)]
    assert isinstance(payload, StockChange | InboundChange | SkuPolicy | SkuMerge)
    return [payload.occurred_at]


def test_an_event_of_believable_times_is_returned_as_it_is() -> None:
    told = Neighbours()
    record, placed = told.order("o1", ("A", 2))
    events = [placed, told.ship(record, 1, 1), told.sku("A"), told.stock("A", 2), told.inbound("A", "p", 3, told.now)]
    events.append(told.merged("A", "B"))
    assert all(one is other for one, other in zip(believable(events, told.wall()), events, strict=True))


@pytest.mark.parametrize("year", [1, 1970, 2062, 9999])
def test_every_business_time_of_every_event_is_put_right_by_the_moment_the_event_was_made(year: int) -> None:
    told = Neighbours()
    wrong = datetime(year, 1, 2, tzinfo=UTC)
    record, _ = told.order("o1", ("A", 2))
    shipped = told.ship(record, 1, 1)
    assert isinstance(shipped.payload, OrderState)
    shipments = tuple(one.model_copy(update={"shipped_at": wrong}) for one in shipped.payload.shipments)
    payload = shipped.payload.model_copy(update={"placed_at": wrong, "updated_at": wrong, "shipments": shipments})
    of_inventory = (told.sku("A"), told.stock("A", 2), told.inbound("A", "p", 3, wrong), told.merged("A", "B"))
    events = [
        _with(shipped, payload),
        *(_with(event, event.payload.model_copy(update={"occurred_at": wrong})) for event in of_inventory),
    ]
    for event in events:
        for handled_at in (event.time, event.time + timedelta(days=400)):
            [read] = believable([event], handled_at)
            expected = EARLIEST if year < 1990 else event.time
            assert _times(read) == [expected] * len(_times(event)), event.name
            if isinstance(read.payload, InboundChange):
                assert EARLIEST <= read.payload.eta <= event.time + FURTHEST_PLAN


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
@pytest.mark.parametrize("year", [1, 9999])
def test_no_time_of_any_event_is_left_out(name: str, year: int) -> None:
    """The samples fill every field, so a time that is new in an event is among them."""
    event = sample_events()[name]
    told = _dated(event.payload.model_dump(), datetime(year, 1, 2, tzinfo=UTC))
    [read] = believable([_with(event, type(event.payload).model_validate(told))], event.time)
    left = {moment.year for moment in _moments(read.payload.model_dump())}
    assert left
    if EVENT_TYPES[name].topic is not Topic.NOTIFICATIONS:  # which no service reads
        assert year not in left


def test_a_host_whose_clock_is_far_ahead_is_not_believed_either() -> None:
    told = Neighbours()
    now = told.now
    told.later(days=4000)
    _, placed = told.order("o1", ("A", 2))
    [read] = believable([placed], now)
    assert _times(read) == [now, now]


def test_a_time_of_the_future_does_not_hide_the_replay_that_follows_it() -> None:
    clock = FakeClock(NOW)
    business = BusinessClock(clock, follow_events=True)
    business.saw(datetime(2062, 1, 1, tzinfo=UTC))
    business.saw(NOW - timedelta(days=400))
    assert business.now() == NOW - timedelta(days=400)


def _dated(content: Any, moment: datetime) -> Any:
    """``content`` with ``moment`` for each time in it."""
    if isinstance(content, dict):
        return {name: _dated(value, moment) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_dated(value, moment) for value in content]
    return moment if isinstance(content, datetime) else content


def _moments(content: Any) -> Iterator[datetime]:
    if isinstance(content, dict | list | tuple):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _moments(value)
    elif isinstance(content, datetime):
        yield content


def _with(event: Event, payload: object) -> Event:
    values = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    return Event(**{**values, "payload": payload})
