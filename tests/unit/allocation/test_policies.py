"""Policies as versions: what decides about a SKU, when a change takes effect, and what it sets free."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from allocation_service.application.policies.policy_choice import Scope
from allocation_service.application.policies.policy_records import Window, version_in_force
from allocation_service.domain.policies.policy import Policy, Quota, Sort

PRIORITY = Policy(sort=Sort.PRIORITY)
GARDEN = (Scope.CATEGORY, "garden")


async def two_wait(world: Any, sku: str, **more: Any) -> list[str]:
    """A silver order, then a gold one, of one unit each; their lines."""
    await world.apply(world.sku(sku, **more))
    for tier in ("silver", "gold"):
        await world.apply(world.order(f"{sku}-{tier}-{world.now:%d%H%M%S}", (sku, 1), tier=tier)[1])
    found: list[str] = await world.queue(sku)
    return found


async def test_a_skus_own_policy_stands_before_its_categorys_and_that_before_the_default(world: Any) -> None:
    await world.use(PRIORITY, GARDEN)
    await world.use(Policy(), (Scope.SKU, "own"))
    for sku, more, served in (("own", {"category": "garden"}, [1, 0]), ("gnome", {"category": "garden"}, [0, 1]),
                              ("other", {}, [1, 0])):  # fmt: skip
        lines = await two_wait(world, sku, **more)
        await world.apply(world.stock(sku, 1))
        assert await world.granted(*lines) == served, sku
    steps = [orjson.loads(one.steps) for one in await world.decisions("StockReceived")]
    names = [one[0]["policy"]["name"] for one in steps]
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
    await world.season(PRIORITY, Window(begin, end))
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
    await world.season(PRIORITY, Window(None, world.now + timedelta(days=3)))
    await world.season(Policy(sort=Sort.EARLIEST_DUE), Window())
    async with world.units.reading() as uow:
        versions = await uow.policies.read_versions("default")
    deciding = [version_in_force(versions, world.now + timedelta(days=days)) for days in (1, 4)]
    assert [one.policy.sort for one in deciding if one] == [Sort.PRIORITY, Sort.EARLIEST_DUE]


async def test_a_category_whose_season_is_over_follows_the_default_again(world: Any) -> None:
    await world.season(PRIORITY, Window(None, world.now + timedelta(days=1)), "season")
    async with world.units.begin() as uow:
        await uow.assignments.assign(GARDEN, "season", "test")
        await uow.commit()
    lines = await two_wait(world, "A", category="garden")
    world.later(days=2)
    await world.apply(world.stock("A", 1))
    assert await world.granted(*lines) == [1, 0]


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
