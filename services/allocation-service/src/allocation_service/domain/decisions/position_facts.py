"""What of a policy placed a demand where it stands in the queue, as data; words are made of it at the edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.policies.policy import NO_DATE, Demand, Moment, Policy, Share, Sort
from allocation_service.domain.policies.sorting import MICRO, Ranking


class Meaning(StrEnum):
    """What a fact does for a place in the queue."""

    VALUE = "value"
    JOINED = "joined"
    UNIT_VALUE = "unit_value"
    BYPASSED = "bypassed"
    """From ``limit`` on, stock is kept for the order."""
    PROMISE_PASSED = "promise_passed"
    PROMISE_IN_TURN = "promise_in_turn"
    PROMISE_BEFORE_RECEIPT = "promise_before_receipt"
    PROMISE_WITHOUT_RECEIPT = "promise_without_receipt"
    AGED = "aged"
    """It has waited more than ``days`` days."""
    TIER = "tier"
    """It is tier ``number`` of ``tiers`` and has this ``weight``."""
    TIER_UNKNOWN = "tier_unknown"
    """The order's tier is ``own``, which the service does not know; it counts as ``counts_as``."""
    TIER_TREATED_AS = "tier_treated_as"
    """The order's tier is ``own``, which the policy treats as ``counts_as``."""
    TIER_RAISED = "tier_raised"
    """After waiting so long, it counts as ``counts_as``."""
    DUE_AS_NEEDED = "due_as_needed"
    DUE_BY_TIER = "due_by_tier"
    """Orders of ``tier`` are due ``days`` days after they were placed."""
    NEEDED_BY = "needed_by"
    NEEDED_BY_NONE = "needed_by_none"
    SHARE_PROPORTIONAL = "share_proportional"
    SHARE_MAX_MIN = "share_max_min"
    SHARE_UNIFORM_LOSSES = "share_uniform_losses"


class Note(NamedTuple):
    """One thing to be said of a fact."""

    meaning: Meaning
    parameters: Mapping[str, str | int] = {}


class Fact(NamedTuple):
    """Something that decided about a place in the queue: what it is called, its value, and what it does."""

    name: str
    value: str | int | float
    notes: tuple[Note, ...]


def position_facts(demand: Demand, policy: Policy, moment: Moment, tier_names: Sequence[str] = ()) -> tuple[Fact, ...]:
    """What of a policy placed a demand where it stands, the most important first.

    ``tier_names`` are the service's tiers where they are known: an order of another counts as of the last, which
    is told under every sort.
    """
    ranking = Ranking(policy, moment)
    facts = list(_on_top(demand, ranking))
    value = _fact(
        "value",
        round(ranking.value(demand.tier_rank, demand.unit_value, ranking.due(demand), demand.queued_at) / MICRO, 3),
        Meaning.VALUE,
    )
    joined = _fact("queued_at", demand.queued_at.isoformat(), Meaning.JOINED)
    unknown = bool(tier_names and demand.tier and demand.tier not in tier_names)
    tier, due = _tier(demand, ranking, unknown=unknown), _due(demand, ranking)
    match policy.sort:
        case Sort.FIFO:
            facts += [joined]
        case Sort.PRIORITY:
            facts += [tier, _needed(demand), joined]
        case Sort.EARLIEST_DUE:
            facts += [due, joined]
        case Sort.VALUE_INDEX:
            facts += [value, tier, due]
            if policy.value_index.weights.value:
                facts.append(_fact("unit_value", demand.unit_value, Meaning.UNIT_VALUE))
            facts.append(joined)
    if unknown and tier not in facts:
        facts.append(tier)
    if policy.share in _SHARES:
        facts.append(_fact("share", policy.share.value, _SHARES[policy.share]))
    if demand.bypassed and policy.bypass_limit is not None:
        facts.append(_fact("bypassed", demand.bypassed, Meaning.BYPASSED, limit=policy.bypass_limit))
    return tuple(facts)


_SHARES = {
    Share.PROPORTIONAL: Meaning.SHARE_PROPORTIONAL,
    Share.MAX_MIN: Meaning.SHARE_MAX_MIN,
    Share.UNIFORM_LOSSES: Meaning.SHARE_UNIFORM_LOSSES,
}


def _fact(name: str, value: str | float, meaning: Meaning, **parameters: str | int) -> Fact:
    return Fact(name, value, (Note(meaning, parameters),))


def _on_top(demand: Demand, ranking: Ranking) -> Iterable[Fact]:
    claim, policy = demand.claim_date, ranking.policy
    protection = ranking.protection
    kept = protection.is_kept(claim, backed=demand.backed)
    if claim is not None and (kept or protection.is_at_risk(claim)):
        if kept:
            meaning = Meaning.PROMISE_IN_TURN
        elif claim < ranking.moment.now.date():
            meaning = Meaning.PROMISE_PASSED
        elif ranking.moment.next_supply is not None:
            meaning = Meaning.PROMISE_BEFORE_RECEIPT
        else:
            meaning = Meaning.PROMISE_WITHOUT_RECEIPT
        name = "promise_date" if claim == demand.promise_date else "claim_date"
        yield _fact(name, claim.isoformat(), meaning)
    if policy.ageing is not None and demand.queued_at < ranking.moment.now - timedelta(days=policy.ageing.max_days):
        days = (ranking.moment.now - demand.queued_at).days
        yield _fact("days_waiting", days, Meaning.AGED, days=policy.ageing.max_days)


def _tier(demand: Demand, ranking: Ranking, *, unknown: bool) -> Fact:
    tiers = ranking.policy.tiers
    own = min(demand.tier_rank, len(tiers) - 1)
    counts_as = min(ranking.counts_as(demand.tier_rank, demand.queued_at), own)
    name = tiers[own].name
    notes = [Note(Meaning.TIER, {"number": own + 1, "tiers": len(tiers), "weight": tiers[own].weight})]
    if demand.tier and (unknown or demand.tier != name):
        meaning = Meaning.TIER_UNKNOWN if unknown else Meaning.TIER_TREATED_AS
        notes.append(Note(meaning, {"own": demand.tier, "counts_as": name}))
    if counts_as < own:
        notes.append(Note(Meaning.TIER_RAISED, {"counts_as": tiers[counts_as].name}))
    return Fact("tier", name, tuple(notes))


def _due(demand: Demand, ranking: Ranking) -> Fact:
    if demand.needed_by != NO_DATE:
        return _fact("due", demand.needed_by.isoformat(), Meaning.DUE_AS_NEEDED)
    tiers = ranking.policy.tiers
    terms = tiers[min(demand.tier_rank, len(tiers) - 1)]
    return _fact("due", ranking.due(demand).isoformat(), Meaning.DUE_BY_TIER, days=terms.due_days, tier=terms.name)


def _needed(demand: Demand) -> Fact:
    if demand.needed_by == NO_DATE:
        return _fact("needed_by", "none", Meaning.NEEDED_BY_NONE)
    return _fact("needed_by", demand.needed_by.isoformat(), Meaning.NEEDED_BY)
