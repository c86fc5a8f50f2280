"""The protocol rules that allocation keeps, by their numbers in docs/protocol.md."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allocation_service.application.allocating.handle_events import handle_events
from allocation_service.application.session.options import Options
from allocation_service.wording.reason_words import published_words
from event_contracts import new_event_id


async def test_rule_1_a_fact_is_applied_only_if_it_is_newer(world: Any) -> None:
    first, placed = world.order("o1", ("A", 2))
    earlier = world.stock("A", 5)
    await world.apply(world.sku("A"), world.stock("A", -3), placed)
    cancelled = world.cancel(first)
    await world.apply(cancelled)
    assert await world.apply(earlier, placed) == []
    assert await world.granted("o1-1") == [0]
    assert world.units.state.levels["A", "HH"].on_hand == 2
    await world.check()


async def test_rule_1_a_fact_with_the_version_that_is_known_changes_nothing_whatever_it_says(world: Any) -> None:
    record, placed = world.order("o1", ("A", 2))
    await world.apply(world.sku("A"), placed)
    line = record.state.lines[0].model_copy(update={"quantity": 9})
    other = replace(placed, id=new_event_id(), payload=placed.payload.model_copy(update={"lines": (line,)}))
    assert await world.apply(other) == []
    assert (await world.line("o1-1")).quantity == 2


async def test_rule_1_a_receipt_older_than_what_is_known_of_its_inbound_leaves_that_as_it_is(world: Any) -> None:
    eta = world.now + timedelta(days=9)
    announced, receipt = world.inbound("A", "p1", 10, eta), world.stock("A", 4, po_line="p1", remaining=6)
    await world.apply(world.sku("A"), announced, world.inbound("A", "p1", 20, eta))
    await world.apply(receipt)
    _, inbound = world.units.state.inbound["p1"]
    assert (inbound.remaining, world.units.state.levels["A", "HH"].on_hand) == (20, 4)


async def test_rule_2_every_order_event_is_answered_even_if_nothing_changed(world: Any) -> None:
    order, placed = world.order("o1", ("A", 2))
    await world.apply(world.sku("A"), world.stock("A", 2), placed)
    answers = await world.apply(world.amend(order))
    assert [(event.name, event.payload.basis) for event in answers] == [("OrderAllocated", 2)]
    assert [line.line_id for line in answers[0].payload.lines] == ["o1-1"]


async def test_rule_2_line_versions_rise_with_every_answer(world: Any) -> None:
    order, placed = world.order("o1", ("A", 2))
    answers = await world.apply(world.sku("A"), placed)
    answers += await world.apply(world.stock("A", 1))
    answers += await world.apply(world.cancel(order))
    assert [event.payload.lines[0].line_version for event in answers] == [1, 2, 3]


async def test_rule_3_now_never_runs_back_on_a_sku(world: Any) -> None:
    _, late = world.order("late", ("A", 1))
    late_time = world.now
    world.later(days=-1)
    _, early = world.order("early", ("A", 1))
    await world.apply(world.sku("A"), late)
    answer = (await world.apply(early))[0]
    assert answer.payload.decided_at == late_time


async def test_rule_5_supply_counts_what_was_shipped(world: Any) -> None:
    order, placed = world.order("o1", ("A", 2))
    await world.apply(world.sku("A"), world.stock("A", 2), placed, world.order("o2", ("A", 1))[1])
    # The stock event comes long before the order's: nothing may look lost meanwhile.
    assert await world.apply(world.stock("A", 0, shipped=2)) == []
    await world.apply(world.ship(order, 1, 2))
    assert await world.granted("o1-1", "o2-1") == [2, 0]
    await world.check()


async def test_rule_8_a_receipt_and_the_fall_of_its_inbound_are_one(world: Any) -> None:
    await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10)))
    await world.apply(world.stock("A", 5, po_line="p1", remaining=0))
    _, placed = world.order("o1", ("A", 6))
    answer = (await world.apply(placed))[0]
    line = answer.payload.lines[0]
    assert (line.waiting, line.promise.date) == (1, (world.now + timedelta(days=14)).date())


async def test_rule_9_what_left_counts_as_granted_and_the_rest_is_taken_back(world: Any) -> None:
    _first, placed = world.order("o1", ("A", 2))
    await world.apply(world.sku("A"), world.stock("A", 2), placed)
    stranger, waits = world.order("o2", ("A", 2))
    await world.apply(waits)
    answers = await world.apply(world.ship(stranger, 1, 1), world.stock("A", 0, shipped=1))
    assert {(event.name, event.key) for event in answers} == {
        ("BackorderAllocated", "o2"),
        ("AllocationReleased", "o1"),
    }
    assert await world.granted("o1-1", "o2-1") == [1, 1]
    await world.check()


async def test_rule_9_lost_stock_is_taken_back_from_the_last_in_the_queue_and_promised_again(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 5))
    for name in ("o1", "o2"):
        await world.apply(world.order(name, ("A", 2))[1])
    answers = await world.apply(world.stock("A", -2))
    assert [(event.name, event.key) for event in answers] == [("AllocationReleased", "o2")]
    line = answers[0].payload.lines[0]
    assert (line.waiting, line.promise.date) == (1, (world.now + timedelta(days=14)).date())
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1", "o2-1") == [2, 2]
    await world.check()


async def test_rule_11_without_a_policy_demand_waits_undecided(world: Any) -> None:
    answers = await world.apply(world.stock("A", 3), world.order("o1", ("A", 2))[1], world.order("o2", ("A", 2))[1])
    assert [(event.name, event.payload.lines[0].waiting) for event in answers] == [("OrderBackordered", 2)] * 2
    assert await world.granted("o1-1", "o2-1") == [0, 0]
    answers = await world.apply(world.sku("A", "stock_only"))
    assert [(event.name, event.key) for event in answers] == [("BackorderAllocated", "o1"), ("OrderDeclined", "o2")]
    await world.check()


async def test_rule_13_an_order_over_several_skus_is_decided_with_all_of_them_locked(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("B", 1))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1])
    assert await world.apply(world.stock("A", 1), deferred_orders=False) == []
    assert await world.granted("o1-1", "o1-2") == [0, 0]
    assert await world.recheck() == 1
    assert await world.granted("o1-1", "o1-2") == [1, 1]
    await world.check()


async def test_rule_13_a_newcomer_does_not_overtake_an_order_that_is_being_rechecked(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("B", 1))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.apply(world.stock("A", 1), deferred_orders=False)
    assert await world.apply(world.order("o2", ("A", 1))[1], deferred_orders=False) == []
    answers = await world.apply()
    assert [(event.name, event.key) for event in answers] == [("BackorderAllocated", "o1"), ("OrderBackordered", "o2")]
    await world.check()


async def test_rule_13_those_behind_an_order_that_cannot_be_filled_get_the_stock(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1], world.order("o2", ("A", 2))[1])
    await world.apply(world.stock("A", 3))
    assert await world.granted("o1-1", "o1-2", "o2-1") == [0, 0, 2]
    await world.check()


async def test_rule_13_rechecks_survive_the_worker_that_left_them(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("B", 1))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.apply(world.stock("A", 1), deferred_orders=False)
    with pytest.raises(ZeroDivisionError):
        async with world.units.begin() as uow:
            await handle_events(uow, [world.stock("B", 5)], Options(published_words))
            raise ZeroDivisionError
    assert await world.recheck() == 1
    assert await world.granted("o1-1", "o1-2") == [1, 1]


async def test_rule_14_an_order_that_is_no_longer_complete_lets_go_of_its_stock(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1), world.stock("B", 1))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.apply(world.order("o2", ("B", 1))[1])
    await world.apply(world.stock("A", -1))
    assert await world.granted("o1-1", "o1-2", "o2-1") == [0, 0, 1]
    await world.check()


async def test_rule_14_at_placing_one_declined_line_declines_the_whole_order(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B", "stock_only"), world.stock("A", 1))
    answer = (await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1]))[0]
    assert (answer.name, [line.declined for line in answer.payload.lines]) == ("OrderDeclined", [1, 1])
    await world.check()


async def test_rule_14_later_closed_lines_leave_the_test(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1))
    order, placed = world.order("o1", ("A", 1), ("B", 1), ship_complete=True)
    await world.apply(placed)
    await world.apply(world.cancel(order, 2))
    assert await world.granted("o1-1") == [1]
    await world.check()


async def test_rule_15_an_increase_beyond_the_cap_declines_only_the_increment(world: Any) -> None:
    await world.apply(world.sku("A", cap=5))
    order, placed = world.order("o1", ("A", 4))
    await world.apply(placed)
    answer = (await world.apply(world.amend(order, 1, 7)))[0]
    line = answer.payload.lines[0]
    assert (answer.name, line.waiting, line.declined) == ("OrderDeclined", 4, 3)
    answer = (await world.apply(world.cancel(order)))[0]
    assert (answer.payload.lines[0].waiting, answer.payload.lines[0].declined) == (0, 0)
    await world.check()


async def test_rule_16_a_policy_change_touches_only_what_is_decided_after_it(world: Any) -> None:
    await world.apply(world.sku("A"), world.order("o1", ("A", 2))[1])
    (told,) = await world.apply(world.sku("A", "discontinued"))
    line = told.payload.lines[0]
    assert (told.name, line.waiting, line.declined) == ("PromiseRevised", 2, 0), "accepted units stay accepted"
    assert line.promise.date is None, "nothing is ordered any more that could keep it (rule 22)"
    answers = await world.apply(world.stock("A", 2), world.order("o2", ("A", 1))[1])
    assert [(event.name, event.key) for event in answers] == [("BackorderAllocated", "o1"), ("OrderDeclined", "o2")]
    await world.check()


async def test_fill_from_state_a_repeated_or_late_receipt_hands_out_nothing_twice(world: Any) -> None:
    await world.apply(world.sku("A"), world.order("o1", ("A", 9))[1])
    receipt = world.stock("A", 3)
    await world.apply(receipt)
    again = replace(receipt, id=new_event_id())
    assert await world.apply(again) == []
    assert await world.granted("o1-1") == [3]


async def test_amending_up_queues_the_added_units_as_of_now(world: Any) -> None:
    await world.apply(world.sku("A"))
    order, placed = world.order("o1", ("A", 1))
    await world.apply(placed, world.order("o2", ("A", 1))[1])
    await world.apply(world.amend(order, 1, 2))
    await world.apply(world.stock("A", 2))
    assert await world.granted("o1-1", "o2-1") == [1, 1]
    await world.check()
