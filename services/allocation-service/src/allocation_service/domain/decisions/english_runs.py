"""What runs stored in English, before there were codes: the only place that reads such text.

Each wording that any version of the service ever stored is known here.
"""

from __future__ import annotations

import re
from datetime import date

from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode, LineException
from allocation_service.domain.runs.run_progress import Progress, ProgressCode

_LEFT_ALONE = {
    "pinned: a person fixed it": LeftAlone.PINNED,
    "not decided about yet": LeftAlone.UNDECIDED,
    "its order is being decided by itself": LeftAlone.ORDER_DEFERRED,
    "it has lent or borrowed units that are to be repaid": LeftAlone.IN_LOAN,
    "its order ships complete and is not in one segment with all that is open of it": LeftAlone.ORDER_APART,
    "its order ships complete and holds a part": LeftAlone.ORDER_INCOMPLETE,
}
_DAY = r"\d{4}-\d\d-\d\d"
_SHORT = r"(?P<confirmed>\d+) of (?P<requested>\d+) confirmed, "
_EXCEPTIONS = {
    rf"confirmed in full, but needed by (?P<needed_by>{_DAY})": ExceptionCode.CONFIRMED_LATE,
    rf"{_SHORT}no date for the rest": ExceptionCode.SHORT_WITHOUT_DATE,
    rf"{_SHORT}the rest comes on (?P<expected>{_DAY})": ExceptionCode.SHORT_AND_DATED,
    rf"{_SHORT}the rest comes on (?P<expected>{_DAY}) instead of by (?P<due>{_DAY})": ExceptionCode.SHORT_AND_LATE,
    "the rest has no date": ExceptionCode.REST_WITHOUT_DATE,
    rf"the rest was promised for (?P<promised>{_DAY}), which has passed": ExceptionCode.PROMISE_PASSED,
}
_PROGRESS = {
    "reading the demand": ProgressCode.READING_DEMAND,
    r"planning (?P<demands>\d+) demands": ProgressCode.PLANNING_DEMANDS,
    r"storing (?P<lines>\d+) lines": ProgressCode.STORING_LINES,
    r"It cannot be planned: the service failed over it\.": ProgressCode.CANNOT_BE_PLANNED,
    r"More than (?P<limit>[\d,]+) demands: have every segment name SKUs, or orders\.": ProgressCode.TOO_MANY_DEMANDS,
}


def left_alone_of_english(text: str) -> LeftAlone | None:
    """Why a run left a line alone; None where the text is no such wording."""
    return _LEFT_ALONE.get(text)


def exception_of_english(text: str) -> LineException | None:
    """What a run could not do for a line; None where the text is no such wording."""
    for pattern, code in _EXCEPTIONS.items():
        found = re.fullmatch(pattern, text)
        if found:
            return LineException(code, {name: _parameter(value) for name, value in found.groupdict().items()})
    return None


def progress_of_english(text: str) -> Progress | None:
    """How far a run was; None where the text is no such wording."""
    for pattern, code in _PROGRESS.items():
        found = re.fullmatch(pattern, text)
        if found:
            return Progress(code, {name: int(value.replace(",", "")) for name, value in found.groupdict().items()})
    return None


def _parameter(text: str) -> int | date:
    return int(text) if text.isdecimal() else date.fromisoformat(text)
