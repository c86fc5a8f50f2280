"""A reason as it is stored, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from allocation_service.domain.decisions.english_reasons import reason_of_english
from allocation_service.domain.reasons import Parameter, Reason, ReasonCode

_DAYS = frozenset({"acceptable", "due_back", "expected", "needed_on"})
"""Parameters that are days; JSON has them as text."""
_WITHOUT_PARAMETERS = {code.value: Reason(code) for code in ReasonCode}
"""Most reasons have none: they are not made anew for each of a hundred thousand lines."""


def reason_from(code: str, parameters: Mapping[str, Any] | None) -> Reason:
    """The reason that was stored. A code of a newer version, which this one does not know, is kept as text."""
    known = _WITHOUT_PARAMETERS.get(code)
    if known is None:
        return Reason(ReasonCode.UNRECOGNISED, {"text": code})
    if not parameters:
        return known
    return Reason(known.code, {name: _parameter(name, value) for name, value in parameters.items()})


def recorded_reason(text: str, code: str | None, parameters: Mapping[str, Any] | None) -> Reason | None:
    """The reason as it was stored: by code, or as English ``text`` before there were codes; None: nothing decided."""
    return reason_of_english(text) if code is None else reason_from(code, parameters)


def _parameter(name: str, stored: Any) -> Parameter:
    value: Parameter = date.fromisoformat(stored) if name in _DAYS else stored
    return value
