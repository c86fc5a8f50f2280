"""Computing a stored decision again from its stored inputs, to show that it was right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from allocation_service.domain.allocating.deallocation import deallocate, holding_from
from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.decisions.recorded_fill import (
    StoredLine,
    context_from,
    demand_of,
    moment_of,
    supplies_of,
)
from allocation_service.domain.decisions.recorded_lending import lend_again, repay_again
from allocation_service.domain.decisions.recorded_new_demand import decide_again, new_demand_of, shown_demand
from allocation_service.domain.decisions.recorded_run import replay_run
from allocation_service.domain.decisions.recorded_ship_dates import check_ship_dates
from allocation_service.domain.policies.policy import Moment
from allocation_service.domain.policies.policy_document import policy_from
from allocation_service.domain.policies.sorting import sort_key

Result = dict[str, int]
"""Units by ``line_id``: granted (positive), taken back (negative)."""


def shown_facts(step: Mapping[str, Any], line: StoredLine, now: datetime) -> dict[str, Any]:
    """All that was known of a demand, with the key it was ranked by."""
    if step["kind"] == "place":
        return shown_demand(new_demand_of(*line), line.facts)
    if step["kind"] != "fill":
        return dict(line.facts)
    demand = demand_of(line)
    supply = supplies_of(step["supply"]).get(line.sku)
    key = sort_key(demand, policy_from(step["policy"]), supply.moment(now) if supply else Moment(now))
    return {
        "demand": demand._asdict(),
        "key": list(key),
        "grants": line.facts["grants"],
        "deferred": line.facts.get("deferred", False),
    }


def replay(step: Mapping[str, Any], lines: Sequence[StoredLine], now: datetime) -> Result | None:
    """What the step's inputs lead to; ``lines`` are its demands in rank order.

    None for steps that decide nothing by a policy (a release, a revision of promises). Raises ValueError where ship
    dates come out differently, which are nobody's units.
    """
    again = _AGAIN.get(step["kind"])
    return again(step, lines, now) if again is not None else None


def _replay_deallocation(step: Mapping[str, Any], _: Sequence[StoredLine], now: datetime) -> Result:
    holdings = [holding_from(one) for one in step["holdings"]]
    losses = deallocate(step["shortfall"], holdings, policy_from(step["policy"]), moment_of(step, now))
    return {loss.holding.line_id: -loss.units for loss in losses}


def _replay_fill(step: Mapping[str, Any], lines: Sequence[StoredLine], now: datetime) -> Result:
    demands = [demand_of(one) for one in lines]
    decision = decide(
        supplies_of(step["supply"]),
        demands,
        policy_from(step["policy"]),
        now,
        blocked=step["blocked"],
        context=context_from(step),
    )
    result: Result = {}
    for outcome in decision.outcomes:
        result[outcome.demand.line_id] = result.get(outcome.demand.line_id, 0) + outcome.granted
    return result


def _replay_new_demand(step: Mapping[str, Any], lines: Sequence[StoredLine], _: datetime) -> Result:
    outcomes = decide_again(step, [new_demand_of(*one) for one in lines])
    return {one.line_id: one.granted for one in outcomes}


def _replay_ship_dates(step: Mapping[str, Any], _: Sequence[StoredLine], now: datetime) -> Result:
    check_ship_dates(step, now)
    return {}


_AGAIN: Mapping[str, Callable[[Mapping[str, Any], Sequence[StoredLine], datetime], Result]] = {
    "fill": _replay_fill,
    "place": _replay_new_demand,
    "take_back": _replay_deallocation,
    "ship_by": _replay_ship_dates,
    "run": lambda step, lines, _: replay_run(step, lines),
    "lend": lambda step, _, __: lend_again(step),
    "repay": lambda step, _, __: repay_again(step),
}
