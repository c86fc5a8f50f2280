"""The message of an order: what it says, and when it is due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notification_service.domain.lines import ChangeKind, LineChange

_IMPORTANCE = {kind: place for place, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True)
class MessageTiming:
    """How long changes of an order are collected into one message. Raises ValueError if ``window`` > ``longest``."""

    window: timedelta
    """Collecting time: a message is due so long after the first change that it tells, so that several become one."""
    settling: timedelta
    """Settling time: while a deallocation is among the changes, the message is due no sooner than so long after the
    latest event about the order, because another event under way may undo the deallocation."""
    longest: timedelta
    """A message is due no later than so long after its first change, however often the order settles anew."""

    def __post_init__(self) -> None:
        if self.window > self.longest:
            raise ValueError(f"the window of {self.window} is longer than the longest hold of {self.longest}")


@dataclass(frozen=True, slots=True)
class MessageDue:
    """When the message of an order is due, and since when its changes are collected."""

    opened_at: datetime
    due_at: datetime


def next_due(
    current: MessageDue | None, changes: Iterable[LineChange], now: datetime, timing: MessageTiming
) -> MessageDue | None:
    """When the order's message is due after ``changes`` were found at ``now``; None if nothing is left to tell.

    ``changes`` are all that the customer has not been told, ``current`` is the result for the changes before.
    """
    kinds = {change.kind for change in changes}
    if not kinds:
        return None
    due = current or MessageDue(now, now + timing.window)
    if ChangeKind.TAKEN_BACK not in kinds:
        return due
    settled = max(due.due_at, now + timing.settling)
    return MessageDue(due.opened_at, min(settled, max(due.due_at, due.opened_at + timing.longest)))


@dataclass(frozen=True, slots=True)
class MessageSection:
    """All changes of a message that are of one kind."""

    kind: ChangeKind
    changes: tuple[LineChange, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one order. ``template`` is the kind of change that matters most; it gives the subject."""

    template: ChangeKind
    sections: tuple[MessageSection, ...]


def compose_message(changes: Iterable[LineChange]) -> Message | None:
    """One message of all ``changes``, the kind that matters most first; None without changes."""
    by_kind: dict[ChangeKind, list[LineChange]] = {}
    for change in changes:
        by_kind.setdefault(change.kind, []).append(change)
    if not by_kind:
        return None
    sections = tuple(
        MessageSection(kind, tuple(by_kind[kind])) for kind in sorted(by_kind, key=_IMPORTANCE.__getitem__)
    )
    return Message(sections[0].kind, sections)
