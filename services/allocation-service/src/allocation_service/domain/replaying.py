"""Computing a stored decision again from its stored inputs, to show that it was right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.domain.deciding import Outcome, decide
from allocation_service.domain.policy import NO_DATE, Demand, Location, Moment, Supply
from allocation_service.domain.policy_document import policy_from
from allocation_service.domain.recorded_lending import lend_again, repay_again
from allocation_service.domain.recorded_placing import newcomer_of, place_again, shown_demand
from allocation_service.domain.sorting import sort_key
from allocation_service.domain.taking_back import Holding, take_back

Result = dict[str, int]
"""Units by ``line_id``: granted (positive), taken back (negative)."""


class StoredLine(NamedTuple):
    """A demand of a decision as it is stored; ``facts`` holds what the columns do not say."""

    line_id: str
    sku: str
    quantity: int
    facts: Mapping[str, Any]


def stored_facts(outcome: Outcome) -> dict[str, Any]:
    """What is kept of an outcome beside its columns; a decision may have a hundred thousand of them, so
    that only what differs from the rule is written."""
    demand = outcome.demand
    facts: dict[str, Any] = {"order_id": demand.order_id, "queued_at": demand.queued_at, "grants": outcome.grants}
    if demand.promise_date is not None:
        facts["promise_date"] = demand.promise_date
    if demand.tier_rank:
        facts["tier_rank"] = demand.tier_rank
    if demand.needed_by != NO_DATE:
        facts["needed_by"] = demand.needed_by
    if demand.preference is not None:
        facts["preference"] = demand.preference
    if demand.ship_complete:
        facts["ship_complete"] = True
        facts["order_skus_locked"] = demand.order_skus_locked
    if outcome.deferred:
        facts["deferred"] = True
    return facts


def shown_facts(step: Mapping[str, Any], line: StoredLine, now: datetime) -> dict[str, Any]:
    """All that was known of a demand, with the key it was ranked by."""
    if step["kind"] == "place":
        return shown_demand(newcomer_of(*line), line.facts)
    if step["kind"] != "fill":
        return dict(line.facts)
    demand = _demand(line)
    supply = _supplies(step["supply"]).get(line.sku)
    key = sort_key(demand, policy_from(step["policy"]), supply.moment(now) if supply else Moment(now))
    return {
        "demand": demand._asdict(),
        "key": list(key),
        "grants": line.facts["grants"],
        "deferred": line.facts.get("deferred", False),
    }


def replay(step: Mapping[str, Any], lines: Sequence[StoredLine], now: datetime) -> Result | None:
    """What the step's inputs lead to; ``lines`` are its demands in rank order.

    None for steps that decide nothing by a policy (a release, a revision of promises).
    """
    match step["kind"]:
        case "fill":
            return _replay_fill(step, lines, now)
        case "place":
            return _replay_place(step, lines)
        case "take_back":
            holdings = [_holding(one) for one in step["holdings"]]
            losses = take_back(step["shortfall"], holdings, policy_from(step["policy"]))
            return {loss.holding.line_id: -loss.units for loss in losses}
        case "lend":
            return lend_again(step)
        case "repay":
            return repay_again(step)
    return None


def _replay_fill(step: Mapping[str, Any], lines: Sequence[StoredLine], now: datetime) -> Result:
    demands = [_demand(one) for one in lines]
    decision = decide(_supplies(step["supply"]), demands, policy_from(step["policy"]), now, blocked=step["blocked"])
    result: Result = {}
    for outcome in decision.outcomes:
        result[outcome.demand.line_id] = result.get(outcome.demand.line_id, 0) + outcome.granted
    return result


def _replay_place(step: Mapping[str, Any], lines: Sequence[StoredLine]) -> Result:
    placements = place_again(step, [newcomer_of(*one) for one in lines])
    return {one.line_id: one.granted for one in placements}


def _supplies(stored: Mapping[str, Any]) -> dict[str, Supply]:
    return {
        sku: Supply(
            sku,
            tuple(Location(*place) for place in one["locations"]),
            _date(one["next_supply"]),
            one.get("lead_time_days", 0),
        )
        for sku, one in stored.items()
    }


def _demand(line: StoredLine) -> Demand:
    facts = line.facts
    return Demand(
        line.line_id,
        facts["order_id"],
        line.sku,
        line.quantity,
        datetime.fromisoformat(facts["queued_at"]),
        facts.get("tier_rank", 0),
        _date(facts.get("needed_by")) or NO_DATE,
        _date(facts.get("promise_date")),
        facts.get("preference"),
        facts.get("ship_complete", False),
        facts.get("order_skus_locked", True),
    )


def _holding(stored: Mapping[str, Any]) -> Holding:
    return Holding(
        **{
            **stored,
            "queued_at": datetime.fromisoformat(stored["queued_at"]),
            "needed_by": date.fromisoformat(stored["needed_by"]),
        }
    )


def _date(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None
