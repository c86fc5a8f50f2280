"""The text columns of runs: a code, with its parameters in JSON where it has any. Rows of before have English words.

Text that is neither is kept and shown as it is, and of a code that a newer version stored, the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from allocation_service.adapters.store.decision_digest import canonical_json
from allocation_service.domain.decisions.english_runs import (
    exception_of_english,
    left_alone_of_english,
    progress_of_english,
)
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode, LineException
from allocation_service.domain.runs.run_progress import Progress, ProgressCode

_EXCEPTIONS = {code.value: code for code in ExceptionCode}
_LEFT_ALONE = {code.value: code for code in LeftAlone}
_PROGRESS = {code.value: code for code in ProgressCode}


def exception_column(exception: LineException | None) -> str:
    """``exception`` of a line; empty where there is none."""
    return _column(exception.code, exception.parameters) if exception else ""


def exception_of(column: str) -> LineException | str | None:
    """What a person has to resolve about a line; None for nothing."""
    code, parameters = _parts(column)
    known = _EXCEPTIONS.get(code)
    if known:
        return LineException(known, {name: _day_or_units(value) for name, value in parameters.items()})
    return exception_of_english(column) or code or None


def left_alone_column(why: LeftAlone | None) -> str:
    """``note`` of a line; empty where it is not left alone."""
    return why or ""


def left_alone_of(column: str) -> LeftAlone | str | None:
    """Why a run leaves a line alone; None where it does not."""
    return _LEFT_ALONE.get(column) or left_alone_of_english(column) or column or None


def progress_column(progress: Progress) -> str:
    """``progress`` of a run."""
    return _column(progress.code, progress.parameters)


def progress_of(column: str) -> Progress | str | None:
    """How far a run is, or why it failed; None where nobody has begun to plan it."""
    code, parameters = _parts(column)
    known = _PROGRESS.get(code)
    if known:
        return Progress(known, parameters)
    return progress_of_english(column) or code or None


def _column(code: str, parameters: Mapping[str, Any]) -> str:
    return canonical_json({"code": code, **parameters}).decode() if parameters else str(code)


def _parts(column: str) -> tuple[str, dict[str, Any]]:
    """The code and its parameters; text that is no code is taken for one without."""
    if not column.startswith("{"):
        return column, {}
    parameters: dict[str, Any] = orjson.loads(column)
    return parameters.pop("code"), parameters


def _day_or_units(stored: str | int) -> date | int:
    return date.fromisoformat(stored) if isinstance(stored, str) else stored
