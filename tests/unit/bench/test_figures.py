"""From measurements to rows: medians, ratios round by round, goals, and which rows run."""

from collections.abc import Mapping

import pytest
from tests.bench.figures import Measured, Row, at_least, at_most, not_measured, percentile, result_of
from tests.bench.registry import Registry, UnknownRows, split_names

ROW = Row("fill", "what it measures", "lines/s", at_least(0.6))


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The machine was ten times slower in the second round: value and floor alike.
    result = result_of(ROW, Measured([80.0, 8.0, 70.0], [100.0, 10.0, 140.0]))
    assert result.ratio is not None
    assert (result.ratio.median, result.ratio.low, result.ratio.high) == (0.8, 0.5, 0.8)
    assert result.met is True


@pytest.mark.parametrize(("value", "met"), [(0.59, False), (0.6, True), (0.61, True)])
def test_a_goal_of_at_least_holds_from_its_bound_on(value: float, met: bool) -> None:
    assert result_of(ROW, Measured([value], [1.0])).met is met


def test_a_goal_on_the_value_needs_no_floor() -> None:
    row = Row("slip", "", "s", at_most(10, of="value"))
    result = result_of(row, Measured([9.0, 12.0, 8.0]))
    assert result.met is True
    assert result.as_data()["goal"] == "≤ 10 s"
    assert result.as_data()["ratio"] is None
    assert result.as_data()["value_spread"] == [8.0, 12.0]


def test_a_goal_on_a_ratio_without_a_floor_is_a_mistake_of_the_bench() -> None:
    with pytest.raises(ValueError, match="it has no floor"):
        result_of(ROW, Measured([1.0]))


def test_a_round_that_lacks_its_floor_is_a_mistake_of_the_bench() -> None:
    with pytest.raises(ValueError, match="shorter"):
        result_of(ROW, Measured([1.0, 2.0], [1.0]))


def test_a_row_that_failed_is_neither_met_nor_missed() -> None:
    data = not_measured(ROW, "failed: no disk").as_data()
    assert (data["value"], data["met"], data["note"]) == (None, None, "failed: no disk")


def test_percentiles_are_of_the_nearest_rank() -> None:
    figures = [float(n) for n in range(1, 101)]
    assert percentile(figures, 50) == 50
    assert percentile(figures, 99) == 99
    assert percentile([7.0], 99) == 7
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)


async def _measure(_ground: object) -> Mapping[str, Measured]:
    return {}


def _registry() -> Registry:
    registry = Registry()
    registry.add(_measure, Row("relay", "", ""), Row("consumer", "", ""))
    registry.add(_measure, Row("fill-1k", "", ""))
    return registry


def test_rows_are_chosen_by_name_and_only_what_measures_them_runs() -> None:
    chosen = _registry().select(split_names("consumer, fill-1k"))
    assert [[row.name for row in bench.rows] for bench in chosen] == [["consumer"], ["fill-1k"]]
    assert len(_registry().select()) == 2


def test_an_unknown_row_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(UnknownRows, match=r"no row is called slow\. There are: relay, consumer, fill-1k"):
        _registry().select(["relay", "slow"])


def test_two_rows_of_one_name_are_refused() -> None:
    registry = _registry()
    with pytest.raises(ValueError, match="two rows are called relay"):
        registry.add(_measure, Row("relay", "", ""))
