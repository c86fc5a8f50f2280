"""The refusals that several use cases share."""

from __future__ import annotations

from collections.abc import Sequence

from service_kit.http.problems import FieldError, Problem, conflict


def reference_taken(existing_id: str | None) -> Problem:
    """409: another document of the same kind carries the reference; ``existing_id`` names it."""
    return conflict(
        "reference_taken", "Another document carries this reference; existing_id names it.", existing_id=existing_id
    )


def rule_broken(code: str, errors: Sequence[FieldError]) -> Problem:
    """409: the stock as it is does not allow these lines."""
    return Problem(
        409,
        code,
        "Conflict with the current state",
        "The stock does not allow this; nothing was changed.",
        errors=errors,
    )
