"""What keeps a demand from stock that is there: each guard by itself, with the words it is told in."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.allocation.drawing import NOW, TIERS

from allocation_service.domain.allocating.deallocation import Holding, deallocate, holding_from, stored_holding
from allocation_service.domain.allocating.deciding import Decision, decide
from allocation_service.domain.allocating.guards import Context
from allocation_service.domain.policies.holdback import protection_level
from allocation_service.domain.policies.policy import (
    Ageing,
    Demand,
    Expectation,
    Holdback,
    Location,
    Moment,
    Policy,
    Quota,
    Share,
    Sort,
    Supply,
    ValueIndex,
    Weights,
)
from allocation_service.domain.reasons import shared_loss
from allocation_service.wording.reason_words import published_words

NOBODY = Expectation(0.0, 0.0)
SURE = Expectation(3.0, 0.0001)


def demand(name: str, units: int, *, minute: int = 0, tier: int = 2, sku: str = "A", **more: object) -> Demand:
    fields: dict[str, object] = {"tier_rank": tier, **more}
    order = str(fields.pop("order_id", f"o-{name}"))
    return Demand(name, order, sku, units, NOW + timedelta(minutes=minute), **fields)  # type: ignore[arg-type]


def supply(units: int, sku: str = "A", forecast: tuple[Expectation, ...] | None = None) -> dict[str, Supply]:
    return {sku: Supply(sku, (Location("X", 1, units),), forecast=forecast)}


def told(decision: Decision) -> dict[str, tuple[int, str]]:
    return {o.demand.line_id: (o.granted, published_words(o.reason)) for o in decision.outcomes}


@given(st.floats(0.05, 400), st.floats(0.3, 20), st.floats(0.01, 0.99))
def test_the_units_kept_are_the_fewest_that_better_tiers_outrun_rarely_enough(
    mean: float, spread: float, ratio: float
) -> None:
    variance = mean * spread
    kept = protection_level(mean, variance, ratio)

    def probability(units: int) -> float:
        if variance <= mean:
            return math.exp(units * math.log(mean) - mean - math.lgamma(units + 1))
        size, success = mean * mean / (variance - mean), mean / variance
        ways = math.lgamma(units + size) - math.lgamma(size) - math.lgamma(units + 1)
        return math.exp(ways + size * math.log(success) + units * math.log1p(-success))

    beyond = 1 - sum(probability(units) for units in range(kept + 1))
    assert beyond <= ratio + 1e-6
    assert kept == 0 or beyond + probability(kept) >= ratio - 1e-6


def test_stock_is_kept_for_a_better_tier_that_is_expected() -> None:
    policy = Policy(sort=Sort.PRIORITY, tiers=TIERS, holdback=Holdback())
    forecast = (SURE, NOBODY, NOBODY)
    found = decide(supply(5, forecast=forecast), [demand("s", 4)], policy, NOW)
    kept = found.context.thresholds
    assert kept is not None
    assert told(found) == {"s": (5 - kept["A"][2], f"partly: held back for tier silver or better: {kept['A'][2]} kept")}
    nothing = decide(supply(2, forecast=forecast), [demand("s", 4)], policy, NOW)
    assert told(nothing) == {"s": (0, "held back for tier silver or better: 2 kept")}


def test_what_is_held_back_is_a_cap_on_the_shares_of_the_worse_tiers() -> None:
    policy = Policy(share=Share.MAX_MIN, tiers=TIERS, holdback=Holdback())
    held = Context(thresholds={"A": (0, 2, 7)})
    wanted = [demand("g", 3, tier=0), demand("t", 9, tier=1), demand("s", 9, tier=2)]
    found = told(decide(supply(10), wanted, policy, NOW, context=held))
    assert found == {
        "g": (3, "granted"),
        "t": (5, "partly: supply ran out"),
        "s": (2, "partly: supply ran out"),
    }
    alone = told(decide(supply(10), wanted[2:], policy, NOW, context=held))
    assert alone == {"s": (3, "partly: held back for tier silver or better: 7 kept")}
    both = told(decide(supply(10), wanted[1:], policy, NOW, context=held))
    assert {line: units for line, (units, _) in both.items()} == {"t": 5, "s": 3}


def test_a_line_that_is_too_old_goes_to_the_top_and_nothing_is_held_back_from_it() -> None:
    policy = Policy(sort=Sort.PRIORITY, tiers=TIERS, holdback=Holdback(), ageing=Ageing(100, 30))
    wanted = [demand("old", 2, minute=-31 * 24 * 60), demand("gold", 2, tier=0), demand("new", 2)]
    found = decide(supply(4, forecast=(SURE, NOBODY, NOBODY)), wanted, policy, NOW)
    assert {line: units for line, (units, _) in told(found).items()} == {"old": 2, "gold": 2, "new": 0}


def test_a_line_counts_as_a_better_tier_for_every_step_it_has_waited() -> None:
    policy = Policy(sort=Sort.PRIORITY, tiers=TIERS, ageing=Ageing(5, 300))
    wanted = [demand("silver", 1, tier=1, minute=-1), demand("standard", 1, minute=-10 * 24 * 60 - 1)]
    assert told(decide(supply(1), wanted, policy, NOW))["standard"][0] == 1


def test_a_channel_gets_no_more_than_its_quota_between_two_receipts() -> None:
    policy = Policy(quotas=(Quota("channel", "web", 5),))
    wanted = [demand("w1", 2, channel="web"), demand("w2", 4, minute=1, channel="web"), demand("shop", 4, minute=2)]
    found = told(decide(supply(20), wanted, policy, NOW, context=Context(quota_used={"A": (1,)})))
    assert found == {
        "w1": (2, "granted"),
        "w2": (2, "partly: quota of 5 for channel web used up"),
        "shop": (4, "granted"),
    }


@pytest.mark.parametrize("share", [Share.SEQUENTIAL, Share.MAX_MIN])
def test_orders_that_ship_complete_use_up_a_quota_too(share: Share) -> None:
    policy = Policy(share=share, quotas=(Quota("channel", "web", 5),))
    whole = demand("whole", 4, channel="web", ship_complete=True)
    found = told(decide(supply(9), [whole, demand("other", 4, minute=1, channel="web")], policy, NOW))
    assert {line: units for line, (units, _) in found.items()} == (
        {"whole": 4, "other": 1} if share is Share.SEQUENTIAL else {"whole": 0, "other": 4}
    )


def test_an_order_is_passed_until_the_limit_and_then_its_stock_is_kept() -> None:
    policy = Policy(bypass_limit=2)

    def after(bypassed: int) -> Decision:
        whole = demand("whole", 5, ship_complete=True, bypassed=bypassed)
        return decide(supply(4), [whole, demand("behind", 2, minute=1)], policy, NOW)

    assert [after(bypassed).passed for bypassed in range(3)] == [("o-whole",), ("o-whole",), ()]
    assert told(after(1)) == {"whole": (0, "waits: order ships complete"), "behind": (2, "granted")}
    assert told(after(2)) == {
        "whole": (0, "waits: order ships complete, passed 2 times: its stock is kept"),
        "behind": (0, "skipped: bypass limit"),
    }


def test_an_order_at_its_bypass_limit_is_served_before_the_shares_are_made() -> None:
    policy = Policy(share=Share.MAX_MIN, bypass_limit=1)
    wanted = [demand("line", 5), demand("whole", 5, minute=1, ship_complete=True, bypassed=1)]
    assert {line: units for line, (units, _) in told(decide(supply(6), wanted, policy, NOW)).items()} == {
        "line": 1,
        "whole": 5,
    }


def test_a_share_covers_the_first_orders_that_ship_complete_and_the_rest_goes_to_the_lines() -> None:
    policy = Policy(share=Share.MAX_MIN)
    wanted = [demand(f"w{n}", 4, minute=n, ship_complete=True) for n in range(3)]
    found = told(decide(supply(9), [*wanted, demand("line", 9, minute=9)], policy, NOW))
    assert {line: units for line, (units, _) in found.items()} == {"w0": 4, "w1": 0, "w2": 0, "line": 5}


def test_an_order_that_is_decided_elsewhere_leaves_the_others_their_shares_and_nothing_behind_them() -> None:
    policy = Policy(sort=Sort.PRIORITY, share=Share.MAX_MIN, tiers=TIERS)
    wanted = [
        demand("elsewhere", 2, tier=0, ship_complete=True, order_skus_locked=False),
        demand("with", 4, tier=0, minute=1),
        demand("behind", 4, tier=1),
    ]
    found = decide(supply(9), wanted, policy, NOW)
    assert [(o.demand.line_id, o.granted, o.deferred) for o in found.outcomes] == [
        ("elsewhere", 0, True),
        ("with", 4, False),
        ("behind", 0, True),
    ]


def test_a_line_that_cannot_be_decided_here_keeps_its_share_and_nothing_goes_to_worse_classes() -> None:
    policy = Policy(sort=Sort.PRIORITY, share=Share.MAX_MIN, tiers=TIERS)
    wanted = [
        demand("elsewhere", 2, tier=0, order_skus_locked=False),
        demand("with", 4, tier=0, minute=1),
        demand("behind", 4, tier=1),
    ]
    found = decide(supply(9), wanted, policy, NOW)
    assert [(o.granted, o.deferred) for o in found.outcomes] == [(0, True), (4, False), (0, True)]


def test_taking_back_reverses_the_policys_order_and_says_why() -> None:
    holdings = [
        Holding("old", 3, NOW - timedelta(days=9), 2, date(2026, 3, 30)),
        Holding("gold", 3, NOW, 0),
        Holding("dear", 3, NOW, 2, unit_value=90_000),
    ]
    by_value = Policy(
        sort=Sort.VALUE_INDEX, tiers=TIERS, value_index=ValueIndex(Weights(loyalty=0, urgency=0, value=100))
    )
    losers = {
        name: [loss.holding.line_id for loss in deallocate(4, holdings, policy, Moment(NOW))]
        for name, policy in (
            ("fifo", Policy(tiers=TIERS)),
            ("priority", Policy(sort=Sort.PRIORITY, tiers=TIERS)),
            ("value", by_value),
        )
    }
    assert losers == {"fifo": ["gold", "dear"], "priority": ["dear", "old"], "value": ["gold", "old"]}


def test_a_class_that_shares_what_it_is_given_shares_what_it_loses() -> None:
    holdings = [Holding(f"l{n}", units, NOW, customer_id=f"c{n}") for n, units in enumerate((2, 6, 6))]
    losses = deallocate(6, holdings, Policy(share=Share.MAX_MIN), Moment(NOW))
    assert [(loss.rank, loss.holding.line_id, loss.units) for loss in losses] == [(1, "l2", 3), (2, "l1", 3)]
    assert {loss.reason for loss in losses} == {shared_loss(Share.MAX_MIN)}


@given(
    st.builds(
        Holding,
        st.text(min_size=1),
        st.integers(1, 9),
        st.just(NOW),
        st.integers(0, 3),
        st.dates(),
        st.none() | st.text(),
        st.integers(0, 100),
    )
)
def test_a_holding_is_read_back_as_it_was_stored(holding: Holding) -> None:
    stored = stored_holding(holding)
    stored["queued_at"] = stored["queued_at"].isoformat()
    if "needed_by" in stored:
        stored["needed_by"] = stored["needed_by"].isoformat()
    assert holding_from(stored) == holding
    assert len(stored_holding(Holding("l", 1, NOW))) == 3
