"""What a unit of each scarce SKU is worth to those who compete for it, so that orders can be compared that
need different SKUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from allocation_service.domain.allocating.ship_complete import CompleteOrder, Unit, densities

_ROUNDS = 20
_MOST_LOOKS = 200_000
"""Candidates times rounds at most: a hundred thousand waiters are priced in two rounds."""


class _Bundle(NamedTuple):
    """What is served as one: its value, units by scarce SKU, and whether it takes all of them or none."""

    value: int
    units: dict[str, int]
    whole: bool


def prices(
    candidates: Sequence[CompleteOrder], free: Mapping[str, int], scarce: Mapping[str, int]
) -> Mapping[str, int]:
    """Prices of the scarce SKUs by which serving the dearest first does best; ``scarce`` where none does better.

    Shadow prices of the supplies (Lagrange multipliers; Toyoda's measure for knapsacks of several dimensions
    with prices that follow demand). They begin as the SKUs' scarcity, at a level at which all supply is worth
    all that is wanted; in each round a SKU's price rises if those who are worth their price want more of it
    than there is, and falls if they want less. Each round's prices are tried on the supply, and the best are
    kept. Whole numbers only: the same inputs give the same prices on every machine.
    """
    bundles = _bundles(candidates, scarce)
    level = sum(one.value for one in bundles.values())
    stock = {sku: free.get(sku, 0) for sku in scarce}
    supply = max(1, sum(stock[sku] * share for sku, share in scarce.items()))
    asked = {sku: max(1, share * level // supply) for sku, share in scarce.items()}
    best, most = scarce, _reached(candidates, bundles, stock, scarce)
    for _ in range(min(_ROUNDS, max(1, _MOST_LOOKS // len(candidates)))):
        wanted = _wanted(bundles.values(), asked)
        asked = {sku: _moved(price, wanted.get(sku, 0), stock[sku]) for sku, price in asked.items()}
        reached = _reached(candidates, bundles, stock, asked)
        if reached > most:
            best, most = asked, reached
    return best


def _bundles(candidates: Iterable[CompleteOrder], scarce: Mapping[str, int]) -> dict[Unit, _Bundle]:
    bundles: dict[Unit, _Bundle] = {}
    for one in candidates:
        demand = one.demand
        bundle = bundles.get(one.unit)
        if bundle is None:
            bundle = bundles[one.unit] = _Bundle(0, {}, demand.ship_complete)
        if demand.sku in scarce:
            bundle.units[demand.sku] = bundle.units.get(demand.sku, 0) + demand.quantity
        bundles[one.unit] = bundle._replace(value=bundle.value + one.value * demand.quantity)
    return bundles


def _wanted(bundles: Iterable[_Bundle], asked: Mapping[str, int]) -> dict[str, int]:
    """Units of those who are worth more than the price of what they need."""
    wanted: dict[str, int] = {}
    for bundle in bundles:
        if bundle.value > sum([asked[sku] * units for sku, units in bundle.units.items()]):
            for sku, units in bundle.units.items():
                wanted[sku] = wanted.get(sku, 0) + units
    return wanted


def _moved(price: int, wanted: int, free: int) -> int:
    """A fifth of the way, in the logarithm, to the price that would meet supply if demand were unit-elastic."""
    return max(1, price + 2 * price * (wanted - free) // (5 * (wanted + free + 1)))


def _reached(
    candidates: Sequence[CompleteOrder],
    bundles: Mapping[Unit, _Bundle],
    stock: Mapping[str, int],
    asked: Mapping[str, int],
) -> int:
    """The value of who is served if the dearest by these prices come first."""
    worth = densities(candidates, asked)
    left = dict(stock)
    reached = 0
    for unit in sorted(bundles, key=lambda one: -worth[one]):
        value, units, whole = bundles[unit]
        if all(left[sku] >= count for sku, count in units.items()):
            reached += value
        elif whole:
            continue
        else:
            reached += value * min(left[sku] for sku in units) // sum(units.values())
        for sku, count in units.items():
            left[sku] -= min(count, left[sku])
    return reached
