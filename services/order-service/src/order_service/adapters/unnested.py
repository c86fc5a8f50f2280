"""Set-based statements: one array parameter a column, one statement a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

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


def recordset(columns: Columns, alias: str, parameter: str) -> str:
    """Rows as `documents` gives them in one text parameter.

    A driver checks and packs each element of each array by itself; of many columns and few rows, one document
    takes it half the time.
    """
    typed = ", ".join(f"{name} {'text' if kind == 'jsonb' else kind}" for name, kind in columns)
    given = ", ".join(f"CAST({name} AS jsonb) AS {name}" if kind == "jsonb" else name for name, kind in columns)
    return (
        f"(SELECT {given} FROM json_to_recordset(CAST(CAST(:{parameter} AS text) AS json)) AS row ({typed})) AS {alias}"
    )


def documents(columns: Columns, rows: Sequence[Sequence[Any]]) -> str:
    """The parameter of `recordset`."""
    keys = [name for name, _ in columns]
    return orjson.dumps([dict(zip(keys, row, strict=True)) for row in rows]).decode()
