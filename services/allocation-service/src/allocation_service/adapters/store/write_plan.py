"""What is to be written, made from the session at one moment and run on the connection at another.

Between the two the session may go on: a fill stores one part while it decides about the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.persistence.database import copy_rows
from service_kit.persistence.statements import Statement, together, values_together


class Execute(NamedTuple):
    """A statement with its values."""

    statement: Statement
    values: dict[str, Any]


class Copy(NamedTuple):
    """Rows that are only added."""

    table: str
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


WriteStep = Execute | Copy

COPY_FROM = 200
"""Rows from which COPY is faster than one INSERT over arrays."""


async def run(conn: AsyncConnection, steps: Iterable[WriteStep]) -> None:
    """Write in the order given; neighbours that change different tables in one statement."""
    concurrent: dict[str, Execute] = {}
    for step in steps:
        changes = step.statement.changes if isinstance(step, Execute) else None
        if changes is None or changes in concurrent:
            await _run_together(conn, list(concurrent.values()))
            concurrent.clear()
        if isinstance(step, Copy):
            await copy_rows(conn, step.table, step.columns, step.rows)
        elif changes is None:
            await step.statement.within(conn, step.values)
        else:
            concurrent[changes] = step
    await _run_together(conn, list(concurrent.values()))


async def _run_together(conn: AsyncConnection, steps: Sequence[Execute]) -> None:
    if len(steps) > 1:
        statement = together(*[step.statement for step in steps])
        await statement.within(conn, values_together([step.values for step in steps]))
    elif steps:
        await steps[0].statement.within(conn, steps[0].values)
