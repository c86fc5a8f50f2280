"""Quantiles of lateness, with values that were computed by hand."""

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allocation_service.domain.lateness.quantiles import (
    Duration,
    conformal_level,
    conformal_quantile,
    lower_quantile,
    survival_quantile,
)

_LENGTHS = st.lists(st.integers(-20, 60), min_size=1, max_size=60)


def test_nineteen_observations_show_95_percent_by_their_largest() -> None:
    assert conformal_level(19, 0.05) == 1.0  # ceil(20 * 0.95) / 19
    assert conformal_level(18, 0.05) > 1
    assert conformal_level(39, 0.05) == pytest.approx(38 / 39)
    assert conformal_quantile([Duration(days) for days in range(39)], 0.05) == 37


def test_without_observations_there_is_no_quantile() -> None:
    assert conformal_quantile([], 0.05) is None
    assert survival_quantile([], 0.5) is None


def test_the_product_limit_estimate_counts_what_is_missing_as_at_risk() -> None:
    # 1 of 5 ends at 1; one leaves at 2 unseen; 1 of 3 ends at 3: S = 4/5 * 2/3 = 8/15; then 1 of 2 at 4: 4/15.
    durations = [Duration(1), Duration(2, censored=True), Duration(3), Duration(4), Duration(9, censored=True)]
    assert survival_quantile(durations, 1 / 5) == 1
    assert survival_quantile(durations, 7 / 15) == 3
    assert survival_quantile(durations, 7 / 15 + 0.01) == 4
    assert survival_quantile(durations, 11 / 15) == 4
    assert survival_quantile(durations, 0.9) == 9, "what was not seen to end takes at least the longest time seen"


def test_what_never_ends_stays_at_risk_for_ever() -> None:
    durations = [Duration(2), Duration(5), Duration(math.inf, censored=True), Duration(math.inf, censored=True)]
    assert survival_quantile(durations, 0.5) == 5
    assert survival_quantile(durations, 0.6) == 5
    assert survival_quantile([Duration(math.inf, censored=True)], 0.5) is None


def test_an_end_at_the_moment_of_a_loss_counts_first() -> None:
    assert survival_quantile([Duration(3), Duration(3, censored=True)], 0.5) == 3


@given(_LENGTHS, st.floats(0.01, 0.5))
def test_complete_observations_give_the_order_statistic_of_conformal_prediction(
    lengths: list[int], alpha: float
) -> None:
    rank = math.ceil((len(lengths) + 1) * (1 - alpha) - 1e-9)
    assert conformal_quantile([Duration(one) for one in lengths], alpha) == sorted(lengths)[min(rank, len(lengths)) - 1]


@given(_LENGTHS, st.data())
@example([5, 5], None)
def test_censoring_never_shortens_a_quantile(lengths: list[int], data: st.DataObject | None) -> None:
    censored = (
        data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths))) if data else [True, False]
    )
    whole = survival_quantile([Duration(one) for one in lengths], 0.5)
    some = survival_quantile([Duration(one, cut) for one, cut in zip(lengths, censored, strict=True)], 0.5)
    assert whole is not None and some is not None
    assert some >= whole


@given(_LENGTHS, st.floats(0.01, 0.3), st.floats(0.01, 0.3))
def test_a_stricter_level_gives_no_shorter_quantile(lengths: list[int], one: float, other: float) -> None:
    durations = [Duration(length) for length in lengths]
    strict, loose = conformal_quantile(durations, min(one, other)), conformal_quantile(durations, max(one, other))
    assert strict is not None and loose is not None
    assert strict >= loose


def test_the_next_one_is_bounded_as_often_as_stated() -> None:
    pick, inside = random.Random(7), 0
    for _ in range(4_000):
        *past, coming = (pick.lognormvariate(1, 0.8) for _ in range(40))
        bound = conformal_quantile([Duration(one) for one in past], 0.1)
        inside += bound is not None and coming <= bound
    # 0.9 <= P <= 0.9 + 1/40; five standard errors of 4,000 trials are 0.024.
    assert 0.876 <= inside / 4_000 <= 0.949


def test_the_lower_quantile_of_a_share_is_conformal_too() -> None:
    shares = [number / 100 for number in range(60, 99)]  # 39 of them
    assert lower_quantile(shares, 0.05) == 0.61  # floor(40 * 0.05) = the second smallest
    assert lower_quantile(shares, 0.01) == 0.60, "so few cannot show it: the smallest that was seen"
    with pytest.raises(ValueError, match="no values"):
        lower_quantile([], 0.05)
