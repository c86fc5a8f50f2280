"""Terms that bound a promise are facts like slips: when one moves, what it bounds is judged again, and told."""

from datetime import timedelta
from typing import Any

import pytest


def _dates(events: list[Any]) -> list[tuple[str, Any]]:
    return [(event.name, line.promise.date) for event in events for line in event.payload.lines]


async def test_a_later_release_moves_what_waits_and_what_is_allocated(world: Any) -> None:
    release = world.now + timedelta(days=5)
    await world.apply(world.sku("A", "preorder", release_at=release), world.stock("A", 2))
    placed = await world.apply(world.order("has", ("A", 2))[1], world.order("waits", ("A", 1))[1])
    assert placed[0].payload.lines[0].promise.date == release.date(), "allocated, and leaves with the release"
    told = await world.promise("waits-1")
    later = world.now + timedelta(days=40)
    events = await world.apply(world.sku("A", "preorder", release_at=later))
    assert _dates(events) == [("PromiseRevised", later.date())] * 2
    assert {event.payload.lines[0].promise.cause for event in events} == {"SkuPolicyChanged"}
    assert told < later.date()
    causes = {decision.decision_id for decision in await world.decisions("SkuPolicyChanged")}
    assert {event.payload.decision_id for event in events} == causes, "each names the decision that is stored of it"
    assert await world.apply(world.sku("A", "preorder", release_at=later)) == []
    await world.check()


async def test_an_article_that_becomes_a_preorder_is_promised_for_its_release(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=10), world.order("o", ("A", 1))[1])
    release = world.now + timedelta(days=20)
    events = await world.apply(world.sku("A", "preorder", lead_time_days=10, release_at=release))
    assert _dates(events) == [("PromiseRevised", release.date())]
    await world.check()


@pytest.mark.parametrize(("days", "expected"), [(60, 60), (11, 11), (5, None), (0, 0)])
async def test_another_lead_time_moves_the_dates_that_it_named(world: Any, days: int, expected: int | None) -> None:
    await world.apply(world.sku("A", lead_time_days=10), world.order("o", ("A", 1))[1])
    start = world.now.date()
    events = await world.apply(world.sku("A", lead_time_days=days))
    moved = [("PromiseRevised", start + timedelta(days=expected) if expected else None)]
    assert _dates(events) == ([] if expected is None else moved)
    await world.check()


async def test_a_promise_made_of_supply_does_not_move_with_the_lead_time(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=10), world.inbound("A", "p", 1, world.now + timedelta(days=4)))
    await world.apply(world.order("o", ("A", 1))[1])
    assert await world.apply(world.sku("A", lead_time_days=60)) == []
    await world.check()


async def test_a_lead_time_that_becomes_known_names_a_date(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=0), world.order("o", ("A", 1))[1])
    start = world.now.date()
    assert _dates(await world.apply(world.sku("A", lead_time_days=9))) == [
        ("PromiseRevised", start + timedelta(days=9))
    ]
    await world.check()


@pytest.mark.parametrize("stock", [0, 5])
@pytest.mark.parametrize("complete", [False, True])
async def test_an_order_that_is_too_late_by_the_release_is_declined_with_stock_and_without(
    world: Any, stock: int, complete: bool
) -> None:
    await world.apply(world.sku("A", "preorder", release_at=world.now + timedelta(days=20)), world.sku("B"))
    if stock:
        await world.apply(world.stock("A", stock), world.stock("B", stock))
    latest = (world.now + timedelta(days=10)).date()
    lines = [("A", 1), ("B", 1)] if complete else [("A", 1)]
    _, placed = world.order("o", *lines, latest_acceptable_date=latest, ship_complete=complete)
    (event,) = await world.apply(placed)
    assert (event.name, event.payload.lines[0].declined) == ("OrderDeclined", 1)
    assert event.payload.lines[0].reason_code == "promised_too_late"
    await world.check()
