"""Policies as versions: what decides about a SKU, when a change takes effect, and what it sets free."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.policies.policy_choice import DEFAULT, Scope
from allocation_service.application.policies.policy_records import Window, version_in_force
from allocation_service.domain.policies.policy import Holdback, Policy, Quota, Sort
from allocation_service.domain.policies.policy_document import written_document
from allocation_service.entrypoints.background.policy_reviews import PolicyReviewsLoop
from allocation_service.entrypoints.background.reconciler import RECONCILED, Reconciler
from service_kit.persistence.statements import Statement

PRIORITY = Policy(sort=Sort.PRIORITY)
GARDEN = (Scope.CATEGORY, "garden")


async def season(world: Any, policy: Policy, window: Window, name: str = "default") -> None:
    """Activate a version with a window."""
    async with world.units.begin() as uow:
        await uow.policies.create_policy(name)
        await uow.policies.write_draft(name, written_document(policy), "", "test")
        draft = (await uow.policies.read_versions(name))[0]
        await uow.policies.activate(draft, window, None, "test")
        await uow.commit()


async def two_wait(world: Any, sku: str, **more: Any) -> list[str]:
    """A silver order, then a gold one, of one unit each; their lines."""
    await world.apply(world.sku(sku, **more))
    for tier in ("silver", "gold"):
        await world.apply(world.order(f"{sku}-{tier}-{world.now:%d%H%M%S}", (sku, 1), tier=tier)[1])
    rows = await world.rows("SELECT line_id FROM queue_entry WHERE sku = :sku ORDER BY queued_at", sku=sku)
    return [row.line_id for row in rows]


async def test_a_skus_own_policy_stands_before_its_categorys_and_that_before_the_default(world: Any) -> None:
    await world.use(PRIORITY, GARDEN)
    await world.use(Policy(), (Scope.SKU, "own"))
    for sku, more, served in (("own", {"category": "garden"}, [1, 0]), ("gnome", {"category": "garden"}, [0, 1]),
                              ("other", {}, [1, 0])):  # fmt: skip
        lines = await two_wait(world, sku, **more)
        await world.apply(world.stock(sku, 1))
        assert await world.granted(*lines) == served, sku
    statement = (
        "SELECT steps->0->'policy'->>'name' AS name FROM decision"
        " WHERE cause_type = 'StockReceived' ORDER BY decided_at"
    )
    names = [row.name for row in await world.rows(statement)]
    assert names == ["sku:own", "category:garden", "default"]
    await world.check()


async def test_a_sku_that_moves_to_another_category_follows_its_policy_at_once(world: Any) -> None:
    await world.use(PRIORITY._replace(quotas=(Quota("channel", "web", 5),)), GARDEN)
    lines = await two_wait(world, "A")
    await world.apply(world.sku("A", category="garden"), world.stock("A", 1))
    assert await world.granted(*lines) == [0, 1]
    await world.check()


async def test_a_sku_that_becomes_known_with_its_category_is_decided_by_that_ones_policy(world: Any) -> None:
    await world.use(PRIORITY, GARDEN)
    for tier in ("silver", "gold"):
        await world.apply(world.order(tier, ("A", 1), tier=tier)[1])
    await world.apply(world.sku("A", category="garden"))
    await world.apply(world.stock("A", 1))
    assert await world.granted("silver-1", "gold-1") == [0, 1]


async def test_a_season_decides_by_business_time_and_the_version_before_it_afterwards(world: Any) -> None:
    begin, end = world.now + timedelta(days=1), world.now + timedelta(days=3)
    await season(world, PRIORITY, Window(begin, end))
    served = []
    for _ in range(3):
        lines = await two_wait(world, "A")
        await world.apply(world.stock("A", 1))
        served.append(await world.granted(*lines))
        await world.apply(world.stock("A", 1))
        world.later(days=1, hours=12)
    assert served == [[1, 0], [0, 1], [1, 0]]
    await world.check()


async def test_a_version_without_an_end_that_is_activated_in_a_season_does_not_end_the_season(world: Any) -> None:
    await season(world, PRIORITY, Window(None, world.now + timedelta(days=3)))
    await season(world, Policy(sort=Sort.EARLIEST_DUE), Window())
    async with world.units.reading() as uow:
        versions = await uow.policies.read_versions("default")
    deciding = [version_in_force(versions, world.now + timedelta(days=days)) for days in (1, 4)]
    assert [one.policy.sort for one in deciding if one] == [Sort.PRIORITY, Sort.EARLIEST_DUE]


async def test_a_category_whose_season_is_over_follows_the_default_again(world: Any) -> None:
    await season(world, PRIORITY, Window(None, world.now + timedelta(days=1)), "season")
    async with world.units.begin() as uow:
        await uow.assignments.assign(GARDEN, "season", "test")
        await uow.commit()
    lines = await two_wait(world, "A", category="garden")
    world.later(days=2)
    await world.apply(world.stock("A", 1))
    assert await world.granted(*lines) == [1, 0]


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
    await season(world, Policy(), Window(world.now + timedelta(hours=1), world.now + timedelta(days=1)))
    assert await PolicyReviewsLoop(world.application()).once() == 0
    world.later(hours=2)
    assert [await PolicyReviewsLoop(world.application()).once() for _ in range(2)] == [1, 0]
    assert await world.granted("o1-1") == [1]


@pytest.mark.parametrize("target", [DEFAULT, GARDEN, (Scope.SKU, "A")])
async def test_only_queues_before_free_stock_of_whoever_is_concerned_are_looked_at(world: Any, target: Any) -> None:
    await world.use(Policy(quotas=(Quota("channel", "web", 0),)))
    for sku, category in (("A", "garden"), ("B", None)):
        await world.apply(world.sku(sku, category=category), world.order(f"o{sku}", (sku, 1), channel="web")[1])
        await world.apply(world.stock(sku, 1))
    await world.apply(world.sku("C", category="garden"), world.order("oC", ("C", 1))[1])
    async with world.database.transaction() as conn:
        await conn.execute(text("DELETE FROM policy_review"))
        assignments = world.units.within(conn).assignments
        await assignments.want_review(target=target)
        found = await assignments.take_reviews(10)
    assert found == (["A", "B"] if target == DEFAULT else ["A"])


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


async def test_an_order_that_ships_complete_gets_no_article_that_its_own_policy_keeps_from_it(world: Any) -> None:
    """A follows the default, B has a quota: the order is served through the queue of A."""
    await world.use(Policy(quotas=(Quota("channel", "web", 1),)), (Scope.SKU, "B"))
    await world.apply(world.sku("A"), world.sku("B"), world.stock("B", 5))
    for name, channel in (("web", "web"), ("shop", "shop")):
        await world.apply(world.order(name, ("A", 1), ("B", 2), ship_complete=True, channel=channel)[1])
    await world.apply(world.stock("A", 2))
    assert await world.granted("web-1", "web-2", "shop-1", "shop-2") == [0, 0, 1, 2]
    await world.check()


@pytest.mark.parametrize(("limit", "given"), [(0, [2, 0, 0, 0, 6]), (2, [2, 2, 0, 0, 0])])
async def test_newcomers_pass_an_order_that_ships_complete_no_more_often_than_its_policy_allows(
    world: Any, limit: int, given: list[int]
) -> None:
    """Six units are wanted whole and come in twos, an order of two behind each: never passed, it has them with
    the third receipt, and the fourth goes to the first of the others."""
    await world.use(Policy(bypass_limit=limit))
    await world.apply(world.sku("A"), world.order("whole", ("A", 6), ship_complete=True)[1])
    for number in range(4):
        await world.apply(world.stock("A", 2))
        await world.apply(world.order(f"new{number}", ("A", 2))[1])
    assert await world.granted(*[f"new{number}-1" for number in range(4)], "whole-1") == given
    await world.apply(world.stock("A", 4))
    assert await world.granted("whole-1") == [6]
    await world.check()
