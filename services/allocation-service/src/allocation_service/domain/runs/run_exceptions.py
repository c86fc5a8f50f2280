"""What a strategy asks for and a run cannot do: a code with its parameters, for a person to resolve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.policies.policy import NO_DATE
from allocation_service.domain.runs.run import Planned, Strategy


class ExceptionCode(StrEnum):
    """What is not as the strategy of a line asks. Stored with the run's lines, so that none is ever renamed."""

    CONFIRMED_LATE = "confirmed_late"
    """``win``: all is confirmed, after the day ``needed_by``."""
    SHORT_WITHOUT_DATE = "short_without_date"
    """``win``: ``confirmed`` of ``requested`` units, and no date can be named for the rest."""
    SHORT_AND_LATE = "short_and_late"
    """``win``: ``confirmed`` of ``requested`` units; the rest is ``expected`` later than it is ``due``."""
    SHORT_AND_DATED = "short_and_dated"
    """``win``: ``confirmed`` of ``requested`` units; the rest is ``expected`` on a day, where none was due before."""
    REST_WITHOUT_DATE = "rest_without_date"
    """``gain``: no date can be named for what waits."""
    PROMISE_PASSED = "promise_passed"
    """``gain``: what waits was ``promised`` for a day that has passed."""


class LineException(NamedTuple):
    """What a person has to resolve about a line of a run; which parameters there are is said by the code."""

    code: ExceptionCode
    parameters: Mapping[str, int | date] = {}


def exception(planned: Planned, strategy: Strategy, after: date | None, today: date) -> LineException | None:
    """What the strategy wanted and the run cannot do; None where it can. ``after`` is the new date of what waits."""
    if strategy is Strategy.WIN:
        return _not_won(planned, after, today)
    waits = planned.new < planned.candidate.requested
    if strategy is not Strategy.GAIN or not waits:
        return None
    if after is None:
        return LineException(ExceptionCode.REST_WITHOUT_DATE)
    return LineException(ExceptionCode.PROMISE_PASSED, {"promised": after}) if after < today else None


def _not_won(planned: Planned, after: date | None, today: date) -> LineException | None:
    one = planned.candidate
    if planned.new == one.requested:
        late = planned.change > 0 and one.needed_by < today
        return LineException(ExceptionCode.CONFIRMED_LATE, {"needed_by": one.needed_by}) if late else None
    units = {"confirmed": planned.new, "requested": one.requested}
    due = one.needed_by if one.needed_by != NO_DATE else one.promise_date
    if after is None:
        return LineException(ExceptionCode.SHORT_WITHOUT_DATE, units)
    if due is None:
        return LineException(ExceptionCode.SHORT_AND_DATED, {**units, "expected": after})
    if after > due:
        return LineException(ExceptionCode.SHORT_AND_LATE, {**units, "expected": after, "due": due})
    return None
