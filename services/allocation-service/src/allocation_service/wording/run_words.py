"""What runs say in words: why they leave a line alone, what they cannot do for one, and how far they are."""

from __future__ import annotations

from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import LineException
from allocation_service.domain.runs.run_progress import Progress
from allocation_service.wording.catalogue import Catalogue

_COUNTED = {"demands": "demand", "lines": "line"}
"""Parameters that are shown with what they count."""


def left_alone_in_words(why: LeftAlone | str | None, catalogue: Catalogue) -> str:
    """Why a run leaves a line alone; empty where it does not."""
    return catalogue.left_alone[why] if isinstance(why, LeftAlone) else why or ""


def exception_in_words(exception: LineException | str | None, catalogue: Catalogue) -> str:
    """What a run cannot do for a line; empty where there is nothing."""
    if not isinstance(exception, LineException):
        return exception or ""
    return catalogue.filled(catalogue.exceptions[exception.code], exception.parameters)


def progress_in_words(progress: Progress | str | None, catalogue: Catalogue) -> str:
    """How far the planning of a run is, or why it failed; empty before it has begun."""
    if not isinstance(progress, Progress):
        return progress or ""
    numbers = {
        name: catalogue.counted(value, _COUNTED[name]) if name in _COUNTED else catalogue.number(value)
        for name, value in progress.parameters.items()
    }
    return catalogue.progress[progress.code].format(**numbers)
