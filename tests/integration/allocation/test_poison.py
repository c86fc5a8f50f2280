"""What cannot be worked on stops nothing beside itself: answers too large for one event, deferred orders, sweeps."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from allocation_service.application.allocating import deferred_orders, locked_session, reconcile_stock
from allocation_service.application.allocating.new_demand import decide_new_demand
from allocation_service.application.policies import follow_policy_changes
from allocation_service.application.promising import renew_passed_promises
from allocation_service.bootstrap import AllocationApplication
from allocation_service.entrypoints.background.deferred_orders import DeferredOrdersLoop
from allocation_service.entrypoints.background.passed_promises import PassedPromisesLoop
from allocation_service.entrypoints.background.policy_reviews import PolicyReviewsLoop
from allocation_service.entrypoints.background.reconciler import Reconciler
from event_contracts import AllocationState, Event
from event_contracts.envelope import MAX_DATA_BYTES
from service_kit.persistence.parked_work import ParkedWork
from service_kit.testing import FakeClock

LOCATIONS = tuple(place * 60 for place in "東西南")


def about(events: Sequence[Event], order_id: str) -> list[Event]:
    return [event for event in events if event.key == order_id]


def states(events: Sequence[Event]) -> list[AllocationState]:
    return [event.payload for event in events if isinstance(event.payload, AllocationState)]


async def test_an_answer_too_large_for_one_event_is_several(world: Any) -> None:
    skus = [f"{number:04d}" + "灯" * 56 for number in range(1000)]
    await world.apply(*(world.sku(sku) for sku in skus))
    stock = [world.stock(sku, 1, place) for sku in skus for place in LOCATIONS]
    record, placed = world.order("big", *((sku, 3) for sku in skus), ship_complete=True)
    events = about(await world.apply(*stock, placed), "big")
    assert {event.name for event in events} == {"OrderAllocated"}
    assert len(events) > 1
    assert all(len(event.value()) <= MAX_DATA_BYTES for event in events)
    assert len({(state.decision_id, state.basis) for state in states(events)}) == 1
    told = [line for state in states(events) for line in state.lines]
    assert {line.line_id for line in told} == {f"big-{number}" for number in range(1, 1001)}
    assert len(told) == 1000
    assert all(line.allocated == dict.fromkeys(LOCATIONS, 1) for line in told)
    # What follows is divided as well: the event of a change, and that of a decision of its own.
    events = about(await world.apply(world.cancel(record)), "big")
    assert len({line.line_id for state in states(events) for line in state.lines}) == 1000
    await world.check()


async def test_a_revision_of_promises_too_large_for_one_event_is_several(world: Any) -> None:
    await world.apply(world.sku("灯" * 60, lead_time_days=3))
    await world.apply(world.order("big", *[("灯" * 60, 1)] * 1000)[1])
    now = world.later(days=5)
    await PassedPromisesLoop(world.application(FakeClock(now))).once()
    events = about(await world.published(), "big")
    assert {event.name for event in events} == {"PromiseRevised"}
    assert all(len(event.value()) <= MAX_DATA_BYTES for event in events)
    assert len({line.line_id for state in states(events) for line in state.lines}) == 1000


def failing_for(order_id: str, broken: list[bool]) -> Callable[..., Any]:
    decide = decide_new_demand

    def fails(builder: Any, order: Any) -> Any:
        if order.order_id == order_id and broken:
            raise ValueError(f"{order_id} cannot be decided")
        return decide(builder, order)

    return fails


async def test_a_deferred_order_that_cannot_be_decided_stops_no_other(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]
    monkeypatch.setattr(deferred_orders, "decide_new_demand", failing_for("bad", broken))
    names = [f"{side}{number}" for number in range(25) for side in "LR"]
    await world.apply(*(world.sku(sku) for sku in ("A", "B", *names)))
    await world.apply(world.order("bad", ("A", 1), ("B", 1), ship_complete=True)[1])
    for number in range(25):
        order = world.order(f"o{number:02d}", (f"L{number}", 1), (f"R{number}", 1), ship_complete=True)[1]
        await world.apply(order)
    # One SKU at a time, so that every order is left to be decided by itself.
    for sku in ("A", "A", "B", *names):
        await world.apply(world.stock(sku, 1), deferred_orders=False)
    assert len(await world.rows("SELECT order_id FROM recheck")) == 26
    loop, parked = DeferredOrdersLoop(world.application()), ParkedWork(world.database)
    assert await loop.once() == 25
    assert set(await world.granted(*(f"o{number:02d}-{line}" for number in range(25) for line in (1, 2)))) == {1}
    [item] = await parked.list_items()
    assert (item.task, item.item, item.attempts) == ("deferred_orders", "bad", 1)
    assert "bad cannot be decided" in item.error

    # It stands in nobody's way, and waits for its time; only what it was promised is kept for it.
    for order_id in ("later", "last"):
        await world.apply(world.order(order_id, ("A", 1))[1], deferred_orders=False)
    assert [row.order_id for row in await world.rows("SELECT order_id FROM recheck")] == ["bad"]
    assert await world.granted("later-1", "last-1", "bad-1") == [1, 0, 0]
    assert await loop.once() == 0
    assert (await parked.list_items())[0].attempts == 1

    # An operator asks for it in vain, and again once it can be decided.
    assert await parked.retry("deferred_orders", "bad") == 1
    assert await loop.once() == 0
    assert (await parked.list_items())[0].attempts == 2
    broken.clear()
    await world.apply(world.stock("A", 1), deferred_orders=False)
    assert await parked.retry() == 1
    assert await loop.once() == 2, "the stock deferred it again, and with it the one behind it"
    assert await world.granted("bad-1", "bad-2", "last-1") == [1, 1, 1]
    assert await parked.list_items() == []
    await world.check()


async def test_orders_behind_one_that_cannot_be_decided_are_decided_without_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferred_orders, "decide_new_demand", failing_for("bad", [True]))
    await world.apply(world.sku("A"), world.sku("B"))
    await world.apply(world.order("bad", ("A", 1), ("B", 1), ship_complete=True)[1])
    for number in range(30):
        await world.apply(world.order(f"o{number:02d}", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.apply(world.stock("A", 30), deferred_orders=False)
    await world.apply(world.stock("B", 30), deferred_orders=False)
    await DeferredOrdersLoop(world.application()).once()
    granted = await world.granted(*(f"o{number:02d}-1" for number in range(30)))
    assert sum(granted) == 30


def raising_for(sku: str, broken: list[bool], genuine: Callable[..., Any]) -> Callable[..., Any]:
    async def lock(store: Any, options: Any, skus: Sequence[str], now: Any) -> Any:
        if sku in skus and broken:
            raise ValueError(f"{sku} cannot be worked on")
        return await genuine(store, options, skus, now)

    return lock


def at(world: Any, **later: float) -> AllocationApplication:
    application: AllocationApplication = world.application(FakeClock(world.now + timedelta(**later)))
    return application


@pytest.mark.parametrize("task", ["passed_promises", "policy_reviews", "reconciler"])
async def test_a_sku_that_a_sweep_cannot_work_on_stops_no_other(
    world: Any, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    broken = [True]
    module = {
        "passed_promises": renew_passed_promises,
        "policy_reviews": follow_policy_changes,
        "reconciler": reconcile_stock,
    }[task]
    monkeypatch.setattr(module, "lock_session", raising_for("BAD", broken, locked_session.lock_session))
    skus = ["A", "BAD", "C", "D"]
    await world.apply(*(world.sku(sku, lead_time_days=3) for sku in skus))
    for sku in skus:
        await world.apply(world.order(f"o-{sku}", (sku, 2))[1])
    sweep: Any
    if task == "passed_promises":
        sweep = PassedPromisesLoop(at(world, days=5))
    elif task == "policy_reviews":
        async with world.database.transaction() as conn:
            for sku in skus:
                await conn.exec_driver_sql(f"INSERT INTO policy_review (sku) VALUES ('{sku}')")
        sweep = PolicyReviewsLoop(at(world))
    else:
        async with world.database.transaction() as conn:
            for sku in skus:
                await conn.exec_driver_sql(f"INSERT INTO stock_level VALUES ('{sku}', 'HH', 2, 0, 1, 100, 0)")
        sweep = Reconciler(at(world))
    parked = ParkedWork(world.database)
    assert await sweep.once() == 3
    assert [(one.task, one.item) for one in await parked.list_items()] == [(task, "BAD")]
    assert await sweep.once() == 0, "it waits for its time"
    broken.clear()
    assert await parked.retry(task, "BAD") == 1
    assert await sweep.once() == 1
    assert await parked.list_items() == []


async def test_a_sweep_in_a_database_that_takes_no_writes_sets_nothing_aside(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=3), world.order("o", ("A", 2))[1])
    async with world.database.transaction() as conn:
        await conn.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'read only' USING ERRCODE = '25006'; END $$"
        )
        await conn.exec_driver_sql("CREATE TRIGGER refuse BEFORE UPDATE ON demand EXECUTE FUNCTION refuse()")
    sweep = PassedPromisesLoop(at(world, days=5))
    with pytest.raises(Exception, match="read only"):
        await sweep.once()
    async with world.database.transaction() as conn:
        await conn.exec_driver_sql("DROP FUNCTION refuse CASCADE")
    assert await ParkedWork(world.database).list_items() == []
    async with asyncio.timeout(30):
        assert await sweep.once() == 1
