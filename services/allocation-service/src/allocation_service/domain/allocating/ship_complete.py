"""Choosing among orders that ship complete when several SKUs are scarce: all lines of an order or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from allocation_service.domain.policies.policy import Demand

_MILLE = 1000


class CompleteOrder(NamedTuple):
    """A demand that may be served, with the value of one of its units."""

    demand: Demand
    value: int

    @property
    def unit(self) -> tuple[str, datetime | None]:
        """What is served as one: the whole order, or a line's place in the queue."""
        demand = self.demand
        return (demand.order_id, None) if demand.ship_complete else (demand.line_id, demand.queued_at)


Unit = tuple[str, "datetime | None"]


class OrderColumn(NamedTuple):
    """Something that can be chosen up to ``most`` times; ``whole`` times only, if it is an order."""

    value: int
    most: int
    whole: bool


class SkuLimit(NamedTuple):
    """A supply that is not enough for all: units that each column (by number) takes of it."""

    capacity: int
    uses: tuple[tuple[int, int], ...]


class SolverChoice(NamedTuple):
    """Choose columns so that no row takes more than its capacity and the value is greatest."""

    columns: tuple[OrderColumn, ...]
    rows: tuple[SkuLimit, ...]


Solver = Callable[[SolverChoice], "Sequence[int] | str"]
"""How often to choose each column, or in words why there is no answer."""


def scarcity(candidates: Iterable[CompleteOrder], free: Mapping[str, int]) -> dict[str, int]:
    """The part of a SKU's demand that its supply leaves waiting, in thousandths; only SKUs that bind."""
    wanted: dict[str, int] = {}
    for demand, _ in candidates:
        wanted[demand.sku] = wanted.get(demand.sku, 0) + demand.quantity
    return {
        sku: max(1, (units - free.get(sku, 0)) * _MILLE // units)
        for sku, units in wanted.items()
        if units > free.get(sku, 0)
    }


def spans(candidates: Iterable[CompleteOrder], scarce: Mapping[str, int]) -> bool:
    """Several SKUs bind, and an order that ships complete needs more than one SKU."""
    if len(scarce) < 2:
        return False
    first: dict[str, str] = {}
    for demand, _ in candidates:
        if demand.ship_complete and first.setdefault(demand.order_id, demand.sku) != demand.sku:
            return True
    return False


def densities(candidates: Sequence[CompleteOrder], prices: Mapping[str, int]) -> dict[Unit, int]:
    """Value per scarce unit of what is served as one.

    A unit counts by the price of its SKU, which is the higher the scarcer it is: an order that needs a little of
    what nearly suffices goes before one that needs much of what is far short.
    """
    value: dict[Unit, int] = {}
    weight: dict[Unit, int] = {}
    for one in candidates:
        demand, name = one.demand, one.unit
        value[name] = value.get(name, 0) + one.value * demand.quantity
        weight[name] = weight.get(name, 0) + prices.get(demand.sku, 0) * demand.quantity
    return {name: worth * _MILLE // max(1, weight[name]) for name, worth in value.items()}


def choose(
    candidates: Sequence[CompleteOrder],
    scarce: Mapping[str, int],
    limits: Callable[[str], Sequence[tuple[int, frozenset[str]]]],
    solver: Solver,
) -> tuple[str, ...] | str:
    """The orders a solver would serve, or in words why there is no answer.

    ``limits`` gives for a scarce SKU (units, line ids) pairs: those lines may take no more than that of it.
    """
    names: dict[Unit, int] = {}
    columns: list[OrderColumn] = []
    uses: dict[str, list[tuple[str, int, int]]] = {sku: [] for sku in scarce}
    for one in candidates:
        demand, name = one.demand, one.unit
        each = demand.quantity if demand.ship_complete else 1
        if name not in names:
            names[name] = len(columns)
            columns.append(OrderColumn(0, 1 if demand.ship_complete else demand.quantity, demand.ship_complete))
        n = names[name]
        columns[n] = columns[n]._replace(value=columns[n].value + one.value * each)
        if demand.sku in uses:
            uses[demand.sku].append((demand.line_id, n, each))
    rows = tuple(
        SkuLimit(units, _summed((n, each) for line_id, n, each in uses[sku] if line_id in lines))
        for sku in sorted(scarce)
        for units, lines in limits(sku)
    )
    choice = solver(SolverChoice(tuple(columns), rows))
    if isinstance(choice, str):
        return choice
    if any(sum(choice[n] * each for n, each in row.uses) > row.capacity for row in rows):
        return "the solver's answer takes more than there is"
    return tuple(sorted(name for (name, _), n in names.items() if columns[n].whole and choice[n]))


def _summed(uses: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    units: dict[int, int] = {}
    for n, each in uses:
        units[n] = units.get(n, 0) + each
    return tuple(units.items())
