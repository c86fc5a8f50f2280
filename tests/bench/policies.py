"""How long the policies' computations take by themselves: no database, one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from tests.bench.figures import Measured, Row, at_most
from tests.bench.registry import REGISTRY

from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.allocating.fair_share import Claim, divide
from allocation_service.domain.policies.policy import (
    DEFAULT_TIERS,
    Ageing,
    Demand,
    Expectation,
    Holdback,
    Location,
    Policy,
    Share,
    Sort,
    Supply,
)

if TYPE_CHECKING:
    from tests.bench.ground import Ground

ROUNDS = 5
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def _demands(lines: int, customers: int) -> list[Demand]:
    random = Random(7)
    return [
        Demand(
            f"line-{n:06}",
            f"order-{n:06}",
            "A",
            random.randint(1, 9),
            NOW - timedelta(hours=random.randint(1, 900), seconds=n),
            random.choice((0, 1, 2, 3, 3, 3)),
            date(2026, 3, 1) + timedelta(days=random.randint(0, 40)),
            customer_id=f"customer-{n % customers:06}",
            unit_value=random.randint(1, 500) * 100,
        )
        for n in range(lines)
    ]


def _supply(demands: list[Demand]) -> Mapping[str, Supply]:
    """Half of what is wanted, and demand that is expected from every tier."""
    units = sum(one.quantity for one in demands) // 2
    forecast = tuple(Expectation(units / 20, units / 5) for _ in DEFAULT_TIERS)
    return {"A": Supply("A", (Location("X", 1, units),), date(2026, 3, 20), 14, forecast)}


async def _time(act: Callable[[], object]) -> Measured:
    """Seconds of each round, after one that only warms up."""
    found = Measured()
    for number in range(ROUNDS + 1):
        started = time.perf_counter()
        await asyncio.to_thread(act)
        if number:
            found.add(time.perf_counter() - started)
    return found


@REGISTRY.measures(
    Row(
        "decide-value-index-10k",
        "deciding about 10,000 demands on one SKU by value index, with units held back and ageing, half in stock",
        "s",
        at_most(1, of="value"),
    )
)
async def value_index(ground: Ground) -> Mapping[str, Measured]:
    """Ranking, thresholds and grants of one decision."""
    demands = _demands(10_000, 2_000)
    supply = _supply(demands)
    policy = Policy(sort=Sort.VALUE_INDEX, holdback=Holdback(), ageing=Ageing(14, 60))
    return {"decide-value-index-10k": await _time(lambda: decide(supply, demands, policy, NOW))}


@REGISTRY.measures(
    Row(
        "max-min-100k",
        "sharing what there is of one SKU among 100,000 customers by weighted max-min, half in stock",
        "s",
        at_most(1, of="value"),
    ),
    Row("decide-max-min-100k", "the whole decision about them: ranking, shares, grants and reasons", "s"),
)
async def max_min(ground: Ground) -> Mapping[str, Measured]:
    """The shares by themselves, and the decision that makes use of them."""
    demands = _demands(100_000, 100_000)
    supply = _supply(demands)
    claims = [Claim(one.quantity, DEFAULT_TIERS[one.tier_rank].weight, one.customer_id or "") for one in demands]
    return {
        "max-min-100k": await _time(lambda: divide(Share.MAX_MIN, claims, supply["A"].free)),
        "decide-max-min-100k": await _time(lambda: decide(supply, demands, Policy(share=Share.MAX_MIN), NOW)),
    }
