"""A queue that no index has in its order is read only as far as needed, and served as if all of it were read."""

from random import Random
from typing import Any

import pytest

from allocation_service.adapters.queue import unindexed_queue
from allocation_service.domain.policies.policy import (
    Ageing,
    Complete,
    Holdback,
    Policy,
    Quota,
    Share,
    Sort,
    ValueIndex,
    Weights,
)

TIERS = ("gold", "silver", "standard", None)
POLICIES = {
    "value": Policy(sort=Sort.VALUE_INDEX),
    "value of everything": Policy(sort=Sort.VALUE_INDEX, value_index=ValueIndex(Weights(20, 100, 100, 50))),
    "due": Policy(sort=Sort.EARLIEST_DUE, protect_promises=False),
    "ageing": Policy(sort=Sort.PRIORITY, ageing=Ageing(3, 20)),
    "ageing by value": Policy(sort=Sort.VALUE_INDEX, ageing=Ageing(2, 15)),
    "held back": Policy(sort=Sort.VALUE_INDEX, holdback=Holdback()),
    "held back in order": Policy(sort=Sort.FIFO, holdback=Holdback(), ageing=Ageing(5, 25)),
    "quotas": Policy(sort=Sort.FIFO, quotas=(Quota("channel", "web", 9), Quota("region", "north", 7))),
    "passed": Policy(sort=Sort.VALUE_INDEX, bypass_limit=1),
    "fair to customers": Policy(share=Share.MAX_MIN),
    "in proportion, held back": Policy(sort=Sort.PRIORITY, share=Share.PROPORTIONAL, holdback=Holdback()),
    "the same loss for all": Policy(sort=Sort.EARLIEST_DUE, share=Share.UNIFORM_LOSSES),
    "the best of whole orders": Policy(sort=Sort.VALUE_INDEX, complete=Complete.OPTIMAL),
}


async def _history(world: Any, random: Random) -> None:
    """Four weeks of demand that was served at once, so that there is something to expect."""
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 10_000))
    events = []
    for day in range(28):
        world.later(days=1)
        for number in range(random.randint(0, 2)):
            order = world.order(f"h{day}-{number}", ("A", random.randint(1, 3)), tier=random.choice(TIERS))
            events.append(order[1])
    await world.apply(*events)
    granted = (await world.rows("SELECT sum(granted) AS units FROM commitment"))[0].units
    await world.apply(world.stock("A", granted - world.level_of("A").on_hand))


async def _queue(world: Any, random: Random, *, several: bool) -> list[str]:
    """Sixty orders that wait; ``several``: a few ship complete with an article that is short as well."""
    names, events = [], []
    for number in range(60):
        world.later(hours=random.randint(1, 9))
        wanted = world.now.date().replace(day=1) if random.random() < 0.2 else None
        more = [("B", 1)] if random.random() < 0.1 and several else []
        order, event = world.order(
            f"q{number:02}",
            ("A", random.randint(1, 4)),
            *more,
            tier=random.choice(TIERS),
            ship_complete=random.random() < 0.2,
            needed_by=wanted,
            channel=random.choice(("web", "shop")),
            region=random.choice(("north", "south")),
        )
        names.append(order.state.lines[0].line_id)
        events.append(event)
        if random.random() < 0.1:
            events.append(world.amend(order, 1, order.state.lines[0].quantity + 2))
    await world.apply(*events)
    return names


async def _serve(world: Any, random: Random) -> None:
    await world.apply(world.inbound("A", "po", 50, world.now.replace(hour=0)))
    for _ in range(5):
        world.later(days=1)
        arrived = random.randint(5, 25)
        await world.apply(world.stock("A", arrived), world.stock("B", random.randint(0, 2)))
        if random.random() < 0.5:
            # Some of it turns out to be broken: units are taken back, by the same policy.
            await world.apply(world.stock("A", -random.randint(1, arrived)))


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("seed", range(2))
async def test_a_part_of_the_queue_serves_as_the_whole_would(
    worlds: Any, name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    for few in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(
                "allocation_service.application.allocating.allocate_unindexed_queue._AT_LEAST", 1 if few else 1_000_000
            )
            patch.setattr(unindexed_queue, "_FEW", 0 if few else 1_000_000)
            world, random = await worlds(), Random(seed)
            await _history(world, random)
            await world.use(POLICIES[name])
            # By value, whole orders are compared with all others that were read: more of them, other choices.
            lines = await _queue(world, random, several=POLICIES[name].sort is not Sort.VALUE_INDEX)
            await _serve(world, random)
            given.append(await world.granted(*lines))
            await world.check()
    assert given[0] == given[1]
    assert any(given[0])
