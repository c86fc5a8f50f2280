"""Computing a stored decision again from its stored inputs, to show that it was right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from allocation_service.domain.deciding import decide
from allocation_service.domain.placing import Newcomer, Terms, place_line, place_together
from allocation_service.domain.policy import Demand, Grants, Location, Policy, Sort, Supply
from allocation_service.domain.taking_back import Holding, take_back

Result = dict[str, int]
"""Units by ``line_id``: granted (positive), taken back (negative)."""


def replay(step: Mapping[str, Any], facts: Sequence[Mapping[str, Any]], now: datetime) -> Result | None:
    """What the step's inputs lead to; ``facts`` are those of its lines in rank order.

    None for steps that decide nothing by a policy (a release, a revision of promises).
    """
    match step["kind"]:
        case "fill":
            return _replay_fill(step, facts, now)
        case "place":
            return _replay_place(step, facts)
        case "take_back":
            holdings = [_holding(one) for one in step["holdings"]]
            losses = take_back(step["shortfall"], holdings, _policy(step["policy"]))
            return {loss.holding.line_id: -loss.units for loss in losses}
    return None


def _replay_fill(step: Mapping[str, Any], facts: Sequence[Mapping[str, Any]], now: datetime) -> Result:
    demands = [_demand(one["demand"]) for one in facts]
    decision = decide(_supplies(step["supply"]), demands, _policy(step["policy"]), now, blocked=step["blocked"])
    result: Result = {}
    for outcome in decision.outcomes:
        result[outcome.demand.line_id] = result.get(outcome.demand.line_id, 0) + outcome.granted
    return result


def _replay_place(step: Mapping[str, Any], facts: Sequence[Mapping[str, Any]]) -> Result:
    newcomers = [_newcomer(one["newcomer"]) for one in facts]
    supply = _supplies(step["supply"])
    terms = {sku: Terms(**one) for sku, one in step["terms"].items()}
    quotes = {(sku, units): _date(day) for sku, units, day in step["quotes"]}

    def quote(sku: str, units: int) -> date | None:
        return quotes[sku, units]

    latest = _date(step["latest"])
    if step["placing"] is None:
        one = newcomers[0]
        placements = [place_line(one, supply[one.sku], terms[one.sku], quote, latest)]
    else:
        placements = place_together(newcomers, supply, terms, quote, latest, placing=step["placing"])
    return {one.line_id: _units(one.grants) for one in placements}


def _units(grants: Grants) -> int:
    return sum(units for _, units in grants)


def _policy(stored: Mapping[str, Any]) -> Policy:
    return Policy(**{**stored, "sort": Sort(stored["sort"])})


def _supplies(stored: Mapping[str, Any]) -> dict[str, Supply]:
    return {
        sku: Supply(sku, tuple(Location(*place) for place in one["locations"]), _date(one["next_supply"]))
        for sku, one in stored.items()
    }


def _demand(stored: Mapping[str, Any]) -> Demand:
    return Demand(
        **{
            **stored,
            "queued_at": datetime.fromisoformat(stored["queued_at"]),
            "needed_by": date.fromisoformat(stored["needed_by"]),
            "promise_date": _date(stored["promise_date"]),
        }
    )


def _newcomer(stored: Mapping[str, Any]) -> Newcomer:
    return Newcomer(**{**stored, "promise_date": _date(stored["promise_date"])})


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
