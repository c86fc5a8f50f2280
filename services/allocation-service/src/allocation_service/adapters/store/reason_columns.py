"""The columns of a reason: code and parameters; the text is what rows have that were stored before there were codes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from allocation_service.adapters.store.decision_digest import canonical_json
from allocation_service.domain.decisions.english_reasons import reason_of_english
from allocation_service.domain.decisions.recorded_reason import reason_from
from allocation_service.domain.reasons import Reason


def reason_of(text: str, code: str | None, parameters: Any) -> Reason | None:
    """The reason in a row's ``reason``, ``reason_code`` and ``reason_parameters`` (as JSON or decoded); None where
    nothing was decided."""
    if code is None:
        return reason_of_english(text)
    return _decoded(code, parameters) if isinstance(parameters, str) else reason_from(code, parameters)


def columns_of(reason: Reason | None) -> tuple[str | None, str | None]:
    """``reason_code`` and, as JSON, ``reason_parameters``; null where there are none."""
    if reason is None:
        return None, None
    return reason.code.value, _encoded(reason) if reason.parameters else None


# Thousands of lines have the same reason: the tier that stock is kept for, the quota that is used up.
@lru_cache(maxsize=1_000)
def _decoded(code: str, parameters: str) -> Reason:
    return reason_from(code, orjson.loads(parameters))


@lru_cache(maxsize=1_000)
def _encoded(reason: Reason) -> str:
    return canonical_json(dict(reason.parameters)).decode()
