"""When units leave: in the working days of a location, across zones, clock changes, cut-offs and holidays."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allocation_service.domain.decisions.recorded_ship_dates import check_ship_dates, ship_date_steps
from allocation_service.domain.decisions.replaying import replay
from allocation_service.domain.promising.ship_dates import (
    ALWAYS_OPEN,
    WEEKDAYS,
    Handling,
    HandlingCalendar,
    calendar_document,
    calendar_from,
    handling_at,
    ship_day,
    there_at,
)

OFFICE = HandlingCalendar("Europe/Berlin", time(14), 1, WEEKDAYS[:5], (date(2026, 12, 25), date(2027, 1, 1)))
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe",
         "America/St_Johns", "Pacific/Kiritimati", "America/Havana"]  # fmt: skip

days = st.dates(date(2024, 1, 1), date(2030, 12, 31))
moments = st.integers(0, 7 * 366 * 24 * 60).map(lambda late: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=late))
calendars = st.builds(
    HandlingCalendar,
    st.sampled_from(ZONES),
    st.none() | st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(0, 20),
    st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(lambda names: tuple(one for one in WEEKDAYS if one in names)),
    st.sets(days, max_size=20).map(lambda found: tuple(sorted(found))),
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of December 2026, by the clocks of Berlin."""
    return datetime(2026, 12, day, hour, minute, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("there", "leaves"),
    [
        (at(1, 13, 59), date(2026, 12, 2)),
        (at(1, 14), date(2026, 12, 3)),
        (at(4, 10), date(2026, 12, 7)),
        (at(4, 15), date(2026, 12, 8)),
        (at(5, 10), date(2026, 12, 8)),
        (at(24, 10), date(2026, 12, 28)),
        (at(24, 15), date(2026, 12, 29)),
        (at(31, 10), date(2027, 1, 4)),
    ],
    ids=["before the cut-off", "at it", "Friday", "Friday, late", "Saturday", "a holiday", "late before one", "year"],
)
def test_units_leave_after_handling_in_working_days_of_the_location(there, leaves):
    assert ship_day(there, OFFICE) == leaves


def test_a_location_that_states_nothing_ships_on_the_day_that_the_units_are_there():
    now = at(1, 10)
    assert Handling((("main", ALWAYS_OPEN),)).ship_by(date(2026, 12, 24), now) == date(2026, 12, 24)
    assert handling_at(["main", "south"], {}) is None
    assert handling_at([], {"main": OFFICE}) is None
    assert handling_at(["south"], {"main": OFFICE}) is None


def test_whichever_location_ships_the_units_they_leave_by_the_day_of_the_slowest():
    found = handling_at(["south", "main", "main"], {"main": OFFICE})
    assert found == Handling((("main", OFFICE), ("south", ALWAYS_OPEN)))
    assert found.ship_by(date(2026, 12, 3), at(1, 10)) == date(2026, 12, 7), "it may come after the cut-off"


def test_what_is_on_hand_today_is_there_now_and_what_comes_may_come_as_late_as_its_day_ends():
    now = at(1, 10)
    assert there_at(date(2026, 12, 1), now) == there_at(date(2026, 11, 3), now) == now
    assert there_at(date(2026, 12, 2), now) == datetime(2026, 12, 2, 23, 59, 59, 999999, tzinfo=UTC)


def test_a_cut_off_that_clocks_show_twice_is_the_first_of_the_two_and_one_that_they_skip_is_an_hour_later():
    calendar = HandlingCalendar("Europe/Berlin", time(2, 30))
    twice, skipped = date(2026, 10, 25), date(2026, 3, 29)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert [ship_day(first + timedelta(minutes=late), calendar) - twice for late in (-1, 0, 59)] == [
        timedelta(0), timedelta(1), timedelta(1),
    ]  # fmt: skip
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert [ship_day(moment + timedelta(minutes=late), calendar) - skipped for late in (-1, 0)] == [
        timedelta(0), timedelta(1),
    ]  # fmt: skip


@given(moments, calendars)
def test_units_leave_on_a_working_day_and_never_before_they_are_there(moment, calendar):
    leaves = ship_day(moment, calendar)
    assert leaves >= moment.astimezone(ZoneInfo(calendar.time_zone)).date()
    assert WEEKDAYS[leaves.weekday()] in calendar.working_days
    assert leaves not in calendar.holidays


@given(moments, st.timedeltas(timedelta(0), timedelta(days=3)), calendars)
@example(
    datetime(2026, 10, 25, 0, 40, tzinfo=UTC), timedelta(minutes=30), HandlingCalendar("Europe/Berlin", time(2, 30))
)
def test_what_is_there_later_never_leaves_earlier(moment, later, calendar):
    assert ship_day(moment + later, calendar) >= ship_day(moment, calendar)


@given(moments, calendars, days)
def test_a_day_of_handling_a_holiday_or_a_cut_off_more_never_lets_units_leave_earlier(moment, calendar, holiday):
    leaves = ship_day(moment, calendar)
    assert ship_day(moment, calendar._replace(handling_days=calendar.handling_days + 1)) > leaves
    assert ship_day(moment, calendar._replace(holidays=tuple(sorted({*calendar.holidays, holiday})))) >= leaves
    assert ship_day(moment, calendar._replace(cut_off=None)) <= leaves
    assert ship_day(moment, calendar._replace(working_days=WEEKDAYS)) <= leaves


@given(moments, calendars)
def test_exactly_the_stated_number_of_working_days_is_spent_on_handling(moment, calendar):
    starts, leaves = ship_day(moment, calendar._replace(handling_days=0)), ship_day(moment, calendar)
    between = [starts + timedelta(days=number) for number in range((leaves - starts).days)]
    worked = [day for day in between if WEEKDAYS[day.weekday()] in calendar.working_days]
    assert len([day for day in worked if day not in calendar.holidays]) == calendar.handling_days


@given(calendars)
def test_a_calendar_comes_back_from_its_document_as_it_was(calendar):
    assert calendar_from(calendar_document(calendar)) == calendar
    assert (calendar_document(calendar) == {}) == (calendar == ALWAYS_OPEN)


@given(moments, calendars, st.sets(days, min_size=1, max_size=5))
def test_a_stored_ship_date_is_computed_again_and_one_that_was_altered_is_found(now, calendar, promised):
    handling = Handling((("main", calendar), ("south", OFFICE)))
    [step] = ship_date_steps({("lamp", handling): {day: handling.ship_by(day, now) for day in promised}})
    stored = {**step, "dates": [[day.isoformat(), leaves.isoformat()] for day, leaves in step["dates"]]}
    check_ship_dates(stored, now)
    assert replay(stored, [], now) == {}
    stored["dates"][0][1] = "2023-12-31"
    with pytest.raises(ValueError, match="2023-12-31 was told"):
        check_ship_dates(stored, now)
