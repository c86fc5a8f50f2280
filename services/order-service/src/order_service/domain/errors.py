"""What the aggregate refuses. Each error leaves the order exactly as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One line's part in a refused change: which line, a stable code, and the reason in words."""

    line_id: str
    code: str
    detail: str


class IllegalMove(Exception):
    """The order's state does not allow the change. ``code`` is stable; ``violations`` name the lines."""

    def __init__(self, code: str, detail: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.violations = tuple(violations)

    @classmethod
    def of_lines(cls, violations: Sequence[Violation]) -> IllegalMove:
        """The refusal of a change for its lines; the first violation gives the code."""
        first = violations[0]
        return cls(first.code, first.detail, violations)


class UnknownLine(Exception):
    """The change names a line the order does not have. ``line_ids`` lists all such names."""

    def __init__(self, line_ids: Sequence[str]) -> None:
        super().__init__(f"unknown lines: {', '.join(line_ids)}")
        self.line_ids = tuple(line_ids)


class UnsoundTerms(Exception):
    """The change would leave terms that cannot be meant. ``faults``: each field and what is wrong with it."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {detail}" for name, detail in faults))
        self.faults = tuple(faults)


class ForeignAnswer(Exception):
    """An answer of allocation names an order or a line that was never placed here."""
