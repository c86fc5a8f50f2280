"""A fill as it is stored, and read back to be computed again.

A decision may have a hundred thousand demands, and there are as many decisions as events, so that only what
differs from the rule is written: what is absent is as in ``Demand()``, ``Supply()`` and ``Context()``. A demand claims
supply from the day that it is promised for; one that does not (``UNDATED`` beside a date, too) has its claim written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from allocation_service.domain.allocating.deciding import DemandOutcome
from allocation_service.domain.allocating.guards import Context
from allocation_service.domain.policies.policy import Demand, Location, Moment, Supply
from allocation_service.domain.promising.promise_dates import UNDATED


class StoredLine(NamedTuple):
    """A demand of a decision as it is stored; ``facts`` holds what the columns do not say."""

    line_id: str
    sku: str
    quantity: int
    facts: Mapping[str, Any]


_FACTS = (
    "promise_date",
    "tier_rank",
    "needed_by",
    "preference",
    "customer_id",
    "channel",
    "region",
    "unit_value",
    "bypassed",
    "backed",
    "granted",
)
"""What decides about a demand, beside its columns, where it differs from the rule."""

_PLAIN = Demand("", "", "", 0, datetime.min.replace(tzinfo=UTC))


def stored_facts(outcome: DemandOutcome) -> dict[str, Any]:
    """What is kept of an outcome beside its columns."""
    demand = outcome.demand
    facts: dict[str, Any] = {"order_id": demand.order_id, "queued_at": demand.queued_at, "grants": outcome.grants}
    for name in _FACTS:
        value = getattr(demand, name)
        if value != getattr(_PLAIN, name):
            facts[name] = value
    if demand.claim_date is not None and demand.claim_date != (demand.promise_date or UNDATED):
        facts["claim_date"] = demand.claim_date
    if demand.ship_complete:
        facts["ship_complete"] = True
        facts["order_skus_locked"] = demand.order_skus_locked
    if outcome.deferred:
        facts["deferred"] = True
    return facts


def demand_of(line: StoredLine) -> Demand:
    """The demand that was decided about."""
    facts = line.facts
    known = {name: facts[name] for name in _FACTS if name in facts}
    for name in ("promise_date", "needed_by"):
        if known.get(name) is not None:
            known[name] = date.fromisoformat(known[name])
    claim_date = day_of(facts.get("claim_date")) or known.get("promise_date")
    return Demand(
        line.line_id,
        facts["order_id"],
        line.sku,
        line.quantity,
        datetime.fromisoformat(facts["queued_at"]),
        ship_complete=facts.get("ship_complete", False),
        order_skus_locked=facts.get("order_skus_locked", True),
        claim_date=claim_date,
        **known,
    )


def stored_supply(supply: Supply) -> dict[str, Any]:
    """What is kept of a supply. Not its forecast: the units held back by it are kept with the context."""
    stored = {"locations": supply.locations, **_sorted_by(supply)}
    if supply.coming:
        stored["coming"] = supply.coming
    return stored


def stored_moment(moment: Moment) -> dict[str, Any]:
    """What is kept of a moment beside the time of the decision."""
    return _sorted_by(moment)


def moment_of(stored: Mapping[str, Any], now: datetime) -> Moment:
    """The moment at which a queue was ranked."""
    return Moment(now, *_ranking_of(stored))


def _sorted_by(one: Supply | Moment) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    if one.next_supply is not None:
        stored["next_supply"] = one.next_supply
    if one.lead_time_days:
        stored["lead_time_days"] = one.lead_time_days
    if one.kept_through is not None:
        stored["kept_through"] = one.kept_through
    if one.by_claim:
        stored["by_claim"] = True
    return stored


class _Sorting(NamedTuple):
    next_supply: date | None
    lead_time_days: int
    kept_through: date | None
    by_claim: bool


def _ranking_of(stored: Mapping[str, Any]) -> _Sorting:
    """The next supply, the lead time, and through which day promises were kept first. Decisions made before that
    was told apart have none: they served all that was promised before the next supply as one part. Those made before
    promises had claims went by the dates alone."""
    return _Sorting(
        day_of(stored.get("next_supply")),
        stored.get("lead_time_days", 0),
        day_of(stored.get("kept_through")),
        stored.get("by_claim", False),
    )


def supplies_of(stored: Mapping[str, Any]) -> dict[str, Supply]:
    """The supply by SKU that a step went by."""
    found = {}
    for sku, one in stored.items():
        by = _ranking_of(one)
        locations = tuple(Location(*location) for location in one["locations"])
        coming = tuple((date.fromisoformat(day), units) for day, units in one.get("coming", ()))
        found[sku] = Supply(
            sku, locations, by.next_supply, by.lead_time_days, None, by.kept_through, by.by_claim, coming
        )
    return found


def stored_context(context: Context) -> dict[str, Any]:
    """What is kept of a context, as fields of a step."""
    fields = context._asdict()
    return {name: value for name, value in fields.items() if value or (name == "chosen" and value is not None)}


def context_from(step: Mapping[str, Any]) -> Context:
    """The context of a step: nothing was held back, used or kept where it says nothing of it."""
    chosen = step.get("chosen")
    return Context(
        {sku: tuple(levels) for sku, levels in step.get("thresholds", {}).items()},
        {sku: tuple(used) for sku, used in step.get("quota_used", {}).items()},
        step.get("kept", {}),
        tuple(chosen) if chosen is not None else None,
        step.get("note", ""),
        {
            sku: tuple((date.fromisoformat(day), units) for day, units in needs)
            for sku, needs in step.get("promised", {}).items()
        },
        tuple(step.get("renewing", ())),
    )


def day_of(stored: str | None) -> date | None:
    """A date as JSON has it."""
    return date.fromisoformat(stored) if stored else None
