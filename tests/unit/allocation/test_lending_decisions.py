"""Units that are needed later serve a line that is due now, and come back first."""

from datetime import date, timedelta
from typing import Any

import pytest

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import Lending, Policy, Quota, Sort


@pytest.fixture(autouse=True)
async def lending(world: Any) -> None:
    """Every policy lends, until a test says otherwise."""
    await world.use(Policy(lending=Lending()))


def in_days(world: Any, days: int) -> date:
    found: date = (world.now + timedelta(days=days)).date()
    return found


async def loans(world: Any) -> list[Any]:
    return list(await world.loans())


async def start(world: Any, *, need: int = 40, eta: int = 10, inbound: int = 20) -> None:
    """Five units are allocated to an order that needs them late; twenty are to come."""
    await world.remember_deliveries()
    await world.apply(world.sku("A"), world.stock("A", 5))
    await world.apply(world.order("late", ("A", 5), needed_by=in_days(world, need))[1])
    await world.apply(world.inbound("A", "po", inbound, world.now + timedelta(days=eta)))


def urgent(world: Any, name: str = "now", units: int = 3, due: int = 2, **more: Any) -> Any:
    return world.order(name, ("A", units), needed_by=in_days(world, due), **more)[1]


async def test_a_line_due_before_any_stock_comes_borrows_what_is_needed_later(world: Any) -> None:
    await start(world)
    answers = {event.key: event for event in await world.apply(urgent(world))}
    assert (answers["now"].name, answers["late"].name) == ("OrderAllocated", "AllocationReleased")
    assert answers["now"].payload.lines[0].allocated == {"HH": 3}
    lender = answers["late"].payload.lines[0]
    assert (lender.allocated, lender.waiting) == ({"HH": 2}, 3)
    assert (lender.promise.date, lender.promise.cause) == (in_days(world, 38), "Lent")
    assert "lent until" in lender.reason
    (loan,) = await loans(world)
    assert (loan.lender_line, loan.borrower_line, loan.units, loan.po_line) == ("late-1", "now-1", 3, "po")
    assert (loan.repay_by, loan.needed_on, loan.observations) == (in_days(world, 38), in_days(world, 40), 99)
    await world.check()


async def test_what_a_person_fixed_is_not_lent(world: Any) -> None:
    await start(world)
    async with world.units.begin() as uow:
        await uow.pins.pin("late-1", "for the fair", "test", world.now)
        await uow.commit()
    await world.apply(urgent(world))
    assert await loans(world) == []
    assert await world.granted("late-1", "now-1") == [5, 0]
    await world.check()


async def test_the_lender_is_repaid_before_those_who_stand_before_it_in_the_queue(world: Any) -> None:
    await world.use(Policy(sort=Sort.PRIORITY, lending=Lending()))
    await start(world)
    await world.apply(world.order("gold", ("A", 4), tier="gold", needed_by=in_days(world, 12))[1])
    await world.apply(urgent(world))
    answers = await world.apply(world.stock("A", 4, po_line="po", remaining=16))
    assert await world.granted("late-1", "gold-1", "now-1") == [5, 1, 3]
    assert {event.key: event.name for event in answers} == {"late": "BackorderAllocated", "gold": "BackorderAllocated"}
    (loan,) = await loans(world)
    assert (loan.repaid_units, loan.breached, loan.repaid_at) == (3, False, world.now)
    await world.check()


async def test_a_loan_comes_back_in_parts(world: Any) -> None:
    await start(world)
    await world.apply(urgent(world))
    await world.apply(world.stock("A", 2, po_line="po", remaining=18))
    (loan,) = await loans(world)
    assert (loan.repaid_units, loan.closed_at) == (2, None)
    await world.check()
    await world.apply(world.stock("A", 1, po_line="po", remaining=17))
    (loan,) = await loans(world)
    assert (loan.repaid_units, loan.closed_at) == (3, world.now)
    await world.check()


async def test_loans_are_repaid_when_the_policy_lends_no_more(world: Any) -> None:
    await start(world)
    await world.apply(urgent(world))
    await world.use(Policy())
    await world.apply(world.stock("A", 3, po_line="po", remaining=17))
    assert (await loans(world))[0].closed_at is not None
    await world.check()


@pytest.mark.parametrize(
    ("why", "more"),
    [
        ("the lender needs its units too soon after the delivery", {"need": 11}),
        ("nothing is inbound", {"inbound": 0}),
        ("the borrower can wait for the delivery", {"eta": 1}),
    ],
)
async def test_nothing_is_lent_if(world: Any, why: str, more: dict[str, int]) -> None:
    await start(world, **more)
    await world.apply(urgent(world))
    assert await loans(world) == [], why
    assert await world.granted("late-1", "now-1") == [5, 0]
    await world.check()


async def test_without_a_lending_policy_nothing_is_lent(world: Any) -> None:
    await world.use(Policy())
    await start(world)
    await world.apply(urgent(world))
    assert await loans(world) == []


async def test_the_part_of_an_order_that_ships_complete_neither_lends_nor_borrows(world: Any) -> None:
    await world.remember_deliveries()
    await world.apply(world.sku("A"), world.stock("A", 5))
    late = world.order("late", ("A", 5), needed_by=in_days(world, 40), ship_complete=True)[1]
    await world.apply(late, world.inbound("A", "po", 20, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    assert await world.granted("late-1", "now-1") == [5, 0]
    await world.apply(world.stock("A", 3))
    await world.apply(world.order("later", ("A", 2), needed_by=in_days(world, 50))[1])
    await world.apply(world.stock("A", 2), urgent(world, "whole", 1, ship_complete=True))
    assert await world.granted("later-1", "now-1", "whole-1") == [2, 3, 0]
    assert await loans(world) == []
    await world.check()


async def test_what_has_shipped_is_not_lent(world: Any) -> None:
    await world.remember_deliveries()
    await world.apply(world.sku("A"), world.stock("A", 5))
    order, placed = world.order("late", ("A", 5), needed_by=in_days(world, 40))
    await world.apply(placed)
    await world.apply(world.ship(order, 1, 4), world.stock("A", 0, shipped=4))
    await world.apply(world.inbound("A", "po", 20, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    assert await world.granted("late-1", "now-1") == [4, 1]
    await world.check()


async def test_a_line_lends_once_and_a_borrower_never(world: Any) -> None:
    await start(world)
    await world.apply(urgent(world))
    await world.apply(world.stock("A", 3, po_line="po", remaining=17))
    await world.apply(world.inbound("A", "po2", 20, world.now + timedelta(days=10)))
    await world.apply(urgent(world, "again"))
    assert await world.granted("late-1", "now-1", "again-1") == [5, 3, 0]
    assert len(await loans(world)) == 1
    await world.check()


async def test_what_one_delivery_brings_is_pledged_once(world: Any) -> None:
    await world.remember_deliveries()
    await world.apply(world.sku("A"), world.stock("A", 10))
    for name, need in (("late", 40), ("sooner", 30)):
        await world.apply(world.order(name, ("A", 5), needed_by=in_days(world, need))[1])
    await world.apply(world.inbound("A", "po", 2, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    await world.apply(urgent(world, "again"))
    assert [(loan.lender_line, loan.units) for loan in await loans(world)] == [("late-1", 2)]
    await world.check()


async def test_the_lender_keeps_its_date_however_far_off_more_supply_would_be(world: Any) -> None:
    await world.remember_deliveries()
    await world.apply(world.sku("A", lead_time_days=60), world.stock("A", 5))
    await world.apply(world.order("late", ("A", 5), needed_by=in_days(world, 40))[1])
    await world.apply(world.inbound("A", "po", 2, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    assert await world.granted("late-1", "now-1") == [3, 2]
    assert await world.promise("late-1") == in_days(world, 38)
    await world.check()


async def test_those_who_wait_borrow_as_soon_as_a_delivery_is_announced(world: Any) -> None:
    await start(world, inbound=0)
    for number, due in enumerate((4, 2, None)):
        wanted = None if due is None else in_days(world, due)
        await world.apply(world.order(f"q{number}", ("A", 3), needed_by=wanted, tier="platinum")[1])
    await world.apply(world.inbound("A", "po1", 20, world.now + timedelta(days=10)))
    # The one without a date is due when its tier may expect it: in two days, as the second, which came before.
    assert await world.granted("q0-1", "q1-1", "q2-1") == [0, 3, 2]
    await world.check()


async def test_a_quota_holds_for_borrowers_too(world: Any) -> None:
    await world.use(Policy(lending=Lending(), quotas=(Quota("channel", "web", 1),)))
    await start(world)
    await world.apply(urgent(world, channel="web"))
    assert await world.granted("now-1") == [1]
    await world.check()


async def test_a_borrower_that_cancels_gives_the_lender_its_units_back(world: Any) -> None:
    await start(world)
    order, placed = world.order("now", ("A", 3), needed_by=in_days(world, 2))
    await world.apply(placed)
    assert (await loans(world))[0].closed_at is None
    await world.apply(world.cancel(order))
    assert await world.granted("late-1") == [5]
    assert (await loans(world))[0].repaid_units == 3
    await world.check()


async def test_a_lender_that_cancels_is_owed_nothing_more(world: Any) -> None:
    await world.remember_deliveries()
    await world.apply(world.sku("A"), world.stock("A", 5))
    order, placed = world.order("late", ("A", 5), needed_by=in_days(world, 40))
    await world.apply(placed, world.inbound("A", "po", 20, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    await world.apply(world.cancel(order, 1, 1))
    (loan,) = await loans(world)
    assert (loan.void_units, loan.closed_at) == (1, None)
    await world.apply(world.cancel(order, 1, 2))
    (loan,) = await loans(world)
    assert (loan.void_units, loan.repaid_units, loan.closed_at, loan.breached) == (3, 0, world.now, False)
    await world.check()


async def test_a_loan_that_is_not_back_in_time_is_breached_and_still_owed(world: Any) -> None:
    await start(world)
    await world.apply(urgent(world))
    last = (await loans(world))[0].repay_by
    async with world.units.begin() as uow:
        assert await uow.loans.mark_breached(last) == 0
        assert await uow.loans.mark_breached(last + timedelta(days=1)) == 1
        assert await uow.loans.mark_breached(last + timedelta(days=1)) == 0
        await uow.commit()
    world.later(days=45)
    await world.apply(world.order("other", ("A", 1))[1])
    await world.apply(world.stock("A", 3, po_line="po", remaining=17))
    (loan,) = await loans(world)
    assert (loan.breached, loan.repaid_units) == (True, 3)
    await world.check()


async def test_a_repayment_after_the_day_is_a_breach_even_if_nobody_looked(world: Any) -> None:
    await start(world)
    await world.apply(urgent(world))
    world.later(days=45)
    await world.apply(world.stock("A", 3, po_line="po", remaining=17))
    assert (await loans(world))[0].breached
    await world.check()


async def test_a_lender_that_loses_more_than_it_lent_is_still_repaid(world: Any) -> None:
    await start(world)
    await world.apply(urgent(world))
    await world.apply(world.stock("A", -5))
    assert await world.granted("late-1", "now-1") == [0, 0]
    await world.apply(world.stock("A", 4))
    # Two that were taken back stand in the queue, the three that were lent before it.
    assert await world.granted("late-1", "now-1") == [4, 0]
    assert (await loans(world))[0].repaid_units == 3
    await world.check()


async def test_too_few_or_unpunctual_deliveries_allow_no_loan(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 5))
    await world.remember_deliveries(last=98)
    await world.apply(world.order("late", ("A", 5), needed_by=in_days(world, 40))[1])
    await world.apply(world.inbound("A", "po", 20, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    assert await loans(world) == []
    await world.remember_deliveries(first=99, last=99, late=29)
    await world.apply(urgent(world, "again"))
    assert await loans(world) == []
    await world.remember_deliveries(first=100, last=198)
    await world.apply(urgent(world, "third"))
    assert await loans(world) == []
    await world.remember_deliveries(first=199, last=199)
    await world.apply(urgent(world, "fourth"))
    assert [loan.observations for loan in await loans(world)] == [199]


async def test_an_unknown_supplier_is_judged_by_everybodys_deliveries(world: Any) -> None:
    await world.remember_deliveries(supplier="other")
    await world.apply(world.sku("A"), world.stock("A", 5))
    await world.apply(world.order("late", ("A", 5), needed_by=in_days(world, 40))[1])
    await world.apply(world.inbound("A", "po", 20, world.now + timedelta(days=10)))
    await world.apply(urgent(world))
    assert [loan.evidence for loan in await loans(world)] == ["all"]


async def test_a_delivery_that_is_cancelled_overdue_or_not_complete_counts_as_not_arrived(world: Any) -> None:
    first = world.now
    await world.apply(world.sku("A"), world.inbound("A", "gone", 9, first + timedelta(days=20)))
    await world.apply(world.inbound("A", "late", 9, first + timedelta(days=19)))
    await world.apply(world.inbound("A", "part", 9, first + timedelta(days=17)))
    await world.apply(world.inbound("A", "come", 9, first + timedelta(days=18)))
    await world.apply(world.inbound("A", "early", 9, first + timedelta(days=30)))
    world.later(days=8)
    await world.apply(world.inbound("A", "gone", 0, first + timedelta(days=20)))
    world.later(days=9)
    await world.apply(world.stock("A", 18, po_line="come", remaining=0), world.stock("A", 9, po_line="early"))
    await world.apply(world.stock("A", 4, po_line="part", remaining=5))
    session = AllocationSession()
    async with world.units.reading() as uow:
        store = uow.store
        await store.load_evidence(session, "S", 15, (first + timedelta(days=25)).date())
        await store.load_evidence(session, "S", 10, (first + timedelta(days=25)).date())
        await store.load_evidence(session, "T", 10, (first + timedelta(days=25)).date())
    own = session.evidence["S", 15].own
    assert (own.days, own.missing) == ((-1,), 3)
    # Ten days ahead of its date, the first was cancelled already: nobody would have counted on it.
    assert session.evidence["S", 10].own.observations == 3
    assert (session.evidence["T", 10].own.observations, session.evidence["T", 10].everybody.observations) == (0, 3)
