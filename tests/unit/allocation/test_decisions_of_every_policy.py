"""What holds of a decision whatever the policy: nothing is oversold, limits hold, and it can be computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.allocation.drawing import BLOCKED, CONTEXTS, NOW, SKUS, SUPPLIES, TIERS, Supplies, demands, policies

from allocation_service.application.allocating.backorder_queue import Decided
from allocation_service.domain.allocating.deciding import Decision, DemandOutcome, decide
from allocation_service.domain.allocating.guards import NO_CONTEXT, Context
from allocation_service.domain.decisions.recorded_fill import (
    StoredLine,
    context_from,
    demand_of,
    stored_context,
    stored_facts,
    stored_supply,
)
from allocation_service.domain.decisions.replaying import replay
from allocation_service.domain.policies.policy import (
    Ageing,
    Demand,
    Expectation,
    Holdback,
    Location,
    Policy,
    Quota,
    Share,
    Sort,
    Supply,
)
from allocation_service.domain.policies.policy_document import policy_document, policy_from, stored_policy
from allocation_service.domain.policies.sorting import Ranking, class_of
from allocation_service.domain.promising.promise_dates import UNDATED
from allocation_service.domain.reasons import GRANTED


def _given(decision: Decision) -> dict[str, int]:
    found: Counter[str] = Counter()
    for outcome in decision.outcomes:
        found[outcome.demand.sku] += outcome.granted
    return found


@given(SUPPLIES, demands(), policies(), CONTEXTS, BLOCKED)
def test_nothing_is_oversold_and_nobody_gets_more_than_was_asked(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context, blocked: Sequence[str]
) -> None:
    decision = decide(supply, wanted, policy, NOW, blocked=blocked, context=context)
    assert sorted(o.demand for o in decision.outcomes) == sorted(wanted)
    given_out: Counter[tuple[str, str]] = Counter()
    for outcome in decision.outcomes:
        assert 0 <= outcome.granted <= outcome.demand.quantity
        assert not (outcome.grants and (outcome.deferred or outcome.short))
        assert (outcome.reason == GRANTED) == (outcome.granted == outcome.demand.quantity)
        for location, units in outcome.grants:
            assert units > 0
            given_out[outcome.demand.sku, location] += units
    for (sku, location), units in given_out.items():
        assert units <= next(place.free for place in supply[sku].locations if place.name == location)


@given(SUPPLIES, demands(), policies(), CONTEXTS, BLOCKED)
def test_an_order_that_ships_complete_gets_everything_or_nothing(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context, blocked: Sequence[str]
) -> None:
    orders: dict[str, set[bool]] = {}
    for outcome in decide(supply, wanted, policy, NOW, blocked=blocked, context=context).outcomes:
        if outcome.demand.ship_complete:
            assert outcome.granted in (0, outcome.demand.quantity)
            assert not outcome.granted or outcome.demand.order_skus_locked
            orders.setdefault(outcome.demand.order_id, set()).add(outcome.granted > 0)
    assert all(len(granted) == 1 for granted in orders.values())


@given(SUPPLIES, demands(), policies(), CONTEXTS, BLOCKED)
def test_nobody_who_waits_for_a_sku_that_is_decided_elsewhere_is_served(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context, blocked: Sequence[str]
) -> None:
    decision = decide(supply, wanted, policy, NOW, blocked=blocked, context=context)
    assert not any(_given(decision)[sku] for sku in blocked)


@given(SUPPLIES, demands(), policies(), CONTEXTS, st.randoms())
def test_the_order_in_which_demands_are_given_does_not_matter(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context, random: Random
) -> None:
    shuffled = list(wanted)
    random.shuffle(shuffled)
    assert decide(supply, wanted, policy, NOW, context=context) == decide(
        supply, shuffled, policy, NOW, context=context
    )


@given(SUPPLIES, demands(), policies(), CONTEXTS)
def test_quotas_and_stock_kept_for_others_are_left_alone(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context
) -> None:
    decision = decide(supply, wanted, policy, NOW, context=context)
    for sku in SKUS:
        free = supply[sku].free
        assert _given(decision)[sku] <= max(0, free - context.kept.get(sku, 0))
        for n, quota in enumerate(policy.quotas):
            used = context.quota_used.get(sku, (0, 0))[n]
            spent = sum(
                o.granted
                for o in decision.outcomes
                if o.demand.sku == sku and getattr(o.demand, quota.field) == quota.name
            )
            assert spent <= max(0, quota.units - used)


_HELD_BACK = Policy("p", 1, Sort.FIFO, tiers=TIERS, holdback=Holdback(), ageing=Ageing(9, 30))
_EXPECTED_GOLD = {
    "A": Supply("A", (Location("X", 1, 7),), date(2026, 3, 20), 0, (Expectation(3.0, 6.0),)),
    "B": Supply("B", ()),
}


def _of_whole_order(line: str, units: int, days: int) -> Demand:
    return Demand(line, "o", "A", units, NOW - timedelta(days=days), 2, ship_complete=True)


@given(SUPPLIES, demands(), policies())
@example(_EXPECTED_GOLD, [_of_whole_order("aged", 1, 31), _of_whole_order("fresh", 6, 1)], _HELD_BACK)
@example(_EXPECTED_GOLD, [_of_whole_order("two steps", 1, 19), _of_whole_order("fresh", 6, 1)], _HELD_BACK)
def test_a_tier_never_takes_what_is_held_back_from_it(supply: Supplies, wanted: list[Demand], policy: Policy) -> None:
    """A ship-complete order reaches as deep as its line that stands first: it gets all of its units or none."""
    decision = decide(supply, wanted, policy, NOW)
    held = decision.context.thresholds or {}
    rankings = {sku: Ranking(policy, supply[sku].moment(NOW)) for sku in SKUS}
    first: dict[str, DemandOutcome] = {}
    for one in decision.outcomes:
        first.setdefault(one.demand.order_id if one.demand.ship_complete else one.demand.line_id, one)

    def reach(outcome: DemandOutcome) -> int:
        judged = first[outcome.demand.order_id] if outcome.demand.ship_complete else outcome
        if judged.key[0] != 1:
            return 0
        demand = judged.demand
        return min(rankings[demand.sku].counts_as(demand.tier_rank, demand.queued_at), len(policy.tiers) - 1)

    for sku in SKUS:
        for level, kept in enumerate(held.get(sku, ())):
            taken = sum(o.granted for o in decision.outcomes if o.demand.sku == sku and reach(o) >= level > 0)
            assert taken <= max(0, supply[sku].free - kept)


def test_an_aged_line_is_not_starved_by_what_is_held_back_from_the_fresh_lines_of_its_order() -> None:
    order = [_of_whole_order("aged", 1, 31), _of_whole_order("fresh", 6, 1)]
    fresh = [_of_whole_order("two days", 1, 2), _of_whole_order("fresh", 6, 1)]
    assert [o.granted for o in decide(_EXPECTED_GOLD, order, _HELD_BACK, NOW).outcomes] == [1, 6]
    assert [o.granted for o in decide(_EXPECTED_GOLD, fresh, _HELD_BACK, NOW).outcomes] == [0, 0]


@given(SUPPLIES, demands(), policies())
def test_nothing_is_held_back_from_a_line_that_has_waited_longer_than_anyone_should(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    policy = policy._replace(quotas=(), bypass_limit=None)
    decision = decide(supply, wanted, policy, NOW)
    for sku in SKUS:
        left = supply[sku].free - _given(decision)[sku]
        here = [o for o in decision.outcomes if o.demand.sku == sku]
        if any(o.deferred for o in here):
            continue  # what an order is to have that is decided elsewhere stays there for it
        for one in here:
            if one.key[0] == 0 and not one.demand.ship_complete:
                assert one.granted == one.demand.quantity or left == 0


@given(SUPPLIES, demands(), policies())
def test_no_unit_stays_free_without_a_reason_while_a_demand_that_takes_parts_waits(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    policy = policy._replace(holdback=None, quotas=(), bypass_limit=None)
    decision = decide(supply, wanted, policy, NOW)
    for sku in SKUS:
        if not supply[sku].free - _given(decision)[sku] or any(o.deferred for o in decision.outcomes):
            continue
        waits = [o for o in decision.outcomes if o.demand.sku == sku and not o.demand.ship_complete]
        assert all(o.granted == o.demand.quantity for o in waits)


@given(SUPPLIES, demands(), policies(shares=(Share.SEQUENTIAL,)))
def test_in_turn_nobody_who_takes_parts_is_overtaken_by_one_of_equal_rights(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    policy = policy._replace(quotas=(), bypass_limit=None, holdback=None)
    outcomes = decide(supply, wanted, policy, NOW).outcomes
    keys = [outcome.key for outcome in outcomes]
    assert keys == sorted(set(keys))
    for sku in SKUS:
        short = False
        for one in outcomes:
            if one.demand.sku == sku and not one.demand.ship_complete:
                assert not (short and one.granted)
                short |= one.granted < one.demand.quantity


@given(SUPPLIES, demands(complete=False), policies())
def test_a_better_class_is_served_before_a_worse_one(supply: Supplies, wanted: list[Demand], policy: Policy) -> None:
    policy = policy._replace(quotas=(), holdback=None)
    outcomes = decide(supply, wanted, policy, NOW).outcomes
    for sku in SKUS:
        here = [o for o in outcomes if o.demand.sku == sku]
        for ahead in here:
            if ahead.granted < ahead.demand.quantity:
                assert not any(class_of(o.key) > class_of(ahead.key) and o.granted for o in here)


@given(SUPPLIES, demands(), policies(), CONTEXTS, BLOCKED)
def test_a_stored_decision_is_computed_again_from_what_is_stored(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context, blocked: Sequence[str]
) -> None:
    decision = decide(supply, wanted, policy, NOW, blocked=blocked, context=context)
    stored, lines = _stored(supply, decision, blocked)
    assert replay(stored, lines, NOW) == _given_by_line(decision)
    again = decide(
        supply,
        [demand_of(line) for line in lines],
        policy_from(stored["policy"]),
        NOW,
        blocked=blocked,
        context=context_from(stored),
    )
    assert [(o.rank, o.key, o.grants, o.reason) for o in again.outcomes] == [
        (o.rank, o.key, o.grants, o.reason) for o in decision.outcomes
    ]
    assert again.passed == decision.passed


def _stored(supply: Supplies, decision: Decision, blocked: Sequence[str]) -> tuple[dict[str, Any], list[StoredLine]]:
    step = {
        "kind": "fill",
        "policy": stored_policy(decision.policy),
        "supply": {sku: stored_supply(one) for sku, one in supply.items()},
        "blocked": blocked,
        **stored_context(decision.context),
    }
    lines = [
        StoredLine(
            o.demand.line_id,
            o.demand.sku,
            o.demand.quantity,
            orjson.loads(orjson.dumps(stored_facts(o), default=tuple)),
        )
        for o in decision.outcomes
    ]
    return orjson.loads(orjson.dumps(step, default=tuple)), lines


def _given_by_line(decision: Decision) -> Counter[str]:
    """Units by line, those that got nothing included."""
    found: Counter[str] = Counter()
    for outcome in decision.outcomes:
        found[outcome.demand.line_id] += outcome.granted
    return found


@given(SUPPLIES, demands(), policies(), CONTEXTS, BLOCKED)
def test_what_is_left_of_a_decision_that_was_cut_is_computed_again(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context, blocked: Sequence[str]
) -> None:
    decision = decide(supply, wanted, policy, NOW, blocked=blocked, context=context)
    if decision.joint:
        return
    last = max((o.rank for o in decision.outcomes if o.granted or o.deferred or o.short), default=0)
    cut = Decided(decision, supply, list(blocked)).up_to(last + 1).decision
    stored, lines = _stored(supply, cut, blocked)
    assert replay(stored, lines, NOW) == _given_by_line(cut)


def test_a_demand_that_is_promised_for_a_day_and_claims_none_is_computed_again_as_it_was_ranked() -> None:
    soon = date(2026, 3, 6)
    undated = Demand("first", "o1", "A", 1, NOW - timedelta(hours=9), promise_date=soon, claim_date=UNDATED)
    dated = Demand("second", "o2", "A", 1, NOW - timedelta(hours=5), promise_date=soon, claim_date=soon)
    supply = {"A": Supply("A", (Location("X", 1, 1),), date(2026, 3, 20))}
    decision = decide(supply, [undated, dated], Policy(), NOW)
    stored, lines = _stored(supply, decision, ())
    assert replay(stored, lines, NOW) == _given_by_line(decision) == {"first": 0, "second": 1}


def test_an_order_that_a_quota_refuses_is_not_cut_in_two() -> None:
    """With half of its demands, it would have fitted."""
    whole = [
        Demand(f"w{n}", "w", "A", 2, NOW + timedelta(minutes=30 * n), channel="web", ship_complete=True)
        for n in range(2)
    ]
    others = [Demand(f"l{n}", f"o{n}", "A", 2, NOW + timedelta(minutes=1 + n), channel="web") for n in range(3)]
    quota = Policy("p", 1, quotas=(Quota("channel", "web", 3),))
    supply = {"A": Supply("A", (Location("X", 1, 9),))}
    decision = decide(supply, [*whole, *others], quota, NOW)
    cut = Decided(decision, supply, []).up_to(3).decision
    assert [(o.demand.line_id, o.granted) for o in cut.outcomes] == [("w0", 0), ("l0", 2), ("l1", 1), ("w1", 0)]
    stored, lines = _stored(supply, cut, [])
    assert replay(stored, lines, NOW) == _given_by_line(cut)


def test_a_plain_decision_is_stored_without_a_word_too_many() -> None:
    decision = decide({}, [Demand("l", "o", "A", 1, NOW)], Policy(), NOW)
    assert stored_context(decision.context) == {}
    assert stored_facts(decision.outcomes[0]) == {"order_id": "o", "queued_at": NOW, "grants": ()}


@given(policies())
def test_a_policy_and_its_document_say_the_same(policy: Policy) -> None:
    assert policy_from(orjson.loads(orjson.dumps(policy_document(policy)))) == policy
    assert policy_from(orjson.loads(orjson.dumps(stored_policy(policy)))) == policy


@given(SUPPLIES, demands(complete=False), policies(), CONTEXTS)
def test_what_happens_to_one_sku_does_not_matter_to_another(
    supply: Supplies, wanted: list[Demand], policy: Policy, context: Context
) -> None:
    both = decide(supply, wanted, policy, NOW, context=context)
    for sku in SKUS:
        alone = decide({sku: supply[sku]}, [d for d in wanted if d.sku == sku], policy, NOW, context=context)
        assert [(o.demand, o.grants, o.reason) for o in alone.outcomes] == [
            (o.demand, o.grants, o.reason) for o in both.outcomes if o.demand.sku == sku
        ]


@given(SUPPLIES, demands(), policies(shares=(Share.SEQUENTIAL,), sorts=(Sort.FIFO, Sort.PRIORITY, Sort.EARLIEST_DUE)))
def test_orders_that_were_passed_are_those_that_lost_stock_to_somebody_behind(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    decision = decide(supply, wanted, policy, NOW, context=NO_CONTEXT)
    expected = set()
    for n, one in enumerate(decision.outcomes):
        behind = decision.outcomes[n + 1 :]
        if one.short and any(o.granted and o.demand.sku == one.demand.sku for o in behind):
            most = max(d.bypassed for d in wanted if d.order_id == one.demand.order_id)
            if policy.bypass_limit is not None and most < policy.bypass_limit:
                expected.add(one.demand.order_id)
    assert set(decision.passed) == expected
