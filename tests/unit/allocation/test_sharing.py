"""Dividing what does not reach: exact, fair in the sense of each rule, and of no use to whoever inflates an order."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.unit.allocation.drawing import NOW

from allocation_service.domain.allocating.capped_share import Cap, divide_capped
from allocation_service.domain.allocating.deallocation import Holding, deallocate
from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.allocating.fair_share import Claim, divide, max_min, proportional, uniform_losses
from allocation_service.domain.policies.policy import Demand, Location, Moment, Policy, Share, Sort, Supply

CLAIMS = st.lists(
    st.builds(
        Claim, st.integers(0, 12), st.integers(1, 4), st.sampled_from(("a", "b", "c", "d", "e")), st.integers(0, 30)
    ),
    max_size=8,
)
PARTIES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4)), min_size=1, max_size=7)
SHARED = st.sampled_from((Share.PROPORTIONAL, Share.MAX_MIN, Share.UNIFORM_LOSSES))


@given(st.sampled_from(Share), CLAIMS, st.integers(0, 60))
def test_all_of_the_supply_is_given_or_all_of_the_claims(share: Share, claims: list[Claim], supply: int) -> None:
    given_out = divide(share, claims, supply)
    assert sum(given_out) == min(supply, sum(claim.units for claim in claims))
    assert all(0 <= units <= claim.units for units, claim in zip(given_out, claims, strict=True))


@given(PARTIES, st.integers(0, 120))
def test_under_max_min_nobody_gains_except_by_taking_from_one_with_no_more_for_its_weight(
    parties: list[tuple[int, int]], supply: int
) -> None:
    wanted, weights = [units for units, _ in parties], [weight for _, weight in parties]
    shares = max_min(wanted, weights, supply)
    short = [n for n, units in enumerate(shares) if units < wanted[n]]
    for n in short:
        for other, units in enumerate(shares):
            if other != n and units:
                # A unit of another's is worth less to me than to it: it had less per weight before its last one.
                assert Fraction(2 * units - 1, weights[other]) <= Fraction(2 * shares[n] + 1, weights[n])


@given(PARTIES, st.integers(0, 120), st.data())
def test_an_inflated_order_gains_at_most_a_unit_under_max_min(
    parties: list[tuple[int, int]], supply: int, data: st.DataObject
) -> None:
    wanted, weights = [units for units, _ in parties], [weight for _, weight in parties]
    n = data.draw(st.integers(0, len(parties) - 1))
    honest = max_min(wanted, weights, supply)
    assume(honest[n] < wanted[n])
    inflated = [*wanted[:n], wanted[n] + data.draw(st.integers(1, 50)), *wanted[n + 1 :]]
    assert max_min(inflated, weights, supply)[n] <= honest[n] + 1


@given(SHARED, st.lists(st.integers(0, 20), min_size=2, max_size=7), st.integers(0, 80))
def test_equals_get_the_same_within_a_unit(share: Share, wanted: list[int], supply: int) -> None:
    shares = divide(share, [Claim(units, 1, str(n)) for n, units in enumerate(wanted)], supply)
    for n, units in enumerate(wanted):
        for other in range(n + 1, len(wanted)):
            if wanted[other] == units:
                assert 0 <= shares[n] - shares[other] <= 1


@given(st.lists(st.integers(0, 20), max_size=7), st.integers(0, 80))
def test_proportional_shares_are_the_exact_ones_within_a_unit(wanted: list[int], supply: int) -> None:
    assume(supply < sum(wanted))
    for units, share in zip(wanted, proportional(wanted, supply), strict=True):
        assert abs(Fraction(units * supply, sum(wanted)) - share) < 1


@given(st.lists(st.integers(0, 20), max_size=7), st.integers(0, 80))
def test_uniform_losses_are_equal_as_far_as_the_claims_go(wanted: list[int], supply: int) -> None:
    losses = [units - share for units, share in zip(wanted, uniform_losses(wanted, supply), strict=True)]
    for n, loss in enumerate(losses):
        assert all(loss >= other - 1 or loss == wanted[n] for other in losses)


def _in_parts(share: Share, claims: list[Claim], parts: list[int]) -> list[int]:
    """What claims have been given in all when supply comes in parts, each shared among what is left of them."""
    had = [0] * len(claims)
    for supply in parts:
        left = [claim._replace(units=claim.units - units, had=units) for claim, units in zip(claims, had, strict=True)]
        had = [before + more for before, more in zip(had, divide(share, left, supply), strict=True)]
    return had


PARTS = st.lists(st.integers(0, 9), max_size=12)


@pytest.mark.parametrize("share", [Share.MAX_MIN, Share.UNIFORM_LOSSES])
@given(parties=PARTIES, parts=PARTS)
@example(parties=[(10, 1)] * 3, parts=[1] * 15)
@example(parties=[(10, 4), (10, 1)], parts=[1] * 10)
def test_supply_that_comes_in_parts_is_shared_as_if_it_came_at_once(
    share: Share, parties: list[tuple[int, int]], parts: list[int]
) -> None:
    claims = [Claim(units, weight, f"party {n}") for n, (units, weight) in enumerate(parties)]
    assert _in_parts(share, claims, parts) == divide(share, claims, sum(parts))


@given(parties=PARTIES, parts=PARTS)
@example(parties=[(10, 1)] * 3, parts=[1] * 15)
@example(parties=[(10, 1), (20, 1)], parts=[1] * 15)
def test_proportional_parts_of_supply_that_comes_in_parts_are_the_exact_ones_within_a_unit(
    parties: list[tuple[int, int]], parts: list[int]
) -> None:
    wanted = [units for units, _ in parties]
    assume(sum(parts) < sum(wanted))
    shares = _in_parts(Share.PROPORTIONAL, [Claim(units) for units in wanted], parts)
    assert sum(shares) == sum(parts)
    for units, share in zip(wanted, shares, strict=True):
        assert abs(Fraction(units * sum(parts), sum(wanted)) - share) < 1


@pytest.mark.parametrize("share", [Share.PROPORTIONAL, Share.MAX_MIN, Share.UNIFORM_LOSSES])
def test_what_somebody_had_before_the_others_came_is_not_held_against_it(share: Share) -> None:
    claims = [Claim(10, 1, "had stock at once", had=90), Claim(10, 1, "waits")]
    first, second = divide(share, claims, 10)
    assert first + second == 10
    assert abs(first - second) <= 2


@given(PARTIES, st.integers(0, 120))
def test_more_supply_takes_nothing_from_anybody_under_max_min(parties: list[tuple[int, int]], supply: int) -> None:
    wanted, weights = [units for units, _ in parties], [weight for _, weight in parties]
    before, after = max_min(wanted, weights, supply), max_min(wanted, weights, supply + 1)
    assert all(more >= less for less, more in zip(before, after, strict=True))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=7), st.integers(0, 60), st.integers(0, 60))
def test_what_is_taken_back_and_what_was_given_come_from_the_same_rule(
    wanted: list[int], supply: int, missing: int
) -> None:
    demands = [Demand(f"l{n}", f"o{n}", "A", max(1, units), NOW, customer_id=f"c{n}") for n, units in enumerate(wanted)]
    policy = Policy(share=Share.MAX_MIN)
    first, later = _max_min(demands, supply), _max_min(demands, max(0, supply - missing))
    holdings = [Holding(d.line_id, first[d.line_id], NOW, customer_id=d.customer_id) for d in demands]
    losses = deallocate(min(supply, missing), holdings, policy, Moment(NOW))
    lost = {loss.holding.line_id: loss.units for loss in losses}
    returned = min(supply, missing, sum(first.values()))
    assert sum(lost.values()) == returned
    if returned == supply - max(0, supply - missing) and sum(first.values()) == supply:
        assert {line_id: units - lost.get(line_id, 0) for line_id, units in first.items()} == later


def _max_min(demands: list[Demand], supply: int) -> dict[str, int]:
    decision = decide({"A": Supply("A", (Location("X", 1, supply),))}, demands, Policy(share=Share.MAX_MIN), NOW)
    return {o.demand.line_id: o.granted for o in decision.outcomes}


def test_customers_share_however_many_lines_they_split_their_order_into() -> None:
    split = [Demand(f"s{n}", f"os{n}", "A", 2, NOW, customer_id="splits") for n in range(5)]
    whole = [Demand("w", "ow", "A", 10, NOW, customer_id="does not")]
    given_out = _max_min(split + whole, 8)
    assert sum(given_out[f"s{n}"] for n in range(5)) == given_out["w"] == 4


def test_a_customer_of_a_better_tier_has_the_share_of_its_weight_in_a_queue_of_all_tiers() -> None:
    wanted = [
        Demand("platinum", "o1", "A", 90, NOW, tier_rank=0, customer_id="p"),
        Demand("standard", "o2", "A", 90, NOW, tier_rank=3, customer_id="s"),
    ]
    assert _max_min(wanted, 90) == {"platinum": 80, "standard": 10}


@pytest.mark.parametrize("share", list(Share))
def test_under_priority_a_tier_shares_only_what_better_ones_left(share: Share) -> None:
    wanted = [Demand(f"g{n}", f"og{n}", "A", 2, NOW, 0, customer_id=f"g{n}") for n in range(2)]
    wanted += [Demand(f"s{n}", f"os{n}", "A", 2, NOW, 1, customer_id=f"s{n}") for n in range(2)]
    supply = {"A": Supply("A", (Location("X", 1, 6),))}
    outcomes = decide(supply, wanted, Policy(sort=Sort.PRIORITY, share=share), NOW).outcomes
    shares = [o.granted for o in outcomes]
    assert shares == ([2, 2, 2, 0] if share is Share.SEQUENTIAL else [2, 2, 1, 1])


@given(
    SHARED,
    CLAIMS,
    st.integers(0, 50),
    st.lists(st.tuples(st.integers(0, 15), st.sets(st.integers(0, 7))), max_size=3),
)
def test_caps_hold_and_what_they_refuse_goes_to_the_others(
    share: Share, claims: list[Claim], supply: int, rows: list[tuple[int, set[int]]]
) -> None:
    caps = [Cap(units, tuple(sorted(n for n in members if n < len(claims)))) for units, members in rows]
    portions = divide_capped(share, claims, supply, caps)
    left = supply - sum(portion.units for portion in portions)
    room = [cap.units - sum(portions[n].units for n in cap.members) for cap in caps]
    assert left >= 0
    assert min(room, default=0) >= 0
    for n, (claim, portion) in enumerate(zip(claims, portions, strict=True)):
        assert 0 <= portion.units <= claim.units
        if left and portion.units < claim.units:
            assert any(not room[k] for k, cap in enumerate(caps) if n in cap.members)
            assert portion.cap is not None


def test_what_one_of_two_overlapping_caps_refuses_is_still_open_to_the_other_members() -> None:
    claims = [Claim(10, 1, "a"), Claim(10, 1, "b"), Claim(20, 1, "c")]
    portions = divide_capped(Share.MAX_MIN, claims, 20, [Cap(4, (0, 1)), Cap(1, (1, 2))])
    assert [portion.units for portion in portions] == [3, 1, 0]
