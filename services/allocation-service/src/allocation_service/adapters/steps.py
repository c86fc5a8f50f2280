"""What is to be written, made from the book at one moment and run on the connection at another.

Between the two the book may go on: a fill stores one part while it decides about the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.database import copy_rows


class Execute(NamedTuple):
    """A statement with its values."""

    statement: TextClause
    values: dict[str, Any]


class Copy(NamedTuple):
    """Rows that are only added."""

    table: str
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


Step = Execute | Copy

COPY_FROM = 200
"""Rows from which COPY is faster than one INSERT over arrays."""


async def run(conn: AsyncConnection, steps: Iterable[Step]) -> None:
    """Write in the order given."""
    for step in steps:
        if isinstance(step, Copy):
            await copy_rows(conn, step.table, step.columns, step.rows)
        else:
            await conn.execute(step.statement, step.values)
