"""A run as its decision stores it, and computed again from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from allocation_service.domain.decisions.recorded_fill import StoredLine, day_of
from allocation_service.domain.policies.policy import Location, Sort
from allocation_service.domain.policies.policy_document import policy_from, stored_policy
from allocation_service.domain.runs.run import Assigned, Planned, RunDemand, Segment, Stock, Strategy
from allocation_service.domain.runs.run_planning import plan_run

_FACTS = ("tier_rank", "needed_by", "promise_date", "preference", "ship_complete", "customer_id", "unit_value")
"""What a plan may depend on beside the columns of a line, where it differs from the rule."""


def stored_run(
    run_id: str, stocks: Mapping[str, Stock], segments: Sequence[Segment], as_of: datetime
) -> dict[str, Any]:
    """The step of a decision that committed a run."""
    policies: dict[Any, int] = {}
    for one in stocks.values():
        policies.setdefault(one.policy, len(policies))
    return {
        "kind": "run",
        "run_id": run_id,
        "as_of": as_of,
        "segments": [{"strategy": one.strategy.value, "sort": one.sort.value, "name": one.name} for one in segments],
        "policies": [stored_policy(one) for one in policies],
        "stocks": {
            sku: {
                "locations": one.locations,
                "policy": policies[one.policy],
                "next_supply": one.next_supply,
                "lead_time_days": one.lead_time_days,
            }
            for sku, one in stocks.items()
        },
    }


def stored_planned(planned: Planned) -> dict[str, Any]:
    """What is kept of a line beside its columns."""
    one, defaults = planned.candidate, RunDemand._field_defaults
    facts: dict[str, Any] = {
        "order_id": one.order_id,
        "segment": planned.segment,
        "confirmed": one.confirmed,
        "queued_at": one.queued_at,
        "moves": planned.moves,
    }
    for name in _FACTS:
        value = getattr(one, name)
        if value != defaults[name]:
            facts[name] = value
    return facts


def replay_run(step: Mapping[str, Any], lines: Sequence[StoredLine]) -> dict[str, int]:
    """Units each line gained or, negative, lost by the stored inputs."""
    policies = [policy_from(one) for one in step["policies"]]
    stocks = {
        sku: Stock(
            sku,
            tuple(Location(*location) for location in one["locations"]),
            policies[one["policy"]],
            day_of(one["next_supply"]),
            one["lead_time_days"],
        )
        for sku, one in step["stocks"].items()
    }
    segments = [Segment(one["name"], Strategy(one["strategy"]), sort=Sort(one["sort"])) for one in step["segments"]]
    assigned = [Assigned(_candidate(line), line.facts["segment"]) for line in lines]
    plan = plan_run(stocks, assigned, segments, datetime.fromisoformat(step["as_of"]))
    return {one.candidate.line_id: one.change for one in plan.lines}


def _candidate(line: StoredLine) -> RunDemand:
    facts = line.facts
    known = {name: facts[name] for name in _FACTS if name in facts}
    for name in ("needed_by", "promise_date"):
        if known.get(name) is not None:
            known[name] = date.fromisoformat(known[name])
    return RunDemand(
        line.line_id,
        facts["order_id"],
        line.sku,
        line.quantity,
        tuple((location, units) for location, units in facts["confirmed"]),
        datetime.fromisoformat(facts["queued_at"]),
        **known,
    )
