"""A decision about new demand as it is stored, a step of the kind ``place``, and read to be computed again or shown.

Every order leaves at least one, so that only what differs from the rule is written: a demand has no more
than its columns and its grants where all of its units are new, nothing is declined and nothing promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from allocation_service.domain.allocating.deciding_new_demand import (
    NewDemand,
    NewDemandOutcome,
    decide_line,
    decide_together,
)
from allocation_service.domain.policies.policy import Location, Policy, Supply
from allocation_service.domain.supply.selling_terms import Terms

Quotes = Mapping[tuple[str, int], date | None]
"""Promise dates by (SKU, units)."""


class NewDemandInputs(NamedTuple):
    """What new demand was decided by, as it was before the decision changed anything.

    ``first_decision`` is None where a line was decided by itself, else whether nothing had been decided about its
    ship-complete order before; it is stored as ``placing``. ``followed``: by SKU, the policy that kept from the supply
    what it keeps; what it kept is taken off already.
    """

    order_id: str
    supply: Mapping[str, Supply]
    terms: Mapping[str, Terms]
    quotes: Quotes
    latest: date | None
    first_decision: bool | None
    followed: Mapping[str, Policy]


def stored_step(inputs: NewDemandInputs) -> dict[str, Any]:
    """The step of a decision."""
    step: dict[str, Any] = {
        "kind": "place",
        "order_id": inputs.order_id,
        "supply": {
            sku: {"locations": [[location.name, location.priority, location.free] for location in one.locations]}
            for sku, one in inputs.supply.items()
        },
        "terms": {
            sku: {"mode": one.mode, "cap": one.cap, "waiting": one.waiting, **_release(one)}
            for sku, one in inputs.terms.items()
        },
    }
    if inputs.quotes:
        step["quotes"] = [[sku, units, day] for (sku, units), day in inputs.quotes.items()]
    if inputs.latest is not None:
        step["latest"] = inputs.latest
    if inputs.first_decision is not None:
        step["placing"] = inputs.first_decision
    step["followed"] = {sku: {"name": one.name, "version": one.version} for sku, one in inputs.followed.items()}
    return step


def stored_demand(new_demand: NewDemand, outcome: NewDemandOutcome) -> dict[str, Any]:
    """What is kept of a demand beside its columns, where ``quantity`` is all that is open of it."""
    facts: dict[str, Any] = {"grants": outcome.grants}
    if new_demand.units != new_demand.open_units:
        facts["units"] = new_demand.units
    if new_demand.preference is not None:
        facts["preference"] = new_demand.preference
    if new_demand.promise_date is not None:
        facts["promised_before"] = new_demand.promise_date
    if outcome.declined:
        facts["declined"] = outcome.declined
    if outcome.promise_date is not None:
        facts["promise_date"] = outcome.promise_date
    return facts


def new_demand_of(line_id: str, sku: str, quantity: int, facts: Mapping[str, Any]) -> NewDemand:
    """The demand as it was decided about."""
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


def decide_again(step: Mapping[str, Any], new_demands: Sequence[NewDemand]) -> list[NewDemandOutcome]:
    """What the stored inputs lead to."""
    supply = {
        sku: Supply(sku, tuple(Location(*location) for location in one["locations"]))
        for sku, one in step["supply"].items()
    }
    terms = {
        sku: Terms(one["mode"], one["cap"], one["waiting"], _date(one.get("release_date")))
        for sku, one in step["terms"].items()
    }
    quotes = {(sku, units): _date(day) for sku, units, day in step.get("quotes", ())}
    latest, first_decision = _date(step.get("latest")), step.get("placing")

    def quote(sku: str, units: int) -> date | None:
        return quotes[sku, units]

    if first_decision is not None:
        return decide_together(new_demands, supply, terms, quote, latest, first_decision=first_decision)
    one = new_demands[0]
    return [decide_line(one, supply[one.sku], terms[one.sku], quote, latest)]


def _release(terms: Terms) -> dict[str, date]:
    return {} if terms.release_date is None else {"release_date": terms.release_date}


def _date(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None
