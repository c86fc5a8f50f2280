"""Inbound that falls because its units had come before, or rises because units went back to the supplier."""

from datetime import timedelta
from typing import Any


async def test_units_that_are_linked_late_are_promised_to_nobody_a_second_time(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=30), world.stock("A", 4))
    eta = world.now + timedelta(days=3)
    await world.apply(world.inbound("A", "p1", 10, eta))
    await world.apply(world.order("o1", ("A", 12))[1])
    assert await world.granted("o1-1") == [4]
    assert await world.promise("o1-1") == eta.date()
    answers = await world.apply(world.linked("A", "p1", 6))
    assert [event.name for event in answers] == ["PromiseRevised"], "eight wait, and six come"
    assert await world.promise("o1-1") == (world.now + timedelta(days=30)).date()
    assert await world.granted("o1-1") == [4], "no unit moved"
    await world.check()


async def test_linking_repeated_or_late_changes_nothing(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 4))
    eta = world.now + timedelta(days=3)
    scheduled = world.inbound("A", "p1", 10, eta)
    linked = world.linked("A", "p1", 6)
    await world.apply(linked)
    await world.apply(scheduled, linked)
    [row] = await world.rows("SELECT remaining, eta FROM inbound WHERE po_line = 'p1'")
    assert (row.remaining, row.eta) == (6, eta)
    await world.check()


async def test_units_that_go_back_are_taken_from_the_last_and_promised_from_the_reopened_line(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=60))
    eta = world.now + timedelta(days=5)
    await world.apply(world.inbound("A", "p1", 5, eta))
    await world.apply(world.stock("A", 5, po_line="p1", remaining=0))
    await world.apply(world.order("o1", ("A", 3))[1], world.order("o2", ("A", 2))[1])
    answers = await world.apply(world.stock("A", -2, po_line="p1", remaining=2))
    assert [(event.name, event.key) for event in answers] == [("AllocationReleased", "o2")]
    assert await world.granted("o1-1", "o2-1") == [3, 0]
    assert await world.promise("o2-1") == eta.date()
    await world.check()


async def test_units_that_go_back_are_no_delivery_to_judge_the_supplier_by(world: Any) -> None:
    await world.apply(world.sku("A"))
    await world.apply(world.inbound("A", "p1", 5, world.now + timedelta(days=5)))
    await world.apply(world.stock("A", 2, po_line="p1", remaining=3))
    arrived = "SELECT arrived_on FROM inbound_lateness WHERE po_line = 'p1'"
    [before] = await world.rows(arrived)
    world.later(days=9)
    await world.apply(world.stock("A", -1, po_line="p1", remaining=4))
    assert await world.rows(arrived) == [before]
