"""Prices by which orders are compared that need different SKUs."""

from datetime import UTC, datetime

from allocation_service.domain.allocating.scarcity_pricing import prices
from allocation_service.domain.allocating.ship_complete import CompleteOrder, densities, scarcity
from allocation_service.domain.policies.policy import Demand

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def _order(name: str, value: int, **units: int) -> list[CompleteOrder]:
    return [
        CompleteOrder(Demand(f"{name}-{sku}", name, sku, count, NOW, ship_complete=True), value)
        for sku, count in units.items()
    ]


def _served(candidates: list[CompleteOrder], free: dict[str, int], asked: dict[str, int]) -> int:
    """The value of the orders that are served if the dearest by these prices come first."""
    worth, left, reached = densities(candidates, asked), dict(free), 0
    for order in sorted({one.unit for one in candidates}, key=lambda unit: (-worth[unit], unit[0])):
        members = [one for one in candidates if one.unit == order]
        if all(left[one.demand.sku] >= one.demand.quantity for one in members):
            for one in members:
                left[one.demand.sku] -= one.demand.quantity
                reached += one.value * one.demand.quantity
    return reached


def test_prices_that_follow_demand_never_do_worse_than_scarcity_and_mostly_better() -> None:
    candidates = []
    for n in range(30):
        wanted = {"ABCD"[n % 4]: 1 + n % 3, "ABCD"[(n * 7 + 1) % 4]: 1 + n % 2}
        candidates += _order(f"o{n:02d}", 100 + 37 * n % 83, **wanted)
    better = 0
    for units in range(4, 20):
        free = dict.fromkeys("ABCD", units)
        scarce = scarcity(candidates, free)
        found = dict(prices(candidates, free, scarce))
        assert found == dict(prices(candidates, free, scarce))
        by_prices, by_scarcity = _served(candidates, free, found), _served(candidates, free, scarce)
        assert by_prices >= by_scarcity
        better += by_prices > by_scarcity
    assert better > 8


def test_a_line_that_takes_parts_counts_with_what_is_left_for_it() -> None:
    line = CompleteOrder(Demand("l", "l", "A", 10, NOW), 500)
    candidates = [line, *_order("o", 400, A=2, B=1), *_order("p", 300, B=1)]
    free = {"A": 4, "B": 1}
    assert set(prices(candidates, free, scarcity(candidates, free))) == {"A", "B"}
