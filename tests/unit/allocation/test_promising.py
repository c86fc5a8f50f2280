"""Promise dates: they count the queue, and no later order breaks an earlier one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.allocation.drawing import units_left

from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.promising.learned_supply import PromiseSource
from allocation_service.domain.promising.line_promise import LinePromise, PromiseCounters
from allocation_service.domain.promising.promise_dates import (
    UNDATED,
    Expected,
    Outlook,
    PromisedDate,
    covered_from,
    effective_eta,
    expected_supply,
    loses_cover,
    promise,
)
from allocation_service.domain.promising.promise_revision import LearnedDates, Revised, Revision, Waiting, revise

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
    counters = PromiseCounters()
    for wanted in units:
        found, backed = promise(
            expected, counters.claimed_units(), counters.promised_units(), wanted, NOW, lead_time_days=lead
        )
        if found is None:
            assert lead == 0
            assert not backed
        else:
            assert found >= TODAY
        counters.count(LinePromise(found, found or UNDATED, backed), wanted)
    covered = counters.promised_backed()
    for upto in [TODAY, *sorted(covered)]:
        supply = sum(one.units for one in expected if one.day <= upto)
        assert sum(n for on, n in covered.items() if on <= upto) <= supply
    assert not loses_cover(Outlook(expected, {}), Outlook(expected, covered), TODAY)


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


def _promise(
    expected: tuple[Expected, ...], promised: dict[date, int], units: int, lead: int, not_before: date | None = None
) -> PromisedDate:
    return promise(expected, promised, promised, units, NOW, lead_time_days=lead, not_before=not_before)


def test_the_lead_time_counts_only_behind_all_that_is_expected_or_promised() -> None:
    expected = expected_supply(0, [(NOW + timedelta(days=30), 2)], NOW, 2)
    assert _promise(expected, {}, 3, lead=7) == (day(30), False)
    assert _promise(expected, {day(40): 2}, 3, lead=7) == (day(40), False)
    assert _promise(expected_supply(0, [], NOW, 2), {}, 3, lead=7) == (day(7), False)


def test_without_lead_time_and_inbound_there_is_no_date() -> None:
    assert _promise(expected_supply(0, [], NOW, 2), {}, 1, lead=0) == (None, False)


def test_a_preorder_is_never_promised_before_its_release() -> None:
    assert _promise(expected_supply(9, [], NOW, 2), {}, 1, lead=7, not_before=day(50)) == (day(50), True)


def test_units_that_wait_without_a_date_are_not_promised_to_others() -> None:
    expected = expected_supply(0, [(NOW + timedelta(days=4), 5)], NOW, 2)
    assert promise(expected, {UNDATED: 3}, {}, 2, NOW, lead_time_days=0) == (day(4), True)
    assert promise(expected, {UNDATED: 3}, {}, 3, NOW, lead_time_days=0) == (None, False)


def _revision(expected: tuple[Expected, ...], lead: int = 14, **more: Any) -> Revision:
    return Revision("A", expected, more.pop("now", NOW), lead, more.pop("not_before", None), "slip", "d", **more)


def _waiting(name: str, units: int, told: date | None, *, backed: bool, claim: date | None = None) -> Waiting:
    return Waiting(name, units, told, NOW, claim or told or UNDATED, backed)


def _dates(waiting: list[Waiting], revision: Revision) -> dict[str, date | None]:
    """The lines whose date moves."""
    old = {one.line_id: one.promise_date for one in waiting}
    found = revise(waiting, revision).items()
    return {name: new.promise_date for name, new in found if new.promise_date != old[name]}


def test_whoever_gave_way_when_supply_was_gained_is_not_passed_by_the_next() -> None:
    """Found by chance: the second of two lines backed anew gave way to one backed before, and the third did not."""
    waiting = [
        _waiting("a", 1, day(-2), backed=True),
        _waiting("b", 2, day(-2), backed=False),
        _waiting("c", 1, day(-1), backed=False),
    ]
    revised = revise(waiting, _revision((Expected(TODAY, 3), Expected(day(3), 3))))
    assert [revised[name].claim_date for name in "abc"] == [day(-2), TODAY, day(3)]
    assert [revised[name].promise_date for name in "abc"] == [TODAY, TODAY, day(3)]


@given(
    st.integers(0, 3),
    INBOUND,
    st.lists(
        st.tuples(st.integers(1, 5), st.one_of(st.none(), st.integers(-2, 30).map(day)), st.booleans()), max_size=10
    ),
    st.integers(0, 20),
)
def test_a_revision_never_moves_a_date_forward_and_backs_what_fits_the_supply(
    free: int, inbound: list[tuple[datetime, int]], rows: list[tuple[int, date | None, bool]], lead: int
) -> None:
    expected = expected_supply(free, inbound, NOW, 2)
    waiting = [
        _waiting(f"l{n:02}", units, on, backed=backed and on is not None) for n, (units, on, backed) in enumerate(rows)
    ]
    revised = revise(waiting, _revision(expected, lead))
    for one in waiting:
        due = revised[one.line_id].promise_date if one.line_id in revised else one.promise_date
        assert due is None or due >= TODAY
        assert one.promise_date is None or due is None or due >= one.promise_date
    total, cumulative = sum(one.units for one in expected), 0
    counters = PromiseCounters()
    for one in sorted(waiting, key=lambda w: (not w.backed, w.claim_date, w.line_id)):
        cumulative += one.units
        new = revised.get(one.line_id, Revised(one.promise_date, one.claim_date, one.backed))
        assert not one.backed or new.backed == (cumulative <= total)
        assert not new.backed or new.claim_date <= (new.promise_date or UNDATED)
        counters.count(LinePromise(*new), one.units)
    assert all(units_left(Outlook(expected, counters.promised_backed()), one.day) >= 0 for one in expected)
    again = [one._replace(**revised[one.line_id]._asdict()) if one.line_id in revised else one for one in waiting]
    assert _dates(again, _revision(expected, lead)) == {}, ("a revision is done once", waiting, revised)


@given(
    st.integers(0, 3),
    INBOUND,
    st.lists(
        st.tuples(st.integers(1, 5), st.one_of(st.none(), st.integers(-2, 30).map(day)), st.booleans()), max_size=10
    ),
)
def test_supply_that_is_gained_revises_those_whom_it_reaches_as_if_all_were_read(
    free: int, inbound: list[tuple[datetime, int]], rows: list[tuple[int, date | None, bool]]
) -> None:
    expected = expected_supply(free, inbound, NOW, 2)
    waiting = [
        _waiting(f"l{n:02}", units, on, backed=backed and on is not None) for n, (units, on, backed) in enumerate(rows)
    ]
    left = sum(one.units for one in expected) - sum(one.units for one in waiting if one.backed)
    assume(left >= 0)
    everybody = revise(waiting, _revision(expected))
    reached = [one for one in waiting if one.backed]
    unbacked = sorted((one for one in waiting if not one.backed), key=lambda one: (one.claim_date, one.line_id))
    found = revise(reached + unbacked[:left], _revision(expected), left)
    assert found == {line_id: one for line_id, one in everybody.items() if one.backed}


def test_only_lines_that_the_slip_touches_move() -> None:
    expected = (Expected(TODAY, 0), Expected(day(5), 2), Expected(day(20), 2))
    told = {"a": (day(5), True), "b": (day(10), True), "c": (day(14), False)}
    waiting = [_waiting(name, 2, on, backed=backed) for name, (on, backed) in told.items()]
    assert revise(waiting, _revision(expected)) == {"b": Revised(day(20), day(10), True)}


def test_a_promise_that_moves_keeps_its_place_before_those_of_the_lead_time() -> None:
    waiting = [_waiting("a", 2, day(4), backed=True), _waiting("b", 3, day(10), backed=False)]
    slipped = (Expected(TODAY, 0), Expected(day(12), 2))
    assert revise(waiting, _revision(slipped)) == {"a": Revised(day(12), day(4), True)}
    closed = (Expected(TODAY, 0),)
    assert revise(waiting, _revision(closed)) == {"a": Revised(day(14), day(4), False)}


def test_supply_that_is_gained_backs_who_was_told_a_date_by_the_lead_time_and_keeps_the_date() -> None:
    waiting = [_waiting("b", 3, day(10), backed=False), _waiting("c", 2, day(10), backed=False)]
    gained = (Expected(TODAY, 0), Expected(day(5), 4))
    assert revise(waiting, _revision(gained)) == {"b": Revised(day(10), day(5), True)}


def test_who_is_backed_anew_claims_behind_those_who_were_backed_all_along() -> None:
    waiting = [_waiting("a", 2, day(14), backed=False, claim=day(-3)), _waiting("b", 2, day(6), backed=True)]
    gained = (Expected(TODAY, 0), Expected(day(6), 2), Expected(day(20), 2))
    assert revise(waiting, _revision(gained)) == {"a": Revised(day(20), day(20), True)}


def test_what_was_covered_and_is_not_any_more_waits_for_a_new_delivery() -> None:
    gone = _revision((Expected(TODAY, 0),))
    assert _dates([_waiting("a", 2, day(5), backed=True)], gone) == {"a": day(14)}
    assert revise([_waiting("a", 2, day(5), backed=False)], gone) == {}


def test_a_date_that_nothing_supports_any_more_is_taken_back_and_one_that_never_was_covered_once_it_passes() -> None:
    empty = _revision((Expected(TODAY, 0),), lead=0)
    assert _dates([_waiting("a", 2, day(5), backed=True)], empty) == {"a": None}
    assert revise([_waiting("a", 2, day(5), backed=False)], empty) == {}
    assert _dates([_waiting("a", 2, day(-1), backed=False)], empty) == {"a": None}
    assert revise([_waiting("a", 2, None, backed=False)], empty) == {}


def test_a_line_is_backed_only_if_all_of_its_units_are() -> None:
    expected = (Expected(TODAY, 0), Expected(day(9), 1))
    assert _dates([_waiting("a", 2, day(2), backed=True)], _revision(expected, lead=0)) == {"a": None}


def test_a_longer_lead_time_moves_the_dates_that_it_named_and_no_others() -> None:
    waiting = [_waiting("a", 2, day(4), backed=True), _waiting("b", 3, day(10), backed=False)]
    expected = (Expected(TODAY, 0), Expected(day(4), 2))
    assert _dates(waiting, _revision(expected, 60, lead_time_rise=50)) == {"b": day(60)}
    assert _dates(waiting, _revision(expected, 11, lead_time_rise=1)) == {"b": day(11)}
    assert _dates(waiting, _revision(expected, 3)) == {}
    assert _dates(waiting, _revision(expected, 0, lead_time_gone=True)) == {"b": None}


def test_a_later_release_moves_every_promise_before_it() -> None:
    waiting = [_waiting("a", 2, day(5), backed=True), _waiting("b", 3, day(10), backed=False)]
    expected = (Expected(TODAY, 2),)
    assert _dates(waiting, _revision(expected, not_before=day(40))) == {"a": day(40), "b": day(40)}
    assert _dates(waiting, _revision(expected, not_before=day(2))) == {}


def test_a_receipt_that_fills_waiting_demand_is_no_slip() -> None:
    before = Outlook((Expected(TODAY, 0), Expected(day(5), 10)), {day(5): 8})
    after = Outlook((Expected(TODAY, 0), Expected(day(5), 4)), {day(5): 2})
    assert not loses_cover(before, after, TODAY)
    assert loses_cover(before, after._replace(backed={day(5): 5}), TODAY)
    assert not loses_cover(after._replace(backed={day(5): 5}), after._replace(backed={day(5): 5}), TODAY), "as before"


EXPECTED = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=6).map(
    lambda parts: tuple(Expected(day(number), units) for number, units in sorted(parts))
)
OUTLOOKS = st.builds(Outlook, EXPECTED, st.dictionaries(st.integers(-3, 14).map(day), st.integers(1, 9), max_size=6))


@given(OUTLOOKS, OUTLOOKS)
def test_cover_is_lost_where_on_any_day_more_is_missing_than_before(before: Outlook, after: Outlook) -> None:
    left = [(units_left(before, day(number)), units_left(after, day(number))) for number in range(20)]
    assert loses_cover(before, after, TODAY) == any(now < 0 and now < was for was, now in left)
    assert not loses_cover(after, after, TODAY)


def _learned(safe: list[tuple[int, int]], median: list[tuple[int, int]], lead: int = 14, today: int = 0) -> Revision:
    curves = [tuple(Expected(day(when), units) for when, units in curve) for curve in (safe, median)]
    sources = tuple(PromiseSource(Basis.INBOUND, f"supplier {number}", 95, 1) for number in range(len(safe)))
    by_lead_time = PromiseSource(Basis.LEAD_TIME, "A", 95, 1) if lead else None
    learned = LearnedDates(curves[1], sources, by_lead_time, lead, 95, 1)
    return _revision(curves[0], lead, now=NOW + timedelta(days=today), learned=learned)


def test_a_date_that_will_rather_be_kept_than_missed_stays() -> None:
    waiting = [_waiting("a", 2, day(10), backed=True)]
    assert _dates(waiting, _learned([(0, 0), (15, 5)], [(0, 0), (10, 5)])) == {}
    assert _dates(waiting, _learned([(0, 0), (15, 5)], [(0, 0), (11, 5)])) == {"a": day(15)}


def test_only_units_that_the_median_supply_does_not_reach_move_the_last_of_them_first() -> None:
    waiting = [_waiting(name, 2, day(10), backed=True, claim=day(place)) for place, name in enumerate("abc")]
    revision = _learned([(0, 0), (13, 4), (20, 9)], [(0, 0), (9, 4), (16, 9)])
    assert _dates(waiting, revision) == {"c": day(20)}


def test_a_small_move_waits_for_the_day_itself() -> None:
    waiting = [_waiting("a", 2, day(10), backed=True)]
    assert _dates(waiting, _learned([(0, 0), (12, 5)], [(0, 0), (11, 5)], today=9)) == {}
    assert _dates(waiting, _learned([(0, 0), (12, 5)], [(0, 0), (11, 5)], today=10)) == {"a": day(12)}


def test_what_nothing_covers_any_more_keeps_its_date_until_the_last_day() -> None:
    waiting = [_waiting("a", 2, day(10), backed=True)]
    kept = revise(waiting, _learned([(0, 0)], [(0, 0)], today=9))
    assert kept == {"a": Revised(day(10), day(10), backed=False)}
    assert _dates(waiting, _learned([(0, 0)], [(0, 0)], today=10)) == {"a": day(24)}
    without_lead_time = revise(waiting, _learned([(0, 0)], [(0, 0)], lead=0, today=9))
    assert without_lead_time == kept
