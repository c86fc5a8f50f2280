"""What is expected of each tier, from what it ordered until now."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.demand.demand_forecast import WINDOW_DAYS, DayUnits, daily_demand, forecast
from allocation_service.domain.policies.policy import Expectation, Location, Supply

TODAY = date(2026, 6, 1)


def _day(back: int) -> date:
    return TODAY - timedelta(days=back)


def test_days_without_orders_count() -> None:
    found = daily_demand([DayUnits(_day(20), 0, 10), DayUnits(_day(1), 0, 10), DayUnits(_day(5), 3, 40)], TODAY)
    assert found[0].mean == 1.0
    assert found[0].variance == (2 * 100 - 20 * 1) / 19
    assert found[3].mean == 2.0


def test_a_short_history_says_nothing() -> None:
    assert daily_demand([DayUnits(_day(13), 0, 10)], TODAY) == {}
    assert forecast({}, 4, 10) is None


def test_today_is_not_over_and_what_is_long_past_does_not_count() -> None:
    recent = [DayUnits(_day(14), 0, 7)]
    others = [DayUnits(TODAY, 0, 1000), DayUnits(_day(WINDOW_DAYS + 1), 0, 1000)]
    assert daily_demand(recent + others, TODAY) == daily_demand(recent, TODAY)


def test_a_forecast_adds_up_independent_days_and_names_every_tier() -> None:
    daily = daily_demand([DayUnits(_day(20), 1, 40)], TODAY)
    one = daily[1]
    nothing = Expectation(0.0, 0.0)
    found = forecast(daily, 3, 10)
    assert found == (nothing, Expectation(round(one.mean * 10, 6), round(one.variance * 10, 6)), nothing)


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 3), st.integers(1, 9)), unique_by=lambda one: one[0]),
    st.integers(0, 30),
    st.sampled_from(["A", "B", "C", None]),
)
def test_supply_up_to_a_limit_is_what_would_be_taken_first(
    places: list[tuple[str, int, int]], units: int, preference: str | None
) -> None:
    supply = Supply("X", tuple(sorted(Location(*place) for place in places)))
    less = supply.up_to(units, preference)
    assert less.free == min(units, supply.free)
    before = {place.name: place.free for place in supply.locations}
    assert all(place.free <= before[place.name] for place in less.locations)
    if preference in before and units:
        assert {place.name: place.free for place in less.locations}[preference] == min(units, before[preference])
