"""Deciding: nothing is lost or oversold, the order is total, and the same inputs give the same answer."""

import itertools
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.allocating.deallocation import Holding, deallocate
from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.policies.policy import NO_DATE, Demand, Location, Moment, Policy, Sort, Supply
from allocation_service.domain.policies.sorting import sort_key

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
Supplies = dict[str, Supply]
DAYS = st.one_of(st.none(), st.dates(date(2026, 3, 1), date(2026, 3, 20)))


@st.composite
def demands(draw: st.DrawFn) -> list[Demand]:
    """Demands on two SKUs; about half of the orders ship complete."""
    found = []
    for number in range(draw(st.integers(0, 10))):
        complete = draw(st.booleans())
        for part in range(draw(st.integers(1, 2))):
            found.append(  # noqa: PERF401 - every draw is one of its own
                Demand(
                    f"l{number}-{part}",
                    f"o{number}",
                    draw(st.sampled_from(("A", "B"))),
                    draw(st.integers(1, 6)),
                    NOW + timedelta(minutes=draw(st.integers(0, 3))),
                    draw(st.integers(0, 2)),
                    draw(DAYS) or NO_DATE,
                    draw(DAYS),
                    draw(st.sampled_from(("X", "Y", None))),
                    complete,
                )
            )
    return found


SUPPLIES = st.fixed_dictionaries(
    {
        sku: st.builds(
            lambda x, y, day, name=sku: Supply(name, (Location("X", 1, x), Location("Y", 2, y)), day),
            st.integers(0, 10),
            st.integers(0, 10),
            DAYS,
        )
        for sku in ("A", "B")
    }
)
POLICIES = st.builds(lambda sort, protect: Policy("p", 1, sort, protect), st.sampled_from(Sort), st.booleans())


@given(SUPPLIES, demands(), POLICIES)
def test_no_location_gives_more_than_it_has_and_no_demand_gets_more_than_it_asked(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    outcomes = decide(supply, wanted, policy, NOW).outcomes
    assert len(outcomes) == len(wanted)
    given_out: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        assert 0 <= outcome.granted <= outcome.demand.quantity
        for location, units in outcome.grants:
            assert units > 0
            key = (outcome.demand.sku, location)
            given_out[key] = given_out.get(key, 0) + units
    for (sku, location), units in given_out.items():
        assert units <= next(place.free for place in supply[sku].locations if place.name == location)


@given(SUPPLIES, demands(), POLICIES)
def test_no_unit_stays_free_while_a_demand_that_takes_parts_waits(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    outcomes = decide(supply, wanted, policy, NOW).outcomes
    for sku, one in supply.items():
        left = one.free - sum(outcome.granted for outcome in outcomes if outcome.demand.sku == sku)
        waits = [o for o in outcomes if o.demand.sku == sku and not o.demand.ship_complete]
        assert left == 0 or all(o.granted == o.demand.quantity for o in waits)


@given(SUPPLIES, demands(), POLICIES)
def test_an_order_that_ships_complete_gets_everything_or_nothing(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    orders: dict[str, list[bool]] = {}
    for outcome in decide(supply, wanted, policy, NOW).outcomes:
        if outcome.demand.ship_complete:
            assert outcome.granted in (0, outcome.demand.quantity)
            orders.setdefault(outcome.demand.order_id, []).append(outcome.granted > 0)
    assert all(len(set(granted)) == 1 for granted in orders.values())


@given(SUPPLIES, demands(), POLICIES, st.randoms())
def test_the_order_in_which_demands_are_given_does_not_matter(
    supply: Supplies, wanted: list[Demand], policy: Policy, random: Random
) -> None:
    shuffled = list(wanted)
    random.shuffle(shuffled)
    assert decide(supply, wanted, policy, NOW) == decide(supply, shuffled, policy, NOW)


@given(SUPPLIES, demands(), POLICIES)
def test_the_order_is_total_and_nobody_who_takes_parts_is_overtaken(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    outcomes = decide(supply, wanted, policy, NOW).outcomes
    keys = [outcome.key for outcome in outcomes]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    for sku in supply:
        parts = [o for o in outcomes if o.demand.sku == sku and not o.demand.ship_complete]
        for ahead, behind in itertools.pairwise(parts):
            assert not behind.granted or ahead.granted == ahead.demand.quantity


def test_what_is_promised_before_the_next_supply_is_served_before_a_better_tier() -> None:
    gold = Demand("gold", "o1", "A", 1, NOW, tier_rank=0, promise_date=date(2026, 4, 1), claim_date=date(2026, 4, 1))
    promised = Demand(
        "promised", "o2", "A", 1, NOW, tier_rank=3, promise_date=date(2026, 3, 5), claim_date=date(2026, 3, 5)
    )
    supply = {"A": Supply("A", (Location("X", 1, 1),), next_supply=date(2026, 3, 20))}
    protecting = decide(supply, [gold, promised], Policy("p", 1, Sort.PRIORITY, True), NOW)
    plain = decide(supply, [gold, promised], Policy("p", 1, Sort.PRIORITY, False), NOW)
    assert [o.demand.line_id for o in protecting.outcomes if o.granted] == ["promised"]
    assert [o.demand.line_id for o in plain.outcomes if o.granted] == ["gold"]


def test_the_preferred_location_serves_first_then_priority_then_name() -> None:
    places = (Location("a", 5, 2), Location("b", 1, 2), Location("c", 1, 2), Location("d", 9, 2))
    wanted = Demand("l", "o", "A", 7, NOW, preference="d")
    outcome = decide({"A": Supply("A", places)}, [wanted], Policy(), NOW).outcomes[0]
    assert outcome.grants == (("d", 2), ("b", 2), ("c", 2), ("a", 1))


def test_an_order_that_ships_complete_leaves_one_location_if_one_can_send_it_all() -> None:
    supply = {
        "A": Supply("A", (Location("near", 1, 1), Location("far", 2, 5))),
        "B": Supply("B", (Location("far", 2, 5),)),
    }
    wanted = [Demand(f"l{sku}", "o", sku, 2, NOW, ship_complete=True) for sku in ("A", "B")]
    assert {o.grants for o in decide(supply, wanted, Policy(), NOW).outcomes} == {(("far", 2),)}


def test_nobody_behind_an_order_that_is_decided_elsewhere_is_served_before_it() -> None:
    elsewhere = Demand("l1", "o1", "A", 1, NOW, ship_complete=True, order_skus_locked=False)
    behind = Demand("l2", "o2", "A", 1, NOW + timedelta(minutes=1))
    outcomes = decide({"A": Supply("A", (Location("X", 1, 5),))}, [elsewhere, behind], Policy(), NOW).outcomes
    assert [(o.granted, o.deferred) for o in outcomes] == [(0, True), (0, True)]


@given(st.integers(0, 30), st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2)), max_size=8))
def test_taking_back_takes_exactly_what_is_missing_from_the_last_in_the_queue(
    missing: int, rows: list[tuple[int, int, int]]
) -> None:
    holdings = [
        Holding(f"l{n}", units, NOW + timedelta(minutes=minute), tier) for n, (units, minute, tier) in enumerate(rows)
    ]
    policy = Policy(sort=Sort.PRIORITY)
    losses = deallocate(missing, holdings, policy, Moment(NOW))
    assert sum(loss.units for loss in losses) == min(missing, sum(one.unshipped for one in holdings))
    lost = {loss.holding.line_id: loss.units for loss in losses}
    ranked = sorted(holdings, key=lambda one: (one.tier_rank, one.needed_by, one.queued_at, one.line_id))
    touched = [n for n, one in enumerate(ranked) if one.line_id in lost]
    assert touched == list(range(len(ranked) - len(touched), len(ranked)))
    assert all(lost[ranked[n].line_id] == ranked[n].unshipped for n in touched[1:])


def test_ties_end_in_the_moment_of_queueing_and_the_line() -> None:
    first, second = Demand("l1", "o1", "A", 1, NOW), Demand("l2", "o2", "A", 1, NOW)
    assert sort_key(first, Policy(), Moment(NOW)) < sort_key(second, Policy(), Moment(NOW))


def test_an_order_that_comes_together_does_not_depend_on_which_of_its_lines_is_named_first() -> None:
    supply = {"A": Supply("A", (Location("X", 1, 2), Location("Y", 1, 2)), None)}
    lines = [Demand(f"line-{place}", "order", "A", 1, NOW, 0, NO_DATE, None, place, True, True) for place in ("X", "Y")]
    policy = Policy("p", 1, Sort.FIFO, False)
    assert decide(supply, lines, policy, NOW) == decide(supply, lines[::-1], policy, NOW)
