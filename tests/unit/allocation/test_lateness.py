"""How surely a delivery comes in time, how often loans were broken, and what becomes of one."""

import math
from datetime import UTC, date, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.lending.breach_rate import breach_rate
from allocation_service.domain.lending.loan import KeptLoan, LoanOutcome
from allocation_service.domain.supply.lateness import (
    EVERYBODY,
    SUPPLIER,
    Evidence,
    Lateness,
    chance_of_arrival,
    lateness,
    least_observations,
)


@pytest.mark.parametrize(("percent", "least", "expected"), [(99, 30, 99), (95, 30, 30), (95, 1, 19), (50, 1, 1)])
def test_as_many_deliveries_are_needed_as_could_show_the_confidence(percent: int, least: int, expected: int) -> None:
    assert least_observations(percent, least) == expected
    chance = chance_of_arrival(Evidence(Lateness((0,) * expected)), 0, percent, least)
    assert chance is not None
    assert chance.reaches(percent)
    assert chance_of_arrival(Evidence(Lateness((0,) * (expected - 1))), 0, percent, least) is None


def test_what_never_came_was_in_time_for_nobody() -> None:
    found = lateness([3, None, -1])
    assert (found.days, found.missing, found.observations) == ((-1, 3), 1, 3)
    assert found.within(10_000) == 2


def test_a_supplier_with_enough_deliveries_is_judged_by_its_own() -> None:
    evidence = Evidence(Lateness((0,) * 50 + (9,) * 50), Lateness((0,) * 400))
    chance = chance_of_arrival(evidence, 5, 99, 30)
    assert chance is not None
    assert (chance.numerator, chance.denominator, chance.source) == (50, 101, SUPPLIER)


def test_a_supplier_with_few_is_judged_by_everybodys_unless_the_few_speak_against_it() -> None:
    everybody = Lateness((0,) * 199)
    unknown = chance_of_arrival(Evidence(Lateness(), everybody), 0, 99, 30)
    assert unknown is not None
    assert (unknown.source, unknown.observations) == (EVERYBODY, 199)
    assert unknown.reaches(99)
    late = chance_of_arrival(Evidence(Lateness((0, 0, 7)), everybody), 0, 99, 30)
    assert late is not None
    assert (late.numerator, late.denominator, late.source) == (3, 4, SUPPLIER)


@given(st.lists(st.none() | st.integers(-5, 20), max_size=120), st.integers(-5, 20), st.integers(50, 99))
def test_more_slack_is_never_less_sure(days: list[int | None], slack: int, percent: int) -> None:
    evidence = Evidence(lateness(days))
    first, second = (chance_of_arrival(evidence, some, percent, 1) for some in (slack, slack + 1))
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.numerator <= second.numerator


def test_the_bound_holds_for_lognormal_deliveries() -> None:
    """Median 14 days, heavy tail, as in purchasing: where lending is allowed at 90 %, it fails less often."""
    random, trials, failed, allowed = Random(7), 4000, 0, 0
    for _ in range(trials):
        days = [round(random.lognormvariate(math.log(14), 0.5)) - 14 for _ in range(61)]
        slack = random.randint(0, 30)
        chance = chance_of_arrival(Evidence(lateness(days[1:])), slack, 90, 30)
        if chance is not None and chance.reaches(90):
            allowed += 1
            failed += days[0] > slack
    assert allowed > trials / 4
    assert failed / allowed < 0.1


@pytest.mark.parametrize(
    ("breached", "settled", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 100, 0.00177, 0.05449), (10, 10, 0.7225, 1.0), (5, 20, 0.1119, 0.4687)],
)
def test_the_breach_rate_has_the_interval_of_the_tables(breached: int, settled: int, low: float, high: float) -> None:
    rate = breach_rate(breached, settled)
    assert rate.share == breached / settled
    assert rate.low == pytest.approx(low, abs=1e-4)
    assert rate.high == pytest.approx(high, abs=1e-4)


def test_without_a_settled_loan_there_is_no_rate() -> None:
    assert breach_rate(0, 0) == (None, None, None)


def loan(units: int = 3) -> KeptLoan:
    return KeptLoan(
        "id", "d", "A", "l", "ol", "b", "ob", "HH", units, "po", "S", date(2026, 3, 10), date(2026, 3, 12), 0.99, 99,
        SUPPLIER, datetime(2026, 3, 2, tzinfo=UTC),
    )  # fmt: skip


IN_TIME, TOO_LATE = datetime(2026, 3, 10, 23, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)


def test_a_loan_is_repaid_when_the_last_unit_is_back_on_its_last_day() -> None:
    one = loan()
    one.repay(2, IN_TIME)
    assert (one.outcome, one.owed, one.repaid_at) == (LoanOutcome.OPEN, 1, None)
    one.repay(1, IN_TIME)
    assert (one.outcome, one.owed, one.repaid_at, one.closed_at) == (LoanOutcome.REPAID, 0, IN_TIME, IN_TIME)


def test_a_loan_that_is_repaid_a_day_late_stays_breached() -> None:
    one = loan()
    one.repay(3, TOO_LATE)
    assert (one.outcome, one.owed, one.repaid_at) == (LoanOutcome.BREACHED, 0, TOO_LATE)


def test_a_loan_whose_units_were_cancelled_is_void_and_repaid_if_some_had_come_back() -> None:
    void, mixed = loan(), loan()
    void.cancel(3, IN_TIME)
    mixed.repay(1, IN_TIME)
    mixed.cancel(2, IN_TIME)
    assert (void.outcome, mixed.outcome) == (LoanOutcome.VOID, LoanOutcome.REPAID)
    assert void.repaid_at is None
