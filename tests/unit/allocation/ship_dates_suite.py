"""What allocation does with the calendars of locations, on any of its stores."""

from datetime import date, time, timedelta
from typing import Any

from allocation_service.application.promising.keep_calendars import keep_calendars
from allocation_service.application.promising.read_availability import read_availability
from event_contracts import Event, LocationState, Weekday, new_event
from service_kit.commands.execute import execute, read

WEEKDAYS = tuple(Weekday)[:5]


def located(world: Any, version: int, location: str | None = None, **calendar: Any) -> Event:
    """A location as inventory tells of it."""
    payload = LocationState(
        location=location or world.location,
        version=version,
        name="Main",
        priority=10,
        active=True,
        occurred_at=world.now,
        **calendar,
    )
    return new_event("LocationChanged", payload, source="/backorder/inventory-service", sequence=version)


async def tell(world: Any, *events: Event) -> None:
    """Hand the news of locations to allocation."""
    await execute(world.units, keep_calendars, events)


def next_weekday(day: date, number: int = 0) -> date:
    """The first working day of the week from a day on, or the one so many later."""
    while day.weekday() > 4 or number:
        number -= day.weekday() <= 4
        day += timedelta(days=1)
    return day


class ShipDatesSuite:
    """``world`` takes dates as they are announced."""

    async def test_without_a_calendar_nothing_is_said_of_when_units_leave(self, world: Any) -> None:
        await tell(world, located(world, 1))
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10)))
        events = await world.apply(world.order("o", ("A", 3))[1])
        assert [line.promise.ship_by for event in events for line in event.payload.lines] == [None]
        assert (await world.line("o-1")).ship_by is None

    async def test_a_promise_says_when_its_units_leave_and_keeps_that(self, world: Any) -> None:
        await tell(world, located(world, 2, handling_days=2, working_days=WEEKDAYS))
        eta = world.now + timedelta(days=10)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, eta))
        events = await world.apply(world.order("o", ("A", 3))[1])
        leaves = next_weekday(next_weekday(eta.date()), 2)
        assert [line.promise.ship_by for event in events for line in event.payload.lines] == [leaves]
        assert (await world.line("o-1")).ship_by == leaves
        await tell(world, located(world, 3, handling_days=9))
        _, placed = world.order("later", ("A", 2))
        await world.apply(placed)
        assert (await world.line("later-1")).ship_by == eta.date() + timedelta(days=9), "as it is now"
        assert (await world.line("o-1")).ship_by == leaves, "what was told stays"
        await world.check()

    async def test_a_date_that_moves_leaves_in_the_working_days_of_then(self, world: Any) -> None:
        await tell(world, located(world, 1, handling_days=1))
        eta = world.now + timedelta(days=10)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, eta))
        await world.apply(world.order("o", ("A", 3))[1])
        await tell(world, located(world, 2, handling_days=3))
        events = await world.apply(world.inbound("A", "p1", 5, eta + timedelta(days=4)))
        [line] = [line for event in events if event.name == "PromiseRevised" for line in event.payload.lines]
        leaves = eta.date() + timedelta(days=7)
        assert (line.promise.date, line.promise.ship_by) == (eta.date() + timedelta(days=4), leaves)
        assert (await world.line("o-1")).ship_by == leaves
        await tell(world, located(world, 3))
        await world.apply(world.inbound("A", "p1", 5, eta + timedelta(days=6)))
        assert (await world.line("o-1")).ship_by is None, "nobody states any more how long handling takes"
        await world.check()

    async def test_only_a_newer_version_of_a_location_changes_its_calendar(self, world: Any) -> None:
        news = [located(world, number, handling_days=number) for number in (1, 3, 2)]
        await tell(world, *news)
        await tell(world, news[0])
        await tell(world, news[2], news[1])
        eta = world.now + timedelta(days=10)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, eta))
        await world.apply(world.order("o", ("A", 3))[1])
        assert (await world.line("o-1")).ship_by == eta.date() + timedelta(days=3)

    async def test_availability_says_when_the_quantity_would_leave(self, world: Any) -> None:
        passed = time((world.now.hour + 23) % 24)
        await tell(world, located(world, 1, handling_days=1, cut_off=passed))
        eta = world.now + timedelta(days=10)
        await world.apply(world.sku("A"), world.stock("A", 2), world.inbound("A", "p1", 5, eta))
        today = world.now.date()
        late = passed <= world.now.time()
        for units, leaves in ((1, today + timedelta(days=2 if late else 1)), (4, eta.date() + timedelta(days=2))):
            [found] = await read(world.units, read_availability, {"A": units}, world.now, 2)
            assert found.ship_by == leaves
        await tell(world, located(world, 2))
        [found] = await read(world.units, read_availability, {"A": 4}, world.now, 2)
        assert found.ship_by is None
