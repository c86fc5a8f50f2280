"""From changes of lines to one message of an order, and the moment to send it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notification_service.domain.lines import ChangeKind, LineChange

_RANK = {kind: rank for rank, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True)
class Holding:
    """How long changes of an order are gathered before they become one message.

    ``window``: from the first change on. ``settling``: from the latest take-back on, since a take-back may be
    undone by a message still in flight. ``longest``: from the first change on, whatever keeps happening.
    """

    window: timedelta
    settling: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Due:
    """The gathering of one order's changes: since when, and until when."""

    opened_at: datetime
    due_at: datetime


def hold(current: Due | None, changes: Iterable[LineChange], now: datetime, holding: Holding) -> Due | None:
    """The gathering after the order's untold ``changes`` were found at ``now``; None if nothing is left to tell."""
    kinds = {change.kind for change in changes}
    if not kinds:
        return None
    due = current or Due(now, now + holding.window)
    if ChangeKind.TAKEN_BACK not in kinds:
        return due
    settled = max(due.due_at, now + holding.settling)
    return Due(due.opened_at, min(settled, max(due.due_at, due.opened_at + holding.longest)))


@dataclass(frozen=True, slots=True)
class Section:
    """All lines of a message to which the same thing happened."""

    kind: ChangeKind
    changes: tuple[LineChange, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one order. ``template`` is the weightiest change in it and gives the subject."""

    template: ChangeKind
    sections: tuple[Section, ...]


def compose(changes: Iterable[LineChange]) -> Message | None:
    """One message of all changes, the weightiest first; None where there is nothing to tell."""
    by_kind: dict[ChangeKind, list[LineChange]] = {}
    for change in changes:
        by_kind.setdefault(change.kind, []).append(change)
    if not by_kind:
        return None
    sections = tuple(Section(kind, tuple(by_kind[kind])) for kind in sorted(by_kind, key=_RANK.__getitem__))
    return Message(sections[0].kind, sections)
