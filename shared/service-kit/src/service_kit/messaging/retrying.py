"""How often what a transaction works on, events or items of a task, is tried before it is split or parked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TypeVar

from service_kit.persistence.transient_errors import is_data_fault, is_statement_timeout

T = TypeVar("T")

_TRIES = 3
"""Times that an event is tried whose data is at fault: a constraint may have met a race, and a race ends."""

_BATCH_TIMEOUTS = 2
_EVENT_TIMEOUTS = 5


class Verdict(Enum):
    """What is to be done after a failure."""

    AGAIN = auto()
    """The same after a pause."""
    HALVE = auto()
    """The data of one of the events is at fault: find it."""
    ONE_BY_ONE = auto()
    """Together they take too long."""
    PARK = auto()
    """The event cannot be handled."""


def taken_apart(piece: Sequence[T], verdict: Verdict) -> list[Sequence[T]]:
    """The pieces, in order, that are tried next instead of ``piece``, for HALVE and ONE_BY_ONE."""
    size = 1 if verdict is Verdict.ONE_BY_ONE else (len(piece) + 1) // 2
    return [piece[start : start + size] for start in range(0, len(piece), size)]


class Retrying:
    """Judges the failures of one piece of a batch, one after the other.

    Errors that are not known to be the data's fault are tried again without end. A statement that is timed out may be
    slow because of its data or because the database is slow: a batch is then taken apart, and an event is given up once
    it has timed out for ``patience`` seconds with nothing else going wrong meanwhile. The caller is to make sure that
    the database answers, and to say so where it does not (``start_over``).
    """

    def __init__(self, events: int, *, patience: float, now: Callable[[], float] = time.monotonic) -> None:
        self._alone = events == 1
        self._patience, self._now = patience, now
        self._faults = 0
        self._timeouts = 0
        self._timed_out_since = 0.0
        self.failures = 0
        """How many there were in all: what the pause before the next try grows with."""

    def judge(self, error: Exception) -> Verdict:
        """What to do after ``error``."""
        self.failures += 1
        if is_data_fault(error):
            self._faults += 1
            if not self._alone:
                return Verdict.HALVE
            return Verdict.PARK if self._faults >= _TRIES else Verdict.AGAIN
        if not is_statement_timeout(error):
            self._timeouts = 0
            return Verdict.AGAIN
        if self._timeouts == 0:
            self._timed_out_since = self._now()
        self._timeouts += 1
        if not self._alone:
            return Verdict.ONE_BY_ONE if self._timeouts >= _BATCH_TIMEOUTS else Verdict.AGAIN
        long_enough = self._now() - self._timed_out_since >= self._patience
        return Verdict.PARK if long_enough and self._timeouts >= _EVENT_TIMEOUTS else Verdict.AGAIN

    def start_over(self) -> None:
        """The database is slow to everybody: time-outs so far say nothing about the event."""
        self._timeouts = 0
