"""When the message of an order is due: changes are collected, and take-backs settle first."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from notification_service.config import NotificationSettings
from notification_service.domain.lines import ChangeKind
from notification_service.domain.messages import MessageTiming
from notification_service.domain.orders import LineAllocation, OrderLineSnapshot, OrderProjection, OrderSnapshot
from notification_service.domain.reasons import NO_REASON

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TIMING = MessageTiming(window=MINUTE, settling=2 * MINUTE, longest=10 * MINUTE)

SNAPSHOT = OrderSnapshot(
    "o1",
    1,
    "R-1",
    "c1",
    None,
    NOW,
    (OrderLineSnapshot("l1", "A", 5, 0, 0), OrderLineSnapshot("l2", "B", 2, 0, 0)),
)


def allocation(
    line_id: str, version: int, allocated: int, waiting: int, *, promise: date | None = None
) -> LineAllocation:
    return LineAllocation(line_id, {"l1": "A", "l2": "B"}[line_id], version, allocated, waiting, 0, NO_REASON, promise)


def order(*allocations: LineAllocation, now: datetime = NOW) -> OrderProjection:
    projection = OrderProjection("o1")
    projection.apply_order(SNAPSHOT)
    projection.apply_allocations(allocations)
    projection.schedule_message("e1", now, TIMING)
    return projection


def test_lines_that_change_within_the_window_become_one_message() -> None:
    projection = order(allocation("l1", 1, 0, 5))
    projection.apply_allocations([allocation("l2", 1, 2, 0)])
    projection.schedule_message("e2", NOW + MINUTE / 2, TIMING)
    assert projection.message_due is not None
    assert projection.message_due.due_at == NOW + MINUTE
    message = projection.take_message()
    assert message is not None
    assert message.template is ChangeKind.PLACED_ON_BACKORDER
    assert [(s.kind, len(s.changes)) for s in message.sections] == [
        (ChangeKind.PLACED_ON_BACKORDER, 1),
        (ChangeKind.ALLOCATED, 1),
    ]
    assert projection.take_message() is None


def test_an_allocation_that_is_faster_than_its_order_waits_for_it() -> None:
    projection = OrderProjection("o1")
    projection.apply_allocations([allocation("l1", 1, 0, 5)])
    projection.schedule_message("e1", NOW, TIMING)
    assert projection.message_due is None
    projection.apply_order(SNAPSHOT)
    projection.schedule_message("e2", NOW, TIMING)
    assert projection.message_due is not None


def test_a_take_back_is_held_until_it_has_settled() -> None:
    projection = order(allocation("l1", 1, 5, 0))
    projection.take_message()
    projection.apply_allocations([allocation("l1", 2, 2, 3)])
    projection.schedule_message("e2", NOW + 5 * MINUTE, TIMING)
    assert projection.message_due is not None
    assert projection.message_due.due_at == NOW + 7 * MINUTE


def test_a_take_back_undone_while_it_settles_is_never_mentioned() -> None:
    projection = order(allocation("l1", 1, 5, 0))
    projection.take_message()
    projection.apply_allocations([allocation("l1", 2, 2, 3)])
    projection.schedule_message("e2", NOW, TIMING)
    projection.apply_allocations([allocation("l1", 3, 5, 0)])
    projection.schedule_message("e3", NOW + MINUTE, TIMING)
    assert projection.message_due is None
    assert projection.take_message() is None


def test_endless_take_backs_do_not_hold_a_message_for_ever() -> None:
    projection = order(allocation("l1", 1, 5, 0))
    projection.take_message()
    for step in range(1, 40):
        projection.apply_allocations([allocation("l1", 1 + step, step % 2, 5 - step % 2)])
        projection.schedule_message(f"e{step}", NOW + step * MINUTE / 2, TIMING)
    assert projection.message_due is not None
    assert projection.message_due.due_at <= NOW + MINUTE / 2 + TIMING.longest


def test_an_amendment_after_a_silent_release_is_measured_from_the_released_state() -> None:
    projection = order(allocation("l1", 1, 5, 0))
    projection.take_message()
    cancelled = replace(SNAPSHOT, sequence=2, lines=(OrderLineSnapshot("l1", "A", 5, 3, 0), SNAPSHOT.lines[1]))
    projection.apply_order(cancelled)
    projection.schedule_message("e2", NOW, TIMING)
    projection.take_message()
    projection.apply_allocations([allocation("l1", 2, 2, 0)])
    projection.schedule_message("e3", NOW, TIMING)
    assert projection.message_due is None
    projection.apply_order(
        replace(SNAPSHOT, sequence=3, lines=(OrderLineSnapshot("l1", "A", 7, 3, 0), SNAPSHOT.lines[1]))
    )
    projection.apply_allocations([allocation("l1", 3, 4, 0)])
    projection.schedule_message("e4", NOW, TIMING)
    (change,) = projection.pending_changes()
    assert (change.kind, change.quantity) == (ChangeKind.ALLOCATED, 2)


def test_an_order_without_a_contact_has_no_message() -> None:
    projection = OrderProjection("o1")
    projection.apply_order(replace(SNAPSHOT, contact_id=None))
    projection.apply_allocations([allocation("l1", 1, 0, 5)])
    projection.schedule_message("e1", NOW, TIMING)
    assert projection.message_due is None
    assert projection.pending_changes() == ()


def test_the_cause_of_a_message_is_the_newest_event_that_changed_something_to_tell() -> None:
    projection = order(allocation("l1", 1, 0, 5))
    projection.apply_allocations([allocation("l2", 1, 0, 0)])
    projection.schedule_message("e2", NOW, TIMING)
    assert projection.cause == "e2"
    projection.take_message()
    projection.apply_order(replace(SNAPSHOT, sequence=2))
    projection.schedule_message("e3", NOW, TIMING)
    assert projection.cause == "e2"


def test_no_window_is_longer_than_the_longest_hold() -> None:
    assert MessageTiming(window=MINUTE, settling=5 * MINUTE, longest=MINUTE)
    with pytest.raises(ValueError, match="window of 0:02:00 is longer than the longest hold of 0:01:00"):
        MessageTiming(window=2 * MINUTE, settling=MINUTE, longest=MINUTE)


def test_the_settings_refuse_a_window_that_is_longer_than_the_longest_hold() -> None:
    settings: dict[str, Any] = {
        "database_url": "postgresql+asyncpg://nobody@localhost/none",
        "kafka_bootstrap": "none:1",
    }
    with pytest.raises(ValidationError, match=r"NOTIFICATION_HOLD_SECONDS is 60.* NOTIFICATION_LONGEST_HOLD_SECONDS"):
        NotificationSettings(**settings, keyring_path=Path("none"), hold_seconds=60, longest_hold_seconds=59)
