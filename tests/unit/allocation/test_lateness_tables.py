"""Tables of lateness: which past dates a date is judged by, how supplier and pool are mixed, what follows for a day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.lateness.adaptive_level import LEAST, MOST, AdaptiveLevel, blended, start
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.first_promise import Levels, Outcome, OutcomeState, state_after
from allocation_service.domain.lateness.observations import AnnouncedDate, Observation, observations
from allocation_service.domain.lateness.quantile_table import NO_HISTORY, QuantileTable
from allocation_service.domain.lateness.situations import LEAD_BANDS, OVERDUE, Situation, situation_of
from allocation_service.domain.lateness.table_building import ClosedLine, History, LeadTimeLine, build_table

TODAY = date(2026, 6, 1)


def day(number: int) -> date:
    """A day, counted from TODAY."""
    return TODAY + timedelta(days=number)


def delivered(eta: int, late: int, lead: int = 10, supplier: str = "ACME") -> AnnouncedDate:
    """A date that was announced once, ``lead`` days before it, and met ``late`` days after."""
    return AnnouncedDate(supplier, day(eta), lead, min(lead, -late), day(eta + late), closed=True)


def missing(eta: int, lead: int = 10, supplier: str = "ACME") -> AnnouncedDate:
    """A date that stands, with nothing there."""
    return AnnouncedDate(supplier, day(eta), lead, None, None, closed=False)


def observed(past: list[AnnouncedDate], situation: Situation, today: date) -> list[Observation]:
    """The observations of one situation."""
    return observations(past, today).get(situation, [])


def table_of(*dates: AnnouncedDate, **rest: object) -> QuantileTable:
    """Version 1 for a target of 95 %."""
    return build_table(1, History(dates, **rest), TODAY, {95}, lambda *key: 1 - key[-1] / 100)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lead", "band"), [(0, 0), (2, 0), (3, 1), (7, 1), (8, 2), (21, 2), (22, 3), (60, 3), (61, 4), (900, 4)]
)
def test_dates_are_judged_within_their_lead_band(lead: int, band: int) -> None:
    assert situation_of(lead) == LEAD_BANDS[band]


def test_an_overdue_date_is_judged_by_its_days() -> None:
    assert situation_of(-1) == OVERDUE[0]
    assert situation_of(-30) == situation_of(-200) == OVERDUE[29]


def test_only_dates_that_are_over_are_observations() -> None:
    early = AnnouncedDate("ACME", day(3), 10, 5, day(-2), closed=True)
    assert observed([early, delivered(-5, 2), missing(-3), missing(0)], LEAD_BANDS[2], TODAY) == [
        Observation(3, True, 10),
        Observation(2, False, 10),
    ]


def test_lines_of_one_delivery_are_one_observation() -> None:
    assert len(observed([delivered(-5, 2)] * 30, LEAD_BANDS[2], TODAY)) == 1


def test_a_date_counts_in_every_band_that_it_stood_in() -> None:
    [in_two] = observed([delivered(-5, 2, lead=40)], LEAD_BANDS[2], TODAY)
    assert in_two == Observation(2, False, 21), "measured from the most days to go that it had within the band"
    replaced = AnnouncedDate("ACME", day(-5), 40, 25, day(-3), closed=True)
    assert observed([replaced], LEAD_BANDS[3], TODAY) == [Observation(2, False, 40)]
    assert not observed([replaced], LEAD_BANDS[2], TODAY), "it stood no longer"


def test_an_overdue_date_is_judged_by_those_that_were_overdue_as_long() -> None:
    past = [delivered(-40, 2), delivered(-50, 5), delivered(-60, 9), missing(-8)]
    assert sorted(observed(past, OVERDUE[4], TODAY)) == [Observation(3, True, 5), Observation(4, False, 5)]


def test_what_was_cancelled_never_comes() -> None:
    cancelled = AnnouncedDate("ACME", day(-5), 10, 4, None, closed=True)
    assert observed([cancelled], LEAD_BANDS[2], TODAY) == [Observation(None, True, 10)]


def test_the_newest_400_count() -> None:
    assert len(observed([delivered(-number, 1) for number in range(2, 600)], LEAD_BANDS[2], TODAY)) == 400


def test_in_the_beginning_half_the_lead_and_two_days_are_added() -> None:
    assert NO_HISTORY.safe_day("ACME", day(10), TODAY, 95) == (day(17), day(10))
    assert NO_HISTORY.safe_day("ACME", day(0), TODAY, 95) == (day(2), day(1)), "not received: tomorrow at the earliest"
    assert NO_HISTORY.safe_day("ACME", day(-4), TODAY, 95) == (day(4), day(1))
    assert NO_HISTORY.lead_time_days("LAMP", 20, 95) == 32
    assert NO_HISTORY.units("ACME", 7, 95) == 7


def test_supplier_and_pool_are_mixed_by_how_much_is_known() -> None:
    # 20 deliveries of one supplier, each 6 days late with 10 days to go; that is all there is in the pool too.
    table = table_of(*(delivered(-number, 6) for number in range(10, 30)))
    # pool: 6/13 of (10 + 3) days = 6; shrunk by 20/40 to 7: 6.5. own: 20/60 of 6, 40/60 of 6.5: 6.33, so 7 days.
    assert table.safe_day("ACME", day(10), TODAY, 95).safe == day(17)
    # Another supplier, 20 days ahead: 6/13 of 23 days = 10.6; half with 12: 11.3, so 12 days.
    assert table.safe_day("OTHER", day(20), TODAY, 95).safe == day(32)


def test_eighteen_own_observations_are_too_few() -> None:
    others = [delivered(-number, 0, supplier=f"S{number}") for number in range(10, 100)]
    assert table_of(*others, *(delivered(-number, 9) for number in range(10, 28))).own == {}
    assert table_of(*others, *(delivered(-number, 9) for number in range(10, 29))).own


def test_an_early_supplier_is_not_promised_before_its_date() -> None:
    table = table_of(*(delivered(-number, -4) for number in range(10, 300)))
    assert table.safe_day("ACME", day(10), TODAY, 95).safe == day(10)
    assert table.safe_day("ACME", day(10), TODAY, 95).median == day(10)


def test_the_yield_is_the_share_that_is_surely_delivered() -> None:
    closed = [ClosedLine("ACME", 100, 80 if number % 5 else 70, day(-number)) for number in range(19)]
    table = table_of(closed=closed)
    assert table.units("ACME", 10, 95) == 7
    assert table.units("OTHER", 10, 95) == 7, "by the pool, where it has too few of its own"
    assert table_of(closed=closed[:18]).units("ACME", 10, 95) == 10
    assert table_of(closed=[ClosedLine("ACME", 10, 12, day(-9))] * 19).units("ACME", 10, 95) == 10


def test_lines_promised_by_the_lead_time_are_their_own_observations() -> None:
    lines = [LeadTimeLine("LAMP", day(-number), 20, day(-number + 12)) for number in range(30, 400)]
    table = table_of(lead_time_lines=lines)
    assert 12 <= table.lead_time_days("LAMP", 20, 95) <= 14, "padding shrinks: they came 8 days early"
    assert 12 <= table.lead_time_days("LIGHT", 20, 95) <= 14
    waiting = [LeadTimeLine("LAMP", day(-number), 20, None) for number in range(30, 400)]
    assert table_of(lead_time_lines=waiting).lead_time_days("LAMP", 20, 95) > 300
    new = [LeadTimeLine("LAMP", day(-number), 20, None) for number in range(20)]
    assert table_of(lead_time_lines=[*lines, *new]) == table.__class__(1, table.own, table.pool, table.yields)


def test_a_target_that_the_table_lacks_is_read_from_a_stricter_one() -> None:
    history = History([delivered(-number, number % 9) for number in range(10, 200)])
    table = build_table(1, history, TODAY, {80, 95}, lambda *key: 1 - key[-1] / 100)
    safe = {target: table.safe_day("ACME", day(10), TODAY, target).safe for target in (80, 90, 95, 99)}
    assert safe[80] < safe[95] == safe[90] == safe[99]


def test_a_later_day_is_never_less_probable() -> None:
    table = table_of(*(delivered(-number, number % 9) for number in range(10, 200)))
    chances = [table.confidence("ACME", day(10), TODAY, day(10 + slack)) for slack in range(30)]
    assert chances == sorted(chances)
    assert chances[0] <= 0.2
    assert chances[4] == pytest.approx(0.5, abs=0.1)
    assert chances[-1] == 0.98


def test_alpha_follows_what_was_missed() -> None:
    level = start(0.05)
    assert level.after(missed=False, target=0.05).alpha == pytest.approx(0.05015)
    assert level.after(missed=True, target=0.05).alpha == pytest.approx(0.04715)
    assert blended(None, level) == 0.05
    assert blended(AdaptiveLevel(0.1, 100), level) == pytest.approx(0.075)


@given(st.lists(st.booleans(), max_size=400), st.sampled_from([0.01, 0.05, 0.2]))
def test_alpha_stays_within_its_bounds(missed: list[bool], target: float) -> None:
    level = start(target)
    for one in missed:
        level = level.after(missed=one, target=target)
        assert LEAST <= level.alpha <= MOST
    assert level.outcomes == len(missed)


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(-5, 40), st.integers(0, 80)), max_size=60))
def test_the_same_history_gives_the_same_table_in_whatever_order(past: list[tuple[int, int, int]]) -> None:
    dates = [delivered(-ago, late, lead) for ago, late, lead in past]
    assert table_of(*dates) == table_of(*reversed(dates))
    for lead in (-3, 0, 5, 30):
        found = table_of(*dates).safe_day("ACME", day(lead), TODAY, 95)
        assert found.safe >= found.median > TODAY
        assert found.safe >= day(lead)


def outcome(number: int, *, missed: bool, source: str = "ACME", target: int = 95) -> Outcome:
    """A first date that came due."""
    return Outcome(f"line-{number}", Basis.INBOUND, source, target, day(number), missed)


def test_a_first_date_is_judged_when_its_day_is_over() -> None:
    assert state_after(day(0), day(0), None, waits=True) == OutcomeState.OPEN
    assert state_after(day(0), day(0), day(-3), waits=False) == OutcomeState.OPEN, "early, but not due yet"
    assert state_after(day(0), day(1), day(0), waits=False) == OutcomeState.KEPT
    assert state_after(day(0), day(1), None, waits=True) == OutcomeState.MISSED
    assert state_after(day(0), day(4), day(1), waits=False) == OutcomeState.MISSED
    assert state_after(day(0), day(-2), None, waits=False) == OutcomeState.WITHDRAWN


def test_an_outcome_without_a_source_of_its_own_counts_once() -> None:
    levels = Levels({}).after([outcome(1, missed=True, source="")])
    assert levels.by_key.keys() == {(Basis.INBOUND, "", 95)}
    assert levels.by_key[Basis.INBOUND, "", 95].outcomes == 1


def test_outcomes_move_the_level_of_their_source_and_half_as_far_that_of_all() -> None:
    levels = Levels({}).after([outcome(1, missed=True), outcome(2, missed=False, source="OTHER")])
    own, everybody = levels.by_key[Basis.INBOUND, "ACME", 95], levels.by_key[Basis.INBOUND, "", 95]
    assert own.alpha == pytest.approx(0.04715)
    assert everybody.alpha == pytest.approx(0.05 - 0.001425 + 0.000075)
    assert (own.outcomes, everybody.outcomes) == (1, 2)
    assert levels.alpha(Basis.INBOUND, "NEW", 95) == everybody.alpha
    assert levels.alpha(Basis.LEAD_TIME, "ACME", 95) == 0.05, "the lead time is judged by itself"
    assert levels.alpha(Basis.INBOUND, "ACME", 80) == pytest.approx(0.2)


def test_what_rests_on_stock_counts_once() -> None:
    levels = Levels({}).after([Outcome("l", Basis.STOCK, "", 95, day(1), missed=True)])
    assert {key: one.outcomes for key, one in levels.by_key.items()} == {(Basis.STOCK, "", 95): 1}


def test_outcomes_are_folded_in_the_order_of_their_dates() -> None:
    some = [outcome(number, missed=number % 3 == 0) for number in range(1, 60)]
    assert Levels({}).after(reversed(some)) == Levels({}).after(some)
    assert Levels({}).after(some[:30]).after(some[30:]) == Levels({}).after(some)
