"""Promise dates: they count the queue, slip with the supply, and are never in the past."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allocation_service.application.promising.renew_passed_promises import renew_passed_promises
from allocation_service.application.session.options import Options
from allocation_service.domain.policies.policy import Policy, Share, Sort
from allocation_service.wording.reason_words import published_words
from service_kit.commands.execute import execute


async def test_a_promise_counts_the_queue_before_it(world: Any) -> None:
    soon, late = world.now + timedelta(days=5), world.now + timedelta(days=12)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 3, soon), world.inbound("A", "p2", 3, late))
    for name in ("o1", "o2", "o3"):
        await world.apply(world.order(name, ("A", 2))[1])
    dates = [await world.promise(f"{name}-1") for name in ("o1", "o2", "o3")]
    assert dates == [soon.date(), late.date(), late.date()]
    await world.check()


async def test_a_slip_moves_only_the_lines_it_touches_and_says_so(world: Any) -> None:
    soon, late = world.now + timedelta(days=5), world.now + timedelta(days=12)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 2, soon), world.inbound("A", "p2", 2, late))
    for name in ("o1", "o2"):
        await world.apply(world.order(name, ("A", 2))[1])
    events = await world.apply(world.inbound("A", "p2", 2, late + timedelta(days=20)))
    assert [(event.name, event.key) for event in events] == [("PromiseRevised", "o2")]
    promise = events[0].payload.lines[0].promise
    assert (promise.date, promise.revision, promise.cause) == (
        (late + timedelta(days=20)).date(),
        2,
        "InboundRescheduled",
    )
    await world.check()


async def test_a_promise_is_never_published_earlier(world: Any) -> None:
    late = world.now + timedelta(days=12)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 2, late), world.order("o1", ("A", 2))[1])
    assert await world.apply(world.inbound("A", "p1", 2, late - timedelta(days=5))) == []
    assert await world.promise("o1-1") == late.date()


async def test_an_order_that_accepts_no_later_date_is_declined(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=14))
    latest = (world.now + timedelta(days=10)).date()
    answer = (await world.apply(world.order("o1", ("A", 1), latest_acceptable_date=latest)[1]))[0]
    assert answer.name == "OrderDeclined"
    assert "later than acceptable" in answer.payload.lines[0].reason


async def test_a_line_without_a_date_gets_one_when_supply_is_announced(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=0), world.order("o1", ("A", 1))[1])
    assert await world.promise("o1-1") is None
    eta = world.now + timedelta(days=9)
    events = await world.apply(world.inbound("A", "p1", 5, eta))
    assert [(event.name, event.payload.lines[0].promise.date) for event in events] == [("PromiseRevised", eta.date())]


async def test_the_sweeper_renews_promises_whose_day_is_over(world: Any) -> None:
    eta = world.now + timedelta(days=3)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 5, eta), world.order("o1", ("A", 1))[1])
    now = world.later(days=4)
    await execute(world.units, renew_passed_promises, Options(published_words, grace_days=2), now)
    events = await world.published()
    assert [(event.name, event.payload.lines[0].promise.date) for event in events] == [
        ("PromiseRevised", (now + timedelta(days=2)).date())
    ]
    await world.check()


async def test_a_promise_that_nothing_supports_any_more_becomes_no_date_when_that_is_known(world: Any) -> None:
    eta = world.now + timedelta(days=9)
    await world.apply(
        world.sku("A", lead_time_days=0), world.inbound("A", "p1", 1, eta), world.order("o1", ("A", 1))[1]
    )
    events = await world.apply(world.inbound("A", "p1", 0, eta))
    assert [(event.name, event.payload.lines[0].promise.date) for event in events] == [("PromiseRevised", None)]
    await world.check()


async def test_what_a_batch_publishes_names_the_event_that_caused_it(world: Any) -> None:
    eta = world.now + timedelta(days=5)
    placed = replace(world.order("o1", ("A", 2))[1], correlation_id="of-o1")
    await world.apply(world.sku("A"), world.inbound("A", "p1", 2, eta), world.sku("B"))
    await world.apply(placed)
    slip = replace(world.inbound("A", "p1", 2, eta + timedelta(days=20)), traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    other = replace(world.order("o2", ("B", 1))[1], traceparent=f"00-{'c' * 32}-{'d' * 16}-01")
    events = {event.name: event for event in await world.apply(slip, other)}
    found = {name: (event.causation_id, event.correlation_id) for name, event in events.items()}
    assert found == {
        "PromiseRevised": (slip.id, "of-o1"),
        "OrderBackordered": (other.id, other.correlation_id),
    }
    assert [events[name].traceparent for name in found] == [
        slip.traceparent if name == "PromiseRevised" else other.traceparent for name in found
    ]
    arrived = world.stock("A", 2, po_line="p1", remaining=0)
    filled = (await world.apply(arrived, world.sku("C")))[0]
    assert (filled.name, filled.causation_id, filled.correlation_id) == ("BackorderAllocated", arrived.id, "of-o1")


async def test_priority_moves_stock_among_waiters_but_never_a_promise_already_made(world: Any) -> None:
    await world.use(Policy(sort=Sort.PRIORITY))
    soon, late = world.now + timedelta(days=2), world.now + timedelta(days=30)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 2, soon), world.inbound("A", "p2", 9, late))
    await world.apply(world.order("o1", ("A", 2))[1])
    await world.apply(world.order("silver", ("A", 1), tier="silver")[1])
    await world.apply(world.order("gold", ("A", 1), tier="gold")[1])
    await world.apply(world.stock("A", 3, po_line="p1", remaining=0))
    assert await world.granted("o1-1", "silver-1", "gold-1") == [2, 0, 1]
    await world.check()


@pytest.mark.parametrize("sort", Sort)
async def test_a_delivery_in_parts_keeps_the_promises_made_of_it(sort: Sort, world: Any) -> None:
    await world.use(Policy(sort=sort))
    today = world.now + timedelta(hours=3)
    await world.apply(world.sku("A", lead_time_days=20), world.inbound("A", "p1", 12, today))
    await world.apply(world.order("silver", ("A", 10), tier="silver")[1])
    await world.apply(world.order("gold", ("A", 5), tier="gold", needed_by=world.now.date())[1])
    await world.apply(world.stock("A", 5, po_line="p1", remaining=7))
    assert await world.granted("silver-1", "gold-1") == [5, 0]
    await world.apply(world.stock("A", 5, po_line="p1", remaining=2))
    assert await world.granted("silver-1", "gold-1") == [10, 0]
    await world.apply(world.stock("A", 2, po_line="p1", remaining=0))
    assert await world.granted("silver-1", "gold-1") == [10, 2]
    await world.check()


@pytest.mark.parametrize("sort", Sort)
async def test_a_delivery_that_comes_early_keeps_the_promises_made_of_it(sort: Sort, world: Any) -> None:
    await world.use(Policy(sort=sort))
    await world.apply(world.sku("A", lead_time_days=14), world.inbound("A", "p1", 10, world.now + timedelta(days=10)))
    await world.apply(world.order("silver", ("A", 10), tier="silver")[1])
    await world.apply(world.order("gold", ("A", 10), tier="gold", needed_by=world.now.date())[1])
    world.later(days=5)
    # First it is announced for an earlier day, then it comes before that.
    await world.apply(world.inbound("A", "p1", 10, world.now + timedelta(days=3)))
    await world.apply(world.stock("A", 8, po_line="p1", remaining=2))
    assert await world.granted("silver-1", "gold-1") == [8, 0]
    await world.apply(world.stock("A", 2, po_line="p1", remaining=0))
    assert await world.granted("silver-1", "gold-1") == [10, 0]
    await world.check()


@pytest.mark.parametrize("sort", Sort)
async def test_promises_made_of_an_overdue_delivery_are_kept_when_it_comes(sort: Sort, world: Any) -> None:
    """An overdue delivery is counted on two days later: that day is later than any it was announced for."""
    await world.use(Policy(sort=sort))
    await world.apply(world.sku("A", lead_time_days=14), world.inbound("A", "p1", 10, world.now + timedelta(days=3)))
    world.later(days=5)
    await world.apply(world.order("silver", ("A", 10), tier="silver")[1])
    await world.apply(world.order("gold", ("A", 10), tier="gold", needed_by=world.now.date())[1])
    world.later(days=1)
    await world.apply(world.stock("A", 10, po_line="p1", remaining=0))
    assert await world.granted("silver-1", "gold-1") == [10, 0]
    await world.check()


async def test_what_is_shared_among_all_is_not_tied_to_promises(world: Any) -> None:
    await world.use(Policy(share=Share.MAX_MIN))
    await world.apply(world.sku("A", lead_time_days=30), world.inbound("A", "p1", 100, world.now + timedelta(days=10)))
    await world.apply(world.order("large", ("A", 100), customer_id="large")[1])
    await world.apply(world.order("small", ("A", 20), customer_id="small")[1])
    world.later(days=10)
    await world.apply(world.stock("A", 100, po_line="p1", remaining=0))
    assert await world.granted("large-1", "small-1") == [80, 20]
    await world.check()


async def test_within_a_batch_each_fill_keeps_the_promises_there_are_by_then(world: Any) -> None:
    """What was read of the queue stood in another order: a promise that had to be kept first no longer has to."""
    await world.use(Policy(sort=Sort.PRIORITY))
    today = world.now + timedelta(hours=3)
    await world.apply(world.sku("A", lead_time_days=20), world.inbound("A", "p1", 12, today))
    silver = world.order("silver", ("A", 10), tier="silver")
    await world.apply(silver[1], world.order("tin", ("A", 2))[1], world.order("gold", ("A", 6), tier="gold")[1])
    await world.apply(world.stock("A", 5, po_line="p1", remaining=7), world.cancel(silver[0]))
    assert await world.granted("silver-1", "tin-1", "gold-1") == [0, 0, 5]
    await world.check()


async def test_a_line_that_waits_for_the_rest_of_its_order_is_promised_with_it_and_not_anew_every_day(
    world: Any,
) -> None:
    eta = world.now + timedelta(days=3)
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 5), world.inbound("B", "p1", 5, eta))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1])
    slipped = world.now + timedelta(days=20)
    await world.apply(world.inbound("B", "p1", 5, slipped))
    now = world.later(days=4)
    for told in (1, 0):
        await execute(world.units, renew_passed_promises, Options(published_words, grace_days=2), now)
        events = await world.published()
        assert [event.payload.lines[0].promise.date for event in events] == [slipped.date()] * told
        now += timedelta(days=1)
    await world.check()


async def test_what_is_left_when_a_delivery_is_closed_goes_to_those_who_were_promised_it(world: Any) -> None:
    """Whatever the sort says: nothing else is announced that could keep their date."""
    await world.use(Policy(sort=Sort.PRIORITY))
    await world.apply(world.sku("A", lead_time_days=14), world.inbound("A", "po", 10, world.now + timedelta(days=9)))
    await world.apply(world.order("silver", ("A", 10), tier="silver")[1])
    await world.apply(world.order("platinum", ("A", 10), tier="platinum")[1])
    assert await world.promise("silver-1") < await world.promise("platinum-1")
    await world.apply(world.stock("A", 5, po_line="po", remaining=0))
    assert await world.granted("silver-1", "platinum-1") == [5, 0]
    await world.check()
