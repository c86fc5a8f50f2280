"""Set-based statements: one array parameter a column, one statement a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Columns = Sequence[tuple[str, str]]
"""Column names with their PostgreSQL types."""


def unnest(columns: Columns, alias: str, prefix: str = "") -> str:
    """``unnest(...) AS alias (columns)`` over one array parameter a column, each cast to its type."""
    parameters = ", ".join(f"CAST(:{prefix}{name} AS {kind}[])" for name, kind in columns)
    return f"unnest({parameters}) AS {alias} ({names(columns)})"


def names(columns: Columns) -> str:
    """The columns' names, for a column list."""
    return ", ".join(name for name, _ in columns)


def arrays(columns: Columns, rows: Sequence[Sequence[Any]], prefix: str = "") -> dict[str, list[Any]]:
    """The array parameters of `unnest` for ``rows``."""
    return {f"{prefix}{name}": [row[index] for row in rows] for index, (name, _) in enumerate(columns)}
