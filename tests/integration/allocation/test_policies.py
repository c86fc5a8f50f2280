"""Policies on a real database: what its loops notice and hand out, and how policies are read."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.policies.policy_choice import Scope
from allocation_service.application.policies.policy_records import Window
from allocation_service.domain.policies.policy import Holdback, Policy, Quota, Sort
from allocation_service.entrypoints.background.policy_reviews import PolicyReviewsLoop
from allocation_service.entrypoints.background.reconciler import RECONCILED, Reconciler
from service_kit.persistence.statements import Statement

PRIORITY = Policy(sort=Sort.PRIORITY)
GARDEN = (Scope.CATEGORY, "garden")


async def kept(world: Any) -> list[str]:
    """A unit that is kept from one who waits, by a quota of none; that one's line."""
    await world.use(Policy(quotas=(Quota("channel", "web", 0),)))
    await world.apply(world.sku("A"), world.order("o1", ("A", 1), channel="web")[1])
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1") == [0]
    return ["o1-1"]


async def test_what_a_policy_kept_is_handed_out_when_another_is_activated_and_nobody_is_alarmed(world: Any) -> None:
    lines = await kept(world)
    await world.use(Policy())
    alarms = RECONCILED.labels("idle_stock")._value.get()
    reconciler, reviews = Reconciler(world.application()), PolicyReviewsLoop(world.application())
    assert await reconciler.once() == 0
    assert await reviews.once() == 1
    assert await world.granted(*lines) == [1]
    assert [event.name for event in await world.published()][-1] == "BackorderAllocated"
    assert RECONCILED.labels("idle_stock")._value.get() == alarms
    assert await reviews.once() == 0
    await world.check()


async def test_what_a_season_kept_is_handed_out_when_it_ends(world: Any) -> None:
    lines = await kept(world)
    end = world.now + timedelta(days=1)
    async with world.database.transaction() as conn:
        await conn.execute(text("UPDATE policy_version SET valid_until = :end WHERE status = 'active'"), {"end": end})
    assert await PolicyReviewsLoop(world.application()).once() == 0
    world.later(days=2)
    alarms = RECONCILED.labels("idle_stock")._value.get()
    await Reconciler(world.application()).once()
    assert await PolicyReviewsLoop(world.application()).once() == 1
    assert await world.granted(*lines) == [1]
    assert RECONCILED.labels("idle_stock")._value.get() == alarms
    await world.check()


async def test_a_season_that_begins_is_noticed_once(world: Any) -> None:
    await kept(world)
    await world.season(Policy(), Window(world.now + timedelta(hours=1), world.now + timedelta(days=1)))
    assert await PolicyReviewsLoop(world.application()).once() == 0
    world.later(hours=2)
    assert [await PolicyReviewsLoop(world.application()).once() for _ in range(2)] == [1, 0]
    assert await world.granted("o1-1") == [1]


async def test_a_batch_reads_policies_in_one_statement_however_many_skus_it_has(world: Any) -> None:
    await world.use(Policy(holdback=Holdback()), GARDEN)
    names = [f"S{number}" for number in range(50)]
    for name in names[:10]:
        await world.use(PRIORITY, (Scope.SKU, name))
    seen = []
    within = Statement.within

    async def count(self: Statement, conn: AsyncConnection, parameters: Any) -> Any:
        seen.append("policy_assignment" in self.sql)
        return await within(self, conn, parameters)

    await world.apply(*[world.sku(name, category="garden") for name in names])
    events = [world.stock(name, 1) for name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Statement, "within", count)
        await world.apply(*events)
    assert sum(seen) == 1


async def test_what_the_migration_carries_over_decides_as_before(world: Any) -> None:
    """The rows of before are still there to compare with: the seeded default was one of them."""
    before = await world.rows("SELECT name, version, sort, protect_promises FROM allocation_policy")
    async with world.units.reading() as uow:
        after = await uow.policies.read_versions("default")
    assert [(one.name, one.version, one.policy.sort.value, one.policy.protect_promises) for one in after] == [
        (row.name, row.version, row.sort, row.protect_promises) for row in before
    ]
    assert after[0].policy == Policy("default", 1)
