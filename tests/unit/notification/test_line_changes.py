"""What a customer is told follows from two states, never from the events between them."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from notification_service.domain.lines import ChangeKind, LineProjection, LineStatus, changes_of
from notification_service.domain.reasons import NO_REASON, Reason

JUNE, JULY = date(2026, 6, 3), date(2026, 7, 1)
CAPPED = Reason("declined: backorder cap of 9 reached", "backorder_cap_reached", {"cap": 9})


def line(**state: object) -> LineProjection:
    return replace(LineProjection("o1", "l1", "SKU", quantity=5, order_sequence=1, line_version=1), **state)  # type: ignore[arg-type]


def kinds(projection: LineProjection) -> list[tuple[ChangeKind, int]]:
    return [(change.kind, change.quantity) for change in changes_of(projection)]


def test_a_waiting_line_is_told_as_placed_on_backorder_with_its_date() -> None:
    (change,) = changes_of(line(waiting=3, granted=0, promise_date=JUNE))
    assert (change.kind, change.quantity, change.promise_date) == (ChangeKind.PLACED_ON_BACKORDER, 3, JUNE)


def test_a_line_partly_there_is_told_as_both() -> None:
    assert kinds(line(granted=2, waiting=3)) == [(ChangeKind.PLACED_ON_BACKORDER, 3), (ChangeKind.ALLOCATED, 2)]


def test_an_arrival_tells_only_the_units_that_are_new() -> None:
    told = LineStatus(granted=2, waiting=3, promise_date=JUNE)
    (change,) = changes_of(line(granted=4, waiting=1, promise_date=JULY, baseline=told))
    assert (change.kind, change.quantity, change.waiting, change.promise_date) == (ChangeKind.ALLOCATED, 2, 1, JULY)


def test_only_a_moved_date_is_told_with_the_old_one() -> None:
    (change,) = changes_of(line(waiting=5, promise_date=JULY, baseline=LineStatus(waiting=5, promise_date=JUNE)))
    assert (change.kind, change.previous_date, change.promise_date) == (ChangeKind.DATE_MOVED, JUNE, JULY)


def test_a_date_that_can_no_longer_be_named_is_told() -> None:
    assert kinds(line(waiting=5, baseline=LineStatus(waiting=5, promise_date=JUNE))) == [(ChangeKind.DATE_MOVED, 5)]


def test_units_that_wait_again_are_told_as_taken_back() -> None:
    assert kinds(line(granted=1, waiting=4, baseline=LineStatus(granted=5))) == [(ChangeKind.TAKEN_BACK, 4)]


def test_a_take_back_that_was_undone_leaves_nothing_to_tell() -> None:
    before = line(granted=5, baseline=LineStatus(granted=5))
    taken = before.apply_allocation(version=2, granted=1, waiting=4, declined=0, reason=NO_REASON, promise_date=JUNE)
    undone = taken.apply_allocation(version=3, granted=5, waiting=0, declined=0, reason=NO_REASON, promise_date=None)
    assert changes_of(taken)
    assert changes_of(undone) == ()


def test_units_released_by_a_cancellation_are_not_told_as_taken_back() -> None:
    cancelled = line(granted=5, baseline=LineStatus(granted=5)).apply_order(
        sequence=2, quantity=5, cancelled=3, shipped=0
    )
    released = cancelled.apply_allocation(
        version=2, granted=2, waiting=0, declined=0, reason=NO_REASON, promise_date=None
    )
    assert kinds(cancelled) == kinds(released) == [(ChangeKind.CANCELLED, 3)]


def test_an_allocation_from_before_a_cancellation_does_not_revive_cancelled_units() -> None:
    assert kinds(line(quantity=5, cancelled=5, waiting=5)) == [(ChangeKind.CANCELLED, 5)]


def test_a_shipment_is_nothing_to_tell() -> None:
    assert changes_of(line(granted=5, shipped=5, baseline=LineStatus(granted=5))) == ()


def test_declined_units_are_told_with_the_reason() -> None:
    (change,) = changes_of(line(declined=2, granted=3, reason=CAPPED, baseline=LineStatus(granted=3)))
    assert (change.kind, change.quantity, change.reason) == (ChangeKind.DECLINED, 2, CAPPED)


def test_an_older_or_repeated_report_changes_nothing() -> None:
    newest = line(line_version=4, granted=5)
    again = newest.apply_allocation(version=4, granted=0, waiting=5, declined=0, reason=NO_REASON, promise_date=None)
    older = newest.apply_order(sequence=1, quantity=9, cancelled=1, shipped=0)
    assert again is newest
    assert older is newest


STATES: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    granted=st.integers(0, 6),
    waiting=st.integers(0, 6),
    declined=st.integers(0, 6),
    promise_date=st.sampled_from([None, JUNE, JULY]),
)


@given(STATES, STATES, st.integers(0, 5), st.integers(0, 5))
def test_what_was_told_is_never_told_again(
    first: dict[str, object], second: dict[str, object], cancelled: int, shipped: int
) -> None:
    told = line(**first).rebased()
    assert changes_of(told) == ()
    moved = replace(told, **second, cancelled=cancelled, shipped=shipped)  # type: ignore[arg-type]
    assert changes_of(moved.rebased()) == ()
    for change in changes_of(moved):
        assert change.quantity > 0


def test_what_is_reserved_of_a_preorder_is_told_with_its_day_and_again_when_that_moves() -> None:
    reserved = line(granted=5, waiting=0, promise_date=JUNE)
    (change,) = changes_of(reserved)
    assert (change.kind, change.quantity, change.promise_date) == (ChangeKind.ALLOCATED, 5, JUNE)
    (moved,) = changes_of(replace(reserved.rebased(), promise_date=JULY))
    assert (moved.kind, moved.quantity, moved.previous_date, moved.promise_date) == (
        ChangeKind.DATE_MOVED,
        5,
        JUNE,
        JULY,
    )
    shipped = replace(reserved.rebased(), promise_date=JULY, shipped=5)
    assert changes_of(shipped) == ()
