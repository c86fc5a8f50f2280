"""Dates that are learned, told as a story: on whichever stores, the same dates come out, and the same table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from allocation_service.application.promising.fold_outcomes import fold_outcomes
from allocation_service.application.promising.import_deliveries import DeliveriesRefused, import_deliveries
from allocation_service.application.promising.renew_passed_promises import find_passed_promises, renew_passed_promises
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.past_delivery import PastDelivery, StatedDate
from allocation_service.domain.lateness.situations import LEAD_BANDS
from service_kit.commands.execute import execute, read


async def fold(world: Any) -> int | None:
    """Build the next version of the table, if one is due."""
    version: int | None = await execute(world.units, fold_outcomes, world.now)
    return version


async def morning(world: Any, days: int = 1) -> int:
    """The day after so many days begins: what was learned is folded, and promises are looked at; events that made."""
    world.later(days=days)
    await fold(world)
    made = 0
    while skus := await read(world.units, find_passed_promises, world.now, ()):
        made += await execute(world.units, renew_passed_promises, world.options, world.now, skus)
    return made


def day(world: Any, days: int) -> date:
    """So many days from now."""
    found: date = (world.now + timedelta(days=days)).date()
    return found


async def deliver(world: Any, number: int, *, late: int, lead: int = 10, ordered: int = 10, short: int = 0) -> None:
    """A purchase order that is announced for ``lead`` days on and comes ``late`` days after, all but ``short``."""
    name, eta = f"past{number}", world.now + timedelta(days=lead)
    await world.apply(world.inbound("PAST", name, ordered, eta, supplier="ACME", ordered=ordered))
    world.later(days=lead + late)
    await world.apply(world.stock("PAST", ordered - short, po_line=name, remaining=short))
    if short:
        await world.apply(world.inbound("PAST", name, 0, eta, supplier="ACME", ordered=ordered))


def a_past_delivery(world: Any, number: int, *, late: int) -> PastDelivery:
    """Announced ten days before its date, and so many days late; each of another day."""
    eta = world.now.date() - timedelta(days=10 + number)
    dates = (StatedDate(eta - timedelta(days=10), eta),)
    came = eta + timedelta(days=late)
    return PastDelivery(f"past/{number}", "ACME", dates, came, came, 40, 40)


class LearnedDatesSuite:
    """``world`` takes dates as they are announced until it is told otherwise."""

    async def test_history_that_is_replayed_is_judged_for_its_own_day(self, world: Any) -> None:
        """A service that starts before the first event folds for the day on the wall, years ahead of what follows."""
        assert await execute(world.units, fold_outcomes, world.now + timedelta(days=4000)) == 1
        assert await execute(world.units, fold_outcomes, world.now + timedelta(days=3999)) is None, "clocks may differ"
        assert await fold(world) == 2

    async def test_before_anything_is_learned_half_the_lead_and_two_days_are_added(self, world: Any) -> None:
        await world.aim_at(95)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10)))
        await world.apply(world.order("o", ("A", 3))[1])
        assert await world.promise("o-1") == day(world, 17)
        await world.apply(world.order("later", ("A", 9))[1])
        assert await world.promise("later-1") == day(world, 23), "14 days of lead time, half of that and two"
        await world.check()

    async def test_dates_follow_what_the_supplier_did(self, world: Any) -> None:
        await world.apply(world.sku("PAST"), world.sku("A"))
        for number in range(25):
            await deliver(world, number, late=4)
        world.later(days=1)
        await world.aim_at(95)
        assert await fold(world) == 1
        eta = world.now + timedelta(days=10)
        await world.apply(world.inbound("A", "p1", 5, eta, supplier="ACME"))
        await world.apply(world.order("o", ("A", 3))[1])
        # Own: 4 days, 25/65; pool: 4/13 of 13 days, shrunk by 25/45 to 7: 5.33. 4.82, so five days.
        assert await world.promise("o-1") == day(world, 15)
        await world.check()

    async def test_a_table_is_built_when_a_day_or_a_minute_is_over_and_never_changes(self, world: Any) -> None:
        await world.apply(world.sku("PAST"))
        await deliver(world, 0, late=4)
        world.later(days=1)
        assert await fold(world) == 1
        assert await fold(world) is None
        world.later(minutes=1)
        assert await fold(world) == 2
        await deliver(world, 1, late=9)
        world.later(days=1)
        assert await fold(world) == 3
        async with world.units.reading() as uow:
            first, second, third = [await uow.lateness.table(version) for version in (1, 2, 3)]
        band = LEAD_BANDS[2]
        assert (first.pool[band].observations, third.pool[band].observations) == (1, 2)
        assert (first.pool, first.own, first.yields) == (second.pool, second.own, second.yields)

    async def test_units_that_are_surely_not_delivered_are_not_promised(self, world: Any) -> None:
        await world.apply(world.sku("PAST"), world.sku("A", lead_time_days=0))
        for number in range(20):
            await deliver(world, number, late=0, short=2)
        world.later(days=1)
        await world.aim_at(95)
        await fold(world)
        await world.apply(world.inbound("A", "p1", 10, world.now + timedelta(days=10), supplier="ACME"))
        await world.apply(world.order("o", ("A", 8))[1])
        assert await world.promise("o-1") is not None
        await world.apply(world.order("more", ("A", 1))[1])
        assert await world.promise("more-1") is None, "of ten, eight have come so far"
        await world.check()

    async def test_a_first_date_is_kept_or_missed_when_its_day_is_over(self, world: Any) -> None:
        await world.aim_at(80)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10), supplier="ACME"))
        for name, units in (("kept", 3), ("missed", 2)):
            await world.apply(world.order(name, ("A", units))[1])
        leaves, placed = world.order("leaves", ("A", 4))
        await world.apply(placed)
        await world.apply(world.cancel(leaves))
        world.later(days=16)
        await world.apply(world.stock("A", 3, po_line="p1", remaining=2))
        await morning(world)
        async with world.units.reading() as uow:
            assert (await uow.lateness.levels()).by_key == {}, "the day is not over"
        await morning(world)
        async with world.units.reading() as uow:
            levels = (await uow.lateness.levels()).by_key
        assert {key: level.outcomes for key, level in levels.items()} == {
            (Basis.INBOUND, "ACME", 80): 2,
            (Basis.INBOUND, "", 80): 2,
        }
        assert levels[Basis.INBOUND, "ACME", 80].alpha < 0.2, "one of two was missed: more than one in five"
        await world.check()

    async def test_a_date_moves_on_its_own_morning_at_the_latest(self, world: Any) -> None:
        await world.aim_at(95)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=4)))
        await world.apply(world.order("o", ("A", 3))[1])
        promised = await world.promise("o-1")
        assert promised == day(world, 8)
        for _ in range(7):
            await morning(world)
            assert await world.promise("o-1") == promised
        await world.published()
        assert await morning(world) == 1
        assert await world.promise("o-1") > promised
        assert [event.name for event in await world.published()] == ["PromiseRevised"]
        assert await morning(world) == 0
        await world.check()

    async def test_a_delivery_that_slips_within_the_slack_moves_no_date(self, world: Any) -> None:
        await world.aim_at(95)
        start = world.now
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, start + timedelta(days=10)))
        await world.apply(world.order("o", ("A", 3))[1])
        promised = await world.promise("o-1")
        answer = await world.apply(world.inbound("A", "p1", 5, start + timedelta(days=15)))
        assert (answer, await world.promise("o-1")) == ([], promised)
        await world.apply(world.inbound("A", "p1", 5, start + timedelta(days=30)))
        assert await world.promise("o-1") == (start + timedelta(days=47)).date()
        await world.check()

    async def test_what_a_promise_rests_on_is_stored_with_it(self, world: Any) -> None:
        await world.aim_at(95)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10), supplier="ACME"))
        await world.apply(world.order("backed", ("A", 3))[1], world.order("guess", ("A", 4))[1])
        async with world.units.begin() as uow:
            session = await self.session(uow, "backed", "guess")
        found = {line_id: line.promise_source for line_id, line in session.lines.items()}
        assert {line_id: (one.basis, one.source, one.table_version) for line_id, one in found.items()} == {
            "backed-1": (Basis.INBOUND, "ACME", 0),
            "guess-1": (Basis.LEAD_TIME, "A", 0),
        }
        assert all(80 <= one.confidence <= 95 for one in found.values())
        await world.check()

    async def test_what_a_promise_rests_on_is_told_with_it_and_stored_with_the_decision(self, world: Any) -> None:
        await world.aim_at(95)
        await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10), supplier="ACME"))
        await fold(world)
        [told] = await world.apply(world.order("o", ("A", 3))[1])
        promise = told.payload.lines[0].promise
        assert (promise.basis, promise.source, promise.confidence, promise.table_version) == ("inbound", "ACME", 95, 1)
        [moved] = await world.apply(world.inbound("A", "p1", 5, world.now + timedelta(days=40), supplier="ACME"))
        assert moved.name == "PromiseRevised"
        assert moved.payload.lines[0].promise.source == "ACME"
        await world.check()

    @staticmethod
    async def session(uow: Any, *orders: str) -> Any:
        """These orders as they are stored."""
        from allocation_service.application.session.allocation_session import AllocationSession  # noqa: PLC0415

        session = AllocationSession()
        await uow.store.load_orders(session, orders)
        return session

    async def test_a_target_of_its_own_is_a_skus_alone(self, world: Any) -> None:
        await world.apply(world.sku("PAST"), world.sku("A"), world.sku("B"))
        for number in range(30):
            await deliver(world, number, late=number % 10)
        world.later(days=1)
        await world.aim_at(99)
        async with world.units.begin() as uow:
            assert await uow.lateness.set_target("B", 80)
            assert not await uow.lateness.set_target("nothing", 80)
            assert await uow.lateness.targets_of(["A", "B", "nothing"]) == {"A": None, "B": 80}
            await uow.commit()
        await fold(world)
        for sku in "AB":
            await world.apply(world.inbound(sku, f"p{sku}", 5, world.now + timedelta(days=10), supplier="ACME"))
            await world.apply(world.order(sku.lower(), (sku, 3))[1])
        assert await world.promise("b-1") < await world.promise("a-1")
        await world.check()

    async def test_past_deliveries_are_brought_along_once(self, world: Any) -> None:
        await world.aim_at(95)
        await world.apply(world.sku("A"))
        past = [a_past_delivery(world, number, late=4) for number in range(25)]
        assert await execute(world.units, import_deliveries, past, world.now.date()) == 25
        assert await execute(world.units, import_deliveries, [*past, *past[:1]], world.now.date()) == 0
        await fold(world)
        await world.apply(world.inbound("A", "p1", 5, world.now + timedelta(days=10), supplier="ACME"))
        await world.apply(world.order("o", ("A", 3))[1])
        assert await world.promise("o-1") == day(world, 15), "as if they had been seen to come"
        await world.check()

    async def test_deliveries_that_cannot_have_been_are_refused_together(self, world: Any) -> None:
        good, today = a_past_delivery(world, 1, late=4), world.now.date()
        faults = {
            "dates": replace(
                good, dates=(*good.dates, StatedDate(good.dates[0].announced_on - timedelta(days=1), today))
            ),
            "closed_on": replace(good, closed_on=today + timedelta(days=1)),
            "arrived_on": replace(good, arrived_on=good.closed_on + timedelta(days=1)),
        }
        with pytest.raises(DeliveriesRefused) as refused:
            await execute(world.units, import_deliveries, [good, *faults.values()], today)
        assert [(one.number, one.field) for one in refused.value.faults] == list(enumerate(faults, start=1))
        assert await execute(world.units, import_deliveries, [good], today) == 1, "nothing was half done"
