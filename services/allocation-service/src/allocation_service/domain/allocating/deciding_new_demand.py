"""Deciding about units that have just been ordered: granted, accepted into the queue, or declined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from allocation_service.domain import protocol_rules
from allocation_service.domain.allocating.available_stock import AvailableStock, one_location
from allocation_service.domain.policies.policy import Grants, Supply
from allocation_service.domain.promising.promise_dates import later
from allocation_service.domain.reasons import (
    DISCONTINUED,
    GRANTED,
    INCOMPLETE,
    OTHER_LINE_DECLINED,
    PARTLY,
    RAN_OUT,
    Reason,
    cap_reached,
    stock_only,
    too_late,
)
from allocation_service.domain.supply.selling_terms import Terms


class NewDemand(NamedTuple):
    """Units of a line to decide about: ``units`` new ones, ``open_units`` with those accepted before."""

    line_id: str
    sku: str
    units: int
    open_units: int
    preference: str | None = None
    promise_date: date | None = None


class NewDemandOutcome(NamedTuple):
    """What was decided about the new units of a line. ``grants`` may cover older units of it too; ``declined`` counts
    new units only, and the other new units are accepted."""

    line_id: str
    grants: Grants
    declined: int
    promise_date: date | None
    reason: Reason

    @property
    def granted(self) -> int:
        """Units granted over all locations."""
        return _units(self.grants)


def _units(grants: Grants) -> int:
    return grants[0][1] if len(grants) == 1 else sum([units for _, units in grants])


Quote = Callable[[str, int], "date | None"]
"""The promise date for that many more units of a SKU."""


def refusal(
    units: int, waits: int, terms: Terms, free: int, *, promise_date: date | None, latest: date | None
) -> Reason | None:
    """Why ``units``, of which ``waits`` would have to wait, cannot be sold; None where they can."""
    if terms.mode == "discontinued":
        return DISCONTINUED
    if latest is not None and _released_too_late(terms, latest):
        return too_late(terms.release_date, latest)
    return _cannot_wait(units, waits, terms, free, promise_date=promise_date, latest=latest) if waits > 0 else None


def _cannot_wait(
    units: int, waits: int, terms: Terms, free: int, *, promise_date: date | None, latest: date | None
) -> Reason | None:
    if terms.mode == "stock_only":
        return stock_only(free, units)
    if terms.cap is not None and terms.waiting + waits > terms.cap:
        return cap_reached(terms.cap)
    if latest is not None and (promise_date is None or promise_date > latest):
        return too_late(promise_date, latest)
    return None


def _released_too_late(terms: Terms, latest: date | None) -> bool:
    """Stock or not, nothing may leave before the release."""
    return latest is not None and terms.release_date is not None and terms.release_date > latest


def decide_line(
    new_demand: NewDemand, supply: Supply, terms: Terms, quote: Quote, latest: date | None
) -> NewDemandOutcome:
    """Decide the new units of one line: what is free at once, the rest waits, or all of it is declined."""
    free = supply.free
    waits = min(new_demand.units, max(0, new_demand.open_units - free))
    promise_date = new_demand.promise_date
    if waits:
        # A quote counts the free stock that this line is about to take, so it is asked for all units at once; the date
        # of the last unit is the promise of all.
        found = quote(new_demand.sku, waits + min(free, new_demand.open_units))
        promise_date = later(found, promise_date) if found is not None else None
    refused = refusal(new_demand.units, waits, terms, free, promise_date=promise_date, latest=latest)
    if refused is not None:
        return NewDemandOutcome(new_demand.line_id, (), new_demand.units, new_demand.promise_date, refused)
    grants = AvailableStock(supply).take(new_demand.open_units, new_demand.preference)
    given = _units(grants)
    reason = GRANTED if given == new_demand.open_units else PARTLY if given else RAN_OUT
    return NewDemandOutcome(new_demand.line_id, grants, 0, promise_date, reason)


def decide_together(
    new_demands: Sequence[NewDemand],
    supply: Mapping[str, Supply],
    terms: Mapping[str, Terms],
    quote: Quote,
    latest: date | None,
    *,
    first_decision: bool,
) -> list[NewDemandOutcome]:
    """Decide a ship-complete order: everything at once, or nothing is taken and it waits.

    In the ``first_decision`` about the order one declined line declines all of it; later only the refused increment
    is declined and the rest is tried again.
    """
    granted = _all_or_nothing(new_demands, supply, terms, latest)
    if granted is not None:
        return granted
    asked: dict[str, int] = {}
    for one in new_demands:
        asked[one.sku] = asked.get(one.sku, 0) + one.units
    quotes = [
        later(quote(one.sku, asked[one.sku]), one.promise_date) if one.units else one.promise_date
        for one in new_demands
    ]
    whole = None if any(quoted is None for quoted in quotes) else max([d for d in quotes if d], default=None)
    refused: dict[str, Reason] = {}
    for one in new_demands:
        free = supply[one.sku].free
        missing = one.units if terms[one.sku].mode != "stock_only" else max(0, asked[one.sku] - free)
        scale = terms[one.sku]._replace(waiting=terms[one.sku].waiting + asked[one.sku] - one.units)
        why = refusal(one.units, missing, scale, free, promise_date=whole, latest=latest) if one.units else None
        if why:
            refused[one.line_id] = why
    if refused and protocol_rules.declines_whole(first_decision=first_decision):
        return [_declined(one, refused.get(one.line_id, OTHER_LINE_DECLINED)) for one in new_demands]
    if refused:
        rest = [
            one if one.line_id not in refused else one._replace(units=0, open_units=one.open_units - one.units)
            for one in new_demands
        ]
        again = {p.line_id: p for p in decide_together(rest, supply, terms, quote, latest, first_decision=False)}
        return [
            again[one.line_id]._replace(declined=one.units, reason=refused[one.line_id])
            if one.line_id in refused
            else again[one.line_id]
            for one in new_demands
        ]
    return [
        NewDemandOutcome(one.line_id, (), 0, whole if one.open_units else one.promise_date, INCOMPLETE)
        for one in new_demands
    ]


def _declined(one: NewDemand, reason: Reason) -> NewDemandOutcome:
    return NewDemandOutcome(one.line_id, (), one.units, one.promise_date, reason)


def _all_or_nothing(
    new_demands: Sequence[NewDemand], supply: Mapping[str, Supply], terms: Mapping[str, Terms], latest: date | None
) -> list[NewDemandOutcome] | None:
    needed: dict[str, int] = {}
    for one in new_demands:
        if one.units and (terms[one.sku].mode == "discontinued" or _released_too_late(terms[one.sku], latest)):
            return None
        needed[one.sku] = needed.get(one.sku, 0) + one.open_units
    if any(supply[sku].free < units for sku, units in needed.items()):
        return None
    available = {sku: AvailableStock(supply[sku]) for sku in needed}
    location = one_location(available, needed, new_demands[0].preference)
    return [
        NewDemandOutcome(
            one.line_id,
            available[one.sku].take(one.open_units, location or one.preference),
            0,
            one.promise_date,
            GRANTED,
        )
        for one in new_demands
    ]
