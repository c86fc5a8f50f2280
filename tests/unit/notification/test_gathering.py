"""Changes of an order are gathered, and take-backs settle before they are told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from notification_service.domain.lines import ChangeKind
from notification_service.domain.messages import Holding
from notification_service.domain.orders import LineAnswer, OrderedLine, OrderReport, WatchedOrder

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOLDING = Holding(window=MINUTE, settling=2 * MINUTE, longest=10 * MINUTE)

REPORT = OrderReport(
    "o1",
    1,
    "R-1",
    "c1",
    None,
    NOW,
    (OrderedLine("l1", "A", 5, 0, 0), OrderedLine("l2", "B", 2, 0, 0)),
)


def answer(line_id: str, version: int, allocated: int, waiting: int, *, promise: date | None = None) -> LineAnswer:
    return LineAnswer(line_id, {"l1": "A", "l2": "B"}[line_id], version, allocated, waiting, 0, "", promise)


def order(*answers: LineAnswer, now: datetime = NOW) -> WatchedOrder:
    watched = WatchedOrder("o1")
    watched.ordered(REPORT)
    watched.answered(answers)
    watched.review("e1", now, HOLDING)
    return watched


def test_lines_that_change_within_the_window_become_one_message() -> None:
    watched = order(answer("l1", 1, 0, 5))
    watched.answered([answer("l2", 1, 2, 0)])
    watched.review("e2", NOW + MINUTE / 2, HOLDING)
    assert watched.due is not None
    assert watched.due.due_at == NOW + MINUTE
    message = watched.tell()
    assert message is not None
    assert message.template is ChangeKind.PLACED_ON_BACKORDER
    assert [(s.kind, len(s.changes)) for s in message.sections] == [
        (ChangeKind.PLACED_ON_BACKORDER, 1),
        (ChangeKind.ALLOCATED, 1),
    ]
    assert watched.tell() is None


def test_an_answer_that_is_faster_than_its_order_waits_for_it() -> None:
    watched = WatchedOrder("o1")
    watched.answered([answer("l1", 1, 0, 5)])
    watched.review("e1", NOW, HOLDING)
    assert watched.due is None
    watched.ordered(REPORT)
    watched.review("e2", NOW, HOLDING)
    assert watched.due is not None


def test_a_take_back_is_held_until_it_has_settled() -> None:
    watched = order(answer("l1", 1, 5, 0))
    watched.tell()
    watched.answered([answer("l1", 2, 2, 3)])
    watched.review("e2", NOW + 5 * MINUTE, HOLDING)
    assert watched.due is not None
    assert watched.due.due_at == NOW + 7 * MINUTE


def test_a_take_back_undone_while_it_settles_is_never_mentioned() -> None:
    watched = order(answer("l1", 1, 5, 0))
    watched.tell()
    watched.answered([answer("l1", 2, 2, 3)])
    watched.review("e2", NOW, HOLDING)
    watched.answered([answer("l1", 3, 5, 0)])
    watched.review("e3", NOW + MINUTE, HOLDING)
    assert watched.due is None
    assert watched.tell() is None


def test_endless_take_backs_do_not_hold_a_message_for_ever() -> None:
    watched = order(answer("l1", 1, 5, 0))
    watched.tell()
    for step in range(1, 40):
        watched.answered([answer("l1", 1 + step, step % 2, 5 - step % 2)])
        watched.review(f"e{step}", NOW + step * MINUTE / 2, HOLDING)
    assert watched.due is not None
    assert watched.due.due_at <= NOW + MINUTE / 2 + HOLDING.longest


def test_an_amendment_after_a_silent_release_is_measured_from_the_released_state() -> None:
    watched = order(answer("l1", 1, 5, 0))
    watched.tell()
    cancelled = replace(REPORT, sequence=2, lines=(OrderedLine("l1", "A", 5, 3, 0), REPORT.lines[1]))
    watched.ordered(cancelled)
    watched.review("e2", NOW, HOLDING)
    watched.tell()
    watched.answered([answer("l1", 2, 2, 0)])
    watched.review("e3", NOW, HOLDING)
    assert watched.due is None
    watched.ordered(replace(REPORT, sequence=3, lines=(OrderedLine("l1", "A", 7, 3, 0), REPORT.lines[1])))
    watched.answered([answer("l1", 3, 4, 0)])
    watched.review("e4", NOW, HOLDING)
    (change,) = watched.untold()
    assert (change.kind, change.quantity) == (ChangeKind.ALLOCATED, 2)


def test_an_order_without_a_contact_has_nobody_to_be_told() -> None:
    watched = WatchedOrder("o1")
    watched.ordered(replace(REPORT, contact_id=None))
    watched.answered([answer("l1", 1, 0, 5)])
    watched.review("e1", NOW, HOLDING)
    assert watched.due is None
    assert watched.untold() == ()


def test_a_message_is_caused_by_the_newest_event_that_had_something_to_say() -> None:
    watched = order(answer("l1", 1, 0, 5))
    watched.answered([answer("l2", 1, 0, 0)])
    watched.review("e2", NOW, HOLDING)
    assert watched.cause == "e2"
    watched.tell()
    watched.ordered(replace(REPORT, sequence=2))
    watched.review("e3", NOW, HOLDING)
    assert watched.cause == "e2"
