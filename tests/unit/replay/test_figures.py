"""What a replay reports of orders, waits and promises."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.scenario import LineAnswer, Neighbours

from backorder_workload.replay.allocation_history import AllocationHistory, NotDecided
from backorder_workload.replay.figures import Figures, PlacedOrder, figures_of
from event_contracts import AllocationState

PLACED = datetime(2010, 12, 1, 12, tzinfo=UTC)
END = date(2011, 1, 31)


def decided(
    day: int,
    *,
    granted: int = 0,
    waiting: int = 0,
    declined: int = 0,
    promised: date | None = None,
    version: int | None = None,
    basis: int = 1,
) -> AllocationState:
    """The state of the one line of order `o`, decided `day` days after it was placed."""
    neighbours = Neighbours()
    order, _ = neighbours.order("o", ("S", 10))
    answer = LineAnswer(
        allocated=granted,
        waiting=waiting,
        declined=declined,
        promise=promised,
        line_version=day + 1 if version is None else version,
    )
    decided_at = PLACED + timedelta(days=day)
    state = neighbours.answer(order.state, answer, basis=basis, decided_at=decided_at).payload
    assert isinstance(state, AllocationState)
    return state


def figures(*states: AllocationState, cancelled: int = 0, until: date = END) -> Figures:
    known = AllocationHistory()
    for state in states:
        known.record(state)
    order = PlacedOrder("o", PLACED, lines=1, units=10, cancelled_units=cancelled)
    return figures_of([order], known, until=until)


def test_an_order_from_stock_is_filled_at_once_and_nobody_waits() -> None:
    found = figures(decided(0, granted=10))
    assert (found.filled_at_once, found.backordered, found.filled_later) == (10, 0, 0)
    assert found.waits.mean_days is None
    assert found.promises.made == 0


def test_units_that_come_later_wait_from_the_placing_to_the_decision() -> None:
    found = figures(
        decided(0, granted=4, waiting=6, promised=date(2010, 12, 11)),
        decided(2, granted=9, waiting=1, promised=date(2010, 12, 11)),
        decided(8, granted=10),
    )
    assert (found.filled_at_once, found.backordered, found.filled_later) == (4, 6, 6)
    assert found.waits.mean_days == pytest.approx((5 * 2 + 1 * 8) / 6)
    assert found.waits.p95_days == 8


def test_a_promise_is_kept_when_the_last_unit_comes_on_its_day() -> None:
    promised = (PLACED + timedelta(days=5)).date()
    kept = figures(decided(0, waiting=10, promised=promised), decided(5, granted=10)).promises
    late = figures(decided(0, waiting=10, promised=promised), decided(6, granted=10)).promises
    assert (kept.made, kept.kept, kept.broken, kept.kept_share) == (1, 1, 0, 1.0)
    assert (late.made, late.kept, late.broken, late.kept_share) == (1, 0, 1, 0.0)


def test_a_promise_that_was_moved_is_judged_by_its_first_date_and_by_its_last() -> None:
    first, second = (PLACED + timedelta(days=3)).date(), (PLACED + timedelta(days=9)).date()
    moved = figures(
        decided(0, waiting=10, promised=first), decided(2, waiting=10, promised=second), decided(8, granted=10)
    ).promises
    assert (moved.kept, moved.broken, moved.revised, moved.kept_as_revised) == (0, 1, 1, 1)


def test_a_promise_whose_units_were_cancelled_before_its_day_is_withdrawn_and_after_it_broken() -> None:
    promised = (PLACED + timedelta(days=3)).date()
    before = figures(decided(0, waiting=10, promised=promised), decided(2, basis=2), cancelled=10)
    after = figures(decided(0, waiting=10, promised=promised), decided(4, basis=2), cancelled=10)
    assert (before.promises.withdrawn, before.promises.broken, before.cancelled) == (1, 0, 10)
    assert (after.promises.withdrawn, after.promises.broken) == (0, 1)


def test_a_promise_not_yet_due_at_the_end_is_open_and_one_that_is_due_is_broken() -> None:
    waiting = decided(0, waiting=10, promised=date(2011, 1, 10))
    assert figures(waiting, until=date(2011, 1, 9)).promises.open == 1
    assert figures(waiting, until=date(2011, 1, 11)).promises.broken == 1


def test_waiting_without_a_date_is_no_promise() -> None:
    found = figures(decided(0, waiting=10)).promises
    assert (found.made, found.without_a_date) == (0, 1)


def test_declined_units_are_neither_filled_nor_backordered() -> None:
    found = figures(decided(0, granted=3, declined=7))
    assert (found.filled_at_once, found.declined, found.backordered) == (3, 7, 0)


def test_old_and_repeated_answers_change_nothing() -> None:
    newest = decided(5, granted=10)
    found = figures(decided(0, waiting=10), newest, decided(1, waiting=9, version=2), newest)
    assert (found.filled_later, found.still_waiting, found.taken_back) == (10, 0, 0)


def test_units_taken_back_are_counted() -> None:
    found = figures(decided(0, granted=10), decided(3, granted=7, waiting=3), decided(4, granted=10))
    assert (found.filled_at_once, found.taken_back, found.filled_later) == (10, 3, 3)


async def test_a_decision_may_come_before_it_is_expected_and_one_on_an_older_basis_does_not_count() -> None:
    history = AllocationHistory()
    history.record(decided(0, granted=10, basis=1))
    history.expect("o", 1)
    await history.until_complete(0.01)
    history.expect("o", 2)
    with pytest.raises(NotDecided, match="1 orders within 0 s: o"):
        await history.until_complete(0.01)
    history.record(decided(1, granted=10, basis=2))
    await history.until_complete(0.01)


def test_declines_are_reported_once() -> None:
    history = AllocationHistory()
    history.record(decided(0, declined=4))
    assert list(history.newly_declined()) == [("S", 4)]
    history.record(decided(1, declined=6))
    assert list(history.newly_declined()) == [("S", 2)]
    assert not list(history.newly_declined())
