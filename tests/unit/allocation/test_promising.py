"""Promise dates: they count the queue, and no later order breaks an earlier one."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.promising.promise_dates import (
    Expected,
    Revision,
    Waiting,
    covered_from,
    effective_eta,
    expected_supply,
    is_worse,
    promise,
    revise,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = NOW.date()


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


INBOUND = st.lists(st.tuples(st.integers(-5, 30).map(lambda d: NOW + timedelta(days=d)), st.integers(1, 9)), max_size=6)


@given(st.integers(0, 5), INBOUND, st.lists(st.integers(1, 5), max_size=12), st.integers(0, 20))
def test_later_orders_never_break_earlier_promises(
    free: int, inbound: list[tuple[datetime, int]], units: list[int], lead: int
) -> None:
    expected = expected_supply(free, inbound, NOW, 2)
    promised: dict[date, int] = {}
    covered: dict[date, int] = {}
    for wanted in units:
        found = promise(expected, promised, wanted, NOW, lead_time_days=lead)
        by_supply = covered_from(expected, promised, wanted, TODAY)
        if found is None:
            assert lead == 0
            continue
        assert found >= TODAY
        promised[found] = promised.get(found, 0) + wanted
        if by_supply is not None:
            covered[found] = covered.get(found, 0) + wanted
    for upto in [TODAY, *sorted(covered)]:
        supply = sum(one.units for one in expected if one.day <= upto)
        assert sum(n for on, n in covered.items() if on <= upto) <= supply


@given(st.integers(0, 5), INBOUND, st.dictionaries(st.integers(0, 30).map(day), st.integers(1, 5)), st.integers(1, 8))
def test_the_promise_is_the_first_day_from_which_the_units_are_there_for_ever(
    free: int,
    inbound: list[tuple[datetime, int]],
    promised: dict[date, int],
    units: int,
) -> None:
    expected = expected_supply(free, inbound, NOW, 2)

    def left(upto: date) -> int:
        return sum(one.units for one in expected if one.day <= upto) - sum(
            n for on, n in promised.items() if on <= upto
        )

    good = [n for n in range(40) if all(left(day(later)) >= units for later in range(n, 40))]
    assert covered_from(expected, promised, units, TODAY) == (day(good[0]) if good else None)


def test_an_overdue_delivery_is_never_expected_in_the_past() -> None:
    assert effective_eta(NOW - timedelta(days=3), NOW, 2) == day(2)
    assert effective_eta(NOW - timedelta(hours=1), NOW, 2) == TODAY


def test_the_lead_time_counts_only_behind_all_that_is_expected_or_promised() -> None:
    expected = expected_supply(0, [(NOW + timedelta(days=30), 2)], NOW, 2)
    assert promise(expected, {}, 3, NOW, lead_time_days=7) == day(30)
    assert promise(expected, {day(40): 2}, 3, NOW, lead_time_days=7) == day(40)
    assert promise(expected_supply(0, [], NOW, 2), {}, 3, NOW, lead_time_days=7) == day(7)


def test_without_lead_time_and_inbound_there_is_no_date() -> None:
    assert promise(expected_supply(0, [], NOW, 2), {}, 1, NOW, lead_time_days=0) is None


def test_a_preorder_is_never_promised_before_its_release() -> None:
    assert promise(expected_supply(9, [], NOW, 2), {}, 1, NOW, lead_time_days=7, not_before=day(50)) == day(50)


def _revision(expected: tuple[Expected, ...], before: int, lead: int = 14) -> Revision:
    return Revision("A", expected, before, NOW, lead, None, "slip", "d")


@given(
    st.integers(0, 3),
    INBOUND,
    st.lists(st.tuples(st.integers(1, 5), st.one_of(st.none(), st.integers(-2, 30).map(day))), max_size=10),
    st.integers(0, 30),
    st.integers(0, 20),
)
def test_a_revision_never_moves_a_date_forward_and_fits_the_supply(
    free: int,
    inbound: list[tuple[datetime, int]],
    rows: list[tuple[int, date | None]],
    before: int,
    lead: int,
) -> None:
    expected = expected_supply(free, inbound, NOW, 2)
    waiting = [Waiting(f"l{n:02}", units, on, NOW) for n, (units, on) in enumerate(rows)]
    moved = revise(waiting, _revision(expected, before, lead))
    for one in waiting:
        due = moved.get(one.line_id, one.promise_date)
        assert due is None or due >= TODAY
        if one.line_id in moved:
            assert one.promise_date is None or due is None or due > one.promise_date
            assert due != one.promise_date
    total, cumulative = sum(one.units for one in expected), 0
    for one in sorted(waiting, key=lambda w: (w.promise_date or date.max, w.line_id)):
        cumulative += one.units
        on = moved.get(one.line_id, one.promise_date)
        if cumulative <= total:
            assert on is not None
            assert sum(step.units for step in expected if step.day <= on) >= cumulative


def test_only_lines_that_the_slip_touches_move() -> None:
    expected = (Expected(TODAY, 0), Expected(day(5), 2), Expected(day(20), 2))
    waiting = [Waiting("a", 2, day(5), NOW), Waiting("b", 2, day(10), NOW), Waiting("c", 2, day(14), NOW)]
    assert revise(waiting, _revision(expected, 4)) == {"b": day(20)}


def test_what_was_covered_and_is_not_any_more_waits_for_a_new_delivery() -> None:
    waiting = [Waiting("a", 2, day(5), NOW)]
    assert revise(waiting, _revision((Expected(TODAY, 0),), before=2)) == {"a": day(14)}
    assert revise(waiting, _revision((Expected(TODAY, 0),), before=0)) == {}


def test_a_date_that_nothing_supports_any_more_is_taken_back_and_one_that_never_was_covered_once_it_passes() -> None:
    empty = (Expected(TODAY, 0),)
    assert revise([Waiting("a", 2, day(5), NOW)], _revision(empty, before=2, lead=0)) == {"a": None}
    assert revise([Waiting("a", 2, day(5), NOW)], _revision(empty, before=0, lead=0)) == {}
    assert revise([Waiting("a", 2, day(-1), NOW)], _revision(empty, before=0, lead=0)) == {"a": None}
    assert revise([Waiting("a", 2, None, NOW)], _revision(empty, before=0, lead=0)) == {}


def test_a_line_has_no_date_while_a_part_of_it_has_none() -> None:
    places = [Waiting("a", 1, day(2), NOW), Waiting("a", 1, day(2), NOW + timedelta(hours=1))]
    expected = (Expected(TODAY, 0), Expected(day(9), 1))
    assert revise(places, _revision(expected, before=2, lead=0)) == {"a": None}


def test_a_receipt_that_fills_waiting_demand_is_no_slip() -> None:
    before = (Expected(TODAY, 0), Expected(day(5), 10))
    after = (Expected(TODAY, 0), Expected(day(5), 4))
    assert not is_worse(before, after, given=6)
    assert is_worse(before, after, given=5)
