"""Planning a run: from who takes part and what there is to what each line has afterwards. Pure and deterministic.

Each SKU is planned by itself: its pool is what is free and all that takes part has confirmed; what is held back
by a policy is free to a run. What gain and improve have confirmed is set aside for them. Of the rest take, in
this turn: win up to r, gain and improve up to r, redistribute up to r, fill up to c; lose takes nothing. Within a
turn the segments follow in their order, within a segment the demand follows its sort.

An order that ships complete ties its SKUs together: it stands at the latest of its lines' places, so that it
overtakes nobody in any queue, and takes all it needs there or, where one of its SKUs is short, nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from allocation_service.domain.allocating.available_stock import AvailableStock, one_location
from allocation_service.domain.policies.policy import Grants, Key, Location, Supply
from allocation_service.domain.runs.run import TURN, Assigned, Planned, RunDemand, Segment, Stock, Strategy, ranking


class RunPlan(NamedTuple):
    """What a run does: its lines in the order they were served, and what is left free per SKU."""

    lines: tuple[Planned, ...]
    left: dict[str, int]


class _Claim(NamedTuple):
    """A line, or all lines of an order that ships complete, of a segment."""

    members: tuple[RunDemand, ...]
    segment: int
    strategy: Strategy


def plan_run(
    stocks: Mapping[str, Stock], assigned: Iterable[Assigned], segments: Sequence[Segment], as_of: datetime
) -> RunPlan:
    """What each line that takes part has after the run; the same inputs always give the same plan."""
    claims = _in_order(stocks, assigned, segments, as_of)
    new = _serve(stocks, claims)
    moves, left = _moves(stocks, claims, new)
    lines = [
        Planned(one, claim.segment, new[one.line_id], moves.get(one.line_id, ()))
        for claim in claims
        for one in claim.members
    ]
    return RunPlan(tuple(lines), left)


def _in_order(
    stocks: Mapping[str, Stock], assigned: Iterable[Assigned], segments: Sequence[Segment], as_of: datetime
) -> list[_Claim]:
    """Who takes part, in the order they are served."""
    turns = [TURN.get(one.strategy, -1) for one in segments]
    keys = {
        (sku, number): ranking(stock, one.sort, as_of).key
        for sku, stock in stocks.items()
        for number, one in enumerate(segments)
    }
    claims: list[tuple[tuple[int, int, Key], _Claim]] = []
    together: dict[str, list[tuple[Key, RunDemand, int]]] = {}
    for one, segment in assigned:
        key = keys[one.sku, segment](one)
        if one.ship_complete:
            together.setdefault(one.order_id, []).append((key, one, segment))
        else:
            claims.append(((turns[segment], segment, key), _Claim((one,), segment, segments[segment].strategy)))
    for members in together.values():
        members.sort(key=itemgetter(0))
        key, _, segment = members[-1]
        claim = _Claim(tuple(one for _, one, _ in members), segment, segments[segment].strategy)
        claims.append(((turns[segment], segment, key), claim))
    claims.sort(key=itemgetter(0))
    return [claim for _, claim in claims]


_KEEPING = frozenset({Strategy.GAIN, Strategy.IMPROVE})


def _serve(stocks: Mapping[str, Stock], claims: Sequence[_Claim]) -> dict[str, int]:
    """Units of each line after the run."""
    pool = {sku: sum(max(0, location.free) for location in stock.locations) for sku, stock in stocks.items()}
    for claim in claims:
        if claim.strategy not in _KEEPING:
            for one in claim.members:
                pool[one.sku] += one.confirmed_units
    new: dict[str, int] = {}
    for claim in claims:
        kept = claim.strategy in _KEEPING
        wanted = [_wanted(one, claim.strategy) for one in claim.members]
        if len(wanted) == 1 and not claim.members[0].ship_complete:
            one = claim.members[0]
            taken = min(wanted[0], pool[one.sku])
            pool[one.sku] -= taken
            new[one.line_id] = taken + one.confirmed_units if kept else taken
            continue
        whole = _fits(claim.members, wanted, pool)
        for one, units in zip(claim.members, wanted, strict=True):
            taken = units if whole else 0
            pool[one.sku] -= taken
            new[one.line_id] = taken + one.confirmed_units if kept else taken
    return new


def _wanted(one: RunDemand, strategy: Strategy) -> int:
    """What a line takes of the pool if it can, beside what is kept for it."""
    match strategy:
        case Strategy.WIN | Strategy.REDISTRIBUTE:
            return one.requested
        case Strategy.GAIN | Strategy.IMPROVE:
            return one.requested - one.confirmed_units
        case Strategy.FILL:
            return one.confirmed_units
    return 0


def _fits(members: Sequence[RunDemand], wanted: Sequence[int], pool: Mapping[str, int]) -> bool:
    needed = _by_sku(zip(members, wanted, strict=True))
    return all(units <= pool[sku] for sku, units in needed.items())


def _by_sku(units: Iterable[tuple[RunDemand, int]]) -> dict[str, int]:
    needed: dict[str, int] = {}
    for one, wanted in units:
        needed[one.sku] = needed.get(one.sku, 0) + wanted
    return needed


def _moves(
    stocks: Mapping[str, Stock], claims: Sequence[_Claim], new: Mapping[str, int]
) -> tuple[dict[str, Grants], dict[str, int]]:
    """From which location units leave and come to whom; who keeps units keeps them where they are."""
    moves: dict[str, Grants] = {}
    returned: dict[str, dict[str, int]] = {}
    orders = {sku: {location.name: location.priority for location in stock.locations} for sku, stock in stocks.items()}
    for claim in claims:
        if claim.strategy in _KEEPING:
            continue
        for one in claim.members:
            lost = one.confirmed_units - new[one.line_id]
            if lost > 0:
                back = _deallocate(one, lost, orders[one.sku])
                moves[one.line_id] = tuple((location, -units) for location, units in back)
                at_locations = returned.setdefault(one.sku, {})
                for location, units in back:
                    at_locations[location] = at_locations.get(location, 0) + units
    available = {sku: _available_stock(stock, returned.get(sku, {})) for sku, stock in stocks.items()}
    for claim in claims:
        _hand_out(claim, new, available, moves)
    return moves, {sku: available_stock.total for sku, available_stock in available.items()}


def _deallocate(one: RunDemand, units: int, priorities: Mapping[str, int]) -> Grants:
    """The reverse of how units are handed out: the preferred location keeps its own the longest."""
    back: list[tuple[str, int]] = []
    order = sorted(one.confirmed, key=lambda pair: (pair[0] == one.preference, -priorities.get(pair[0], 0), pair[0]))
    for location, held in order:
        part = min(units, held)
        if part:
            back.append((location, part))
            units -= part
    return tuple(back)


def _available_stock(stock: Stock, returned: Mapping[str, int]) -> AvailableStock:
    locations = [
        Location(location.name, location.priority, max(0, location.free) + returned.get(location.name, 0))
        for location in stock.locations
    ]
    return AvailableStock(Supply(stock.sku, tuple(locations)))


def _hand_out(
    claim: _Claim, new: Mapping[str, int], available: Mapping[str, AvailableStock], moves: dict[str, Grants]
) -> None:
    """Give the gainers of a claim their units, of one location where they were asked for together."""
    gains = [(one, units) for one in claim.members if (units := new[one.line_id] - one.confirmed_units) > 0]
    if not gains:
        return
    preference = gains[0][0].preference
    if len(gains) > 1 or gains[0][0].ship_complete:
        location = one_location(available, _by_sku(gains), preference)
        preference = location if location is not None else preference
    for one, units in gains:
        moves[one.line_id] = available[one.sku].take(units, preference)
