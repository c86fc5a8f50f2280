"""The reconciler proves that no stock lies idle, and repairs and says so where it does."""

from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY
from sqlalchemy import text

from allocation_service.bootstrap import AllocationApplication
from allocation_service.entrypoints.background.passed_promises import PassedPromisesLoop
from allocation_service.entrypoints.background.queue_metrics import QueueMetricsLoop
from allocation_service.entrypoints.background.reconciler import Reconciler
from service_kit.testing import FakeClock


def replaying(world: Any) -> AllocationApplication:
    """What is replayed lies years back."""
    application: AllocationApplication = world.application(
        FakeClock(world.now + timedelta(days=1000)), business_clock="events"
    )
    return application


async def test_the_reconciler_finds_nothing_where_all_is_well(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1))
    await world.apply(world.order("o1", ("A", 1), ("B", 1), ship_complete=True)[1])
    assert await Reconciler(replaying(world)).once() == 0


async def test_the_reconciler_serves_a_waiter_that_was_missed(world: Any) -> None:
    await world.apply(world.sku("A"), world.order("o1", ("A", 2))[1])
    async with world.database.transaction() as conn:
        await conn.execute(text("INSERT INTO stock_level VALUES ('A', 'HH', 2, 0, 1, 100, 0)"))
    assert await Reconciler(replaying(world)).once() == 1
    assert await world.granted("o1-1") == [2]
    await world.check()


async def test_the_reconciler_takes_back_what_is_granted_beyond_the_supply(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3), world.order("o1", ("A", 2))[1])
    async with world.database.transaction() as conn:
        await conn.execute(text("UPDATE stock_level SET on_hand = 1"))
    assert await Reconciler(replaying(world)).once() == 1
    assert await world.granted("o1-1") == [1]
    await world.check()


async def test_promises_are_swept_by_the_time_of_events_where_that_is_set(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=3), world.order("o1", ("A", 2))[1])
    assert await PassedPromisesLoop(replaying(world)).once() == 0
    world.later(days=5)
    await world.apply(world.sku("B"))
    assert await PassedPromisesLoop(replaying(world)).once() == 1
    assert await world.promise("o1-1") > world.now.date()
    await world.check()


async def test_the_metrics_tell_how_long_the_oldest_waits_and_how_many_wait(world: Any) -> None:
    watching = QueueMetricsLoop(replaying(world))
    await watching.once()
    assert (_gauge("backorder_oldest_age_seconds"), _gauge("backorder_waiting_lines")) == (0, 0)
    await world.apply(world.sku("A"), world.order("o1", ("A", 2))[1])
    first = world.now
    await world.apply(world.sku("B"), world.order("o2", ("B", 3))[1])
    await watching.once()
    assert _gauge("backorder_oldest_age_seconds") == (world.now - first).total_seconds()
    assert (_gauge("backorder_waiting_units"), _gauge("backorder_waiting_lines")) == (5, 2)


def _gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(name)
