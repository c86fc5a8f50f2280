"""The WHERE clause of a listing, whose filters are all optional."""

from __future__ import annotations

from collections.abc import Mapping


def where(conditions: Mapping[str, object]) -> str:
    """The conditions whose value is not None, joined with AND; empty if there are none.

    The values themselves are bound by the caller.
    """
    chosen = [condition for condition, value in conditions.items() if value is not None]
    return f"WHERE {' AND '.join(chosen)}" if chosen else ""
