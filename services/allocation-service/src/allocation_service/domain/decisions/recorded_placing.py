"""A placing as it is stored, and read back to be computed again or shown.

Every order leaves at least one, so that only what differs from the rule is written: a demand has no more
than its columns and its grants where all of its units are new, nothing is declined and nothing promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from allocation_service.domain.allocating.placing import NewDemand, Placement, place_line, place_together
from allocation_service.domain.policies.policy import Location, Policy, Supply
from allocation_service.domain.supply.selling_terms import Terms

Quotes = Mapping[tuple[str, int], date | None]
"""Promise dates by (SKU, units)."""


class PlacingInputs(NamedTuple):
    """What a placing went by, as it was before it changed anything; ``placing`` None where a line was placed
    by itself, else whether its order had not been placed before. ``followed``: by SKU, the policy that kept
    from the supply what it keeps; what it kept is taken off already."""

    order_id: str
    supply: Mapping[str, Supply]
    terms: Mapping[str, Terms]
    quotes: Quotes
    latest: date | None
    placing: bool | None
    followed: Mapping[str, Policy]


def stored_step(inputs: PlacingInputs) -> dict[str, Any]:
    """The step of a decision."""
    step: dict[str, Any] = {
        "kind": "place",
        "order_id": inputs.order_id,
        "supply": {
            sku: {"locations": [[location.name, location.priority, location.free] for location in one.locations]}
            for sku, one in inputs.supply.items()
        },
        "terms": {
            sku: {"mode": mode, "cap": cap, "waiting": waits} for sku, (mode, cap, waits) in inputs.terms.items()
        },
    }
    if inputs.quotes:
        step["quotes"] = [[sku, units, day] for (sku, units), day in inputs.quotes.items()]
    if inputs.latest is not None:
        step["latest"] = inputs.latest
    if inputs.placing is not None:
        step["placing"] = inputs.placing
    step["followed"] = {sku: {"name": one.name, "version": one.version} for sku, one in inputs.followed.items()}
    return step


def stored_demand(new_demand: NewDemand, placement: Placement) -> dict[str, Any]:
    """What is kept of a demand beside its columns, where ``quantity`` is all that is open of it."""
    facts: dict[str, Any] = {"grants": placement.grants}
    if new_demand.units != new_demand.open_units:
        facts["units"] = new_demand.units
    if new_demand.preference is not None:
        facts["preference"] = new_demand.preference
    if new_demand.promise_date is not None:
        facts["promised_before"] = new_demand.promise_date
    if placement.declined:
        facts["declined"] = placement.declined
    if placement.promise_date is not None:
        facts["promise_date"] = placement.promise_date
    return facts


def new_demand_of(line_id: str, sku: str, quantity: int, facts: Mapping[str, Any]) -> NewDemand:
    """The demand as it was placed."""
    whole = facts.get("newcomer")
    if whole is not None:
        # Decisions made before the form was lean have the whole of it.
        return NewDemand(**{**whole, "promise_date": _date(whole["promise_date"])})
    return NewDemand(
        line_id,
        sku,
        facts.get("units", quantity),
        quantity,
        facts.get("preference"),
        _date(facts.get("promised_before")),
    )


def shown_demand(new_demand: NewDemand, facts: Mapping[str, Any]) -> dict[str, Any]:
    """All that was known of a demand, and what became of it."""
    return {
        "newcomer": new_demand._asdict(),
        "grants": facts["grants"],
        "declined": facts.get("declined", 0),
        "promise_date": facts.get("promise_date"),
    }


def place_again(step: Mapping[str, Any], new_demands: Sequence[NewDemand]) -> list[Placement]:
    """What the stored inputs lead to."""
    supply = {
        sku: Supply(sku, tuple(Location(*location) for location in one["locations"]))
        for sku, one in step["supply"].items()
    }
    terms = {sku: Terms(**one) for sku, one in step["terms"].items()}
    quotes = {(sku, units): _date(day) for sku, units, day in step.get("quotes", ())}
    latest, placing = _date(step.get("latest")), step.get("placing")

    def quote(sku: str, units: int) -> date | None:
        return quotes[sku, units]

    if placing is not None:
        return place_together(new_demands, supply, terms, quote, latest, placing=placing)
    one = new_demands[0]
    return [place_line(one, supply[one.sku], terms[one.sku], quote, latest)]


def _date(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None
