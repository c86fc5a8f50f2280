"""The target of a payment, for each moment at which money is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.order.payment_suite import paid_order

from order_service.domain.lines import Line, LocationUnits, Reason
from order_service.domain.payments.order_money import money_lines
from order_service.domain.payments.steady_units import STEADY_AFTER, Since, next_steady, observed, steady_units
from order_service.domain.payments.target import FEES, LineMoney, Target, share_of, target_of
from order_service.domain.payments.terms import ChargeAt, Fee, PaymentTerms

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHIPPING = (Fee("shipping", 490),)


def line(
    wanted: int, shipped: int = 0, reached: int = 0, *, price: int = 1000, forfeited: int = 0, undecided: int = 0
) -> LineMoney:
    return LineMoney("l1", price, wanted, shipped, max(shipped, reached), 0, forfeited, undecided)


def test_with_the_order_everything_that_is_wanted_is_due():
    target = target_of(PaymentTerms("EUR", ChargeAt.ORDER, fees=SHIPPING), [line(3)], {}, {})
    assert (target.captured, target.held, target.units) == (3490, 0, {"l1": 3, FEES: 1})


def test_nothing_is_due_for_units_that_are_not_decided_and_no_fees():
    terms = PaymentTerms("EUR", ChargeAt.ORDER, fees=SHIPPING)
    assert target_of(terms, [line(3, undecided=3)], {}, {}) == Target(prices={"l1": 1000, FEES: 490})
    assert target_of(terms, [line(3, undecided=1)], {}, {}).captured == 2490
    assert target_of(terms, [line(3, undecided=3)], {"l1": 2, FEES: 1}, {}).captured == 2490, "charged is charged"


def test_a_deposit_is_asked_for_what_is_decided_and_what_is_undecided_gives_none_of_it_back():
    terms = PaymentTerms("EUR", ChargeAt.DEPOSIT, deposit_percent=50, fees=SHIPPING)
    assert target_of(terms, [line(4, undecided=4)], {}, {}).captured == 0
    assert target_of(terms, [line(4, undecided=1)], {}, {}).captured == 1500 + 490
    assert target_of(terms, [line(4, undecided=4)], {FEES: 1}, {}, net=1990).captured == 1990
    assert target_of(terms, [line(2, undecided=2)], {FEES: 1}, {}, net=1990).captured == 1490, "two were cancelled"


@pytest.mark.parametrize(
    ("figures", "undecided"),
    [
        ({}, 3),
        ({"waiting": 3}, 0),
        ({"waiting": 2}, 1),
        ({"waiting": 1, "declined": 2}, 0),
        ({"waiting": 3, "reason": Reason("how it is sold is not known", "selling_mode_unknown")}, 3),
        ({"waiting": 1, "locations": {"A": LocationUnits(granted=2, shipped=1)}}, 0),
        ({"waiting": 3, "cancelled": 2}, 0),
        ({"locations": {"A": LocationUnits(shipped=3)}}, 0),
    ],
)
def test_units_are_undecided_until_allocation_has_answered_about_them(figures: dict[str, Any], undecided: int):
    order = paid_order("o1").order
    order.lines = {"l1": Line("l1", 1, "lamp", 3, **figures)}
    assert [one.undecided for one in money_lines(order)] == [undecided]


def test_at_allocation_only_what_has_been_allocated_for_a_while_is_due():
    terms = PaymentTerms("EUR", ChargeAt.ALLOCATION)
    assert target_of(terms, [line(3, reached=2)], {}, {}).captured == 0
    assert target_of(terms, [line(3, reached=2)], {}, {"l1": 2}).captured == 2000


def test_units_stay_charged_when_they_are_deallocated_and_not_when_they_are_cancelled():
    terms = PaymentTerms("EUR", ChargeAt.ALLOCATION)
    assert target_of(terms, [line(3)], {"l1": 2}, {}).captured == 2000
    assert target_of(terms, [line(1)], {"l1": 2}, {}).captured == 1000


def test_at_shipment_what_is_allocated_is_held_and_what_has_shipped_is_due():
    target = target_of(PaymentTerms("EUR", ChargeAt.SHIPMENT), [line(4, shipped=1, reached=3)], {}, {})
    assert (target.captured, target.held, target.held_units) == (1000, 2000, {"l1": 2})


def test_fees_are_held_with_the_first_units_and_due_with_the_first_parcel_once():
    terms = PaymentTerms("EUR", ChargeAt.SHIPMENT, fees=SHIPPING)
    assert target_of(terms, [line(4, reached=2)], {}, {}).held == 2490
    shipped = target_of(terms, [line(4, shipped=1, reached=2)], {}, {})
    assert (shipped.captured, shipped.held) == (1490, 1000)
    assert target_of(terms, [line(4, shipped=4)], {FEES: 1}, {}).captured == 4490


def test_fees_go_back_when_nothing_is_wanted_any_more():
    terms = PaymentTerms("EUR", ChargeAt.ORDER, fees=SHIPPING)
    assert target_of(terms, [line(0)], {FEES: 1}, {}, net=3490).captured == 0


def test_a_deposit_is_a_share_of_what_is_not_paid_in_full_rounded_up():
    terms = PaymentTerms("EUR", ChargeAt.DEPOSIT, deposit_percent=33)
    assert target_of(terms, [line(1, price=1001)], {}, {}).captured == 331
    assert target_of(terms, [line(3, reached=1)], {}, {"l1": 1}).captured == 1000 + 660


@pytest.mark.parametrize(("kept", "left"), [(True, 250), (False, 0)])
def test_the_deposit_of_what_the_customer_cancelled_is_kept_only_if_that_was_agreed(kept: bool, left: int):
    terms = PaymentTerms("USD", ChargeAt.DEPOSIT, deposit_percent=25, deposit_kept=kept)
    assert target_of(terms, [line(0, forfeited=1)], {}, {}, net=250).captured == left


def test_a_deposit_that_was_never_paid_is_not_charged_afterwards():
    terms = PaymentTerms("USD", ChargeAt.DEPOSIT, deposit_percent=25, deposit_kept=True)
    assert target_of(terms, [line(0, forfeited=1)], {}, {}, net=0).captured == 0


def test_what_was_conceded_lowers_what_is_due_and_nothing_is_due_below_nothing():
    terms = PaymentTerms("EUR", ChargeAt.ORDER)
    assert target_of(terms, [line(3)], {}, {}, conceded=700).captured == 2300
    assert target_of(terms, [line(0)], {}, {}, conceded=700).captured == 0


@given(st.integers(0, 10**9), st.integers(1, 100))
def test_a_share_is_rounded_up_by_less_than_a_minor_unit(amount: int, percent: int):
    assert 0 <= 100 * share_of(amount, percent) - amount * percent < 100


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 90)), max_size=12))
def test_units_are_steady_once_they_were_allocated_all_the_time(seen: list[tuple[int, int]]):
    since: Since = ()
    at, history = NOW, []
    for units, seconds in seen:
        at += timedelta(seconds=seconds)
        since = observed(since, units, at)
        history.append((at, units))
    later = at + timedelta(seconds=30)
    start = later - STEADY_AFTER
    before = [units for moment, units in history if moment <= start]
    during = [units for moment, units in history if moment > start]
    expected = min([*before[-1:], *during]) if before else 0
    assert steady_units(since, later) == expected
    assert sum(units for _, units in since) == (history[-1][1] if history else 0)
    upcoming = next_steady(since, later)
    assert upcoming is None or steady_units(since, upcoming) > expected
