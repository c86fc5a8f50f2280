"""Statements over many rows at once: one array parameter for each column, one statement for each batch.

A set of rows is described by its columns with their PostgreSQL types. The statement is composed from them once, when
the module is loaded; ``arrays`` gives the parameters of each execution. ::

    LEVELS: Columns = (("sku", "text"), ("on_hand", "bigint"))
    SAVE = Statement(f"UPDATE level SET {assignments(LEVELS[1:], 'new')} FROM {unnest(LEVELS, 'new')} WHERE …")
    await SAVE.within(conn, arrays(LEVELS, [("lamp", 3), ("chair", 0)]))

Names of columns and types are written into the statement as they are: they come from the program, never from callers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

Columns = Sequence[tuple[str, str]]
"""Column names with their PostgreSQL types."""


def names(columns: Columns) -> str:
    """The columns' names, as a column list."""
    return ", ".join(name for name, _ in columns)


def unnest(columns: Columns, alias: str, prefix: str = "", *, position: bool = False) -> str:
    """The rows as a table: ``unnest(…) AS alias (columns)``, over one array parameter for each column.

    A parameter has the name of its column with ``prefix`` before it. Values of ``jsonb`` columns are JSON texts. With
    ``position`` the table has a last column of that name, which counts the rows from 1 in the order given.
    """
    parameters = ", ".join(f"CAST(:{prefix}{name} AS {_sent_as(kind)}[])" for name, kind in columns)
    ordinality, last = (" WITH ORDINALITY", ", position") if position else ("", "")
    if all(_sent_as(kind) == kind for _, kind in columns):
        return f"unnest({parameters}){ordinality} AS {alias} ({names(columns)}{last})"
    rows = f"unnest({parameters}){ordinality} AS row ({names(columns)}{last})"
    return f"(SELECT {_received(columns)}{last} FROM {rows}) AS {alias}"


def arrays(columns: Columns, rows: Iterable[Sequence[Any]], prefix: str = "") -> dict[str, list[Any]]:
    """The parameters of ``unnest`` for these rows; empty arrays for no rows.

    ValueError for rows that have more or fewer values than there are columns.
    """
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    return {f"{prefix}{name}": list(column) for (name, _), column in zip(columns, values, strict=True)}


def assignments(columns: Columns, source: str) -> str:
    """The list of a ``SET``: each column as ``source`` (such as the alias of ``unnest``) has it."""
    return ", ".join(f"{name} = {source}.{name}" for name, _ in columns)


def insert(table: str, columns: Columns, rest: str = "") -> str:
    """``INSERT INTO table`` of the rows that ``arrays`` gives, then ``rest``, such as an ``ON CONFLICT``."""
    return (
        f"INSERT INTO {table} ({names(columns)}) SELECT {names(columns)} FROM {unnest(columns, 'new')} {rest}".rstrip()
    )


def or_update(columns: Columns, key: int) -> str:
    """The rest of an ``insert`` that updates rows already there; the first ``key`` columns identify a row."""
    return f"ON CONFLICT ({names(columns[:key])}) DO UPDATE SET {assignments(columns[key:], 'excluded')}"


def recordset(columns: Columns, alias: str, parameter: str) -> str:
    """The rows as a table, from one parameter: the JSON document that ``documents`` gives.

    The driver checks and packs each element of each array. For many columns and few rows one document takes it half
    the time.
    """
    typed = ", ".join(f"{name} {_sent_as(kind)}" for name, kind in columns)
    document = f"CAST(CAST(:{parameter} AS text) AS json)"
    return f"(SELECT {_received(columns)} FROM json_to_recordset({document}) AS row ({typed})) AS {alias}"


def documents(columns: Columns, rows: Iterable[Sequence[Any]]) -> str:
    """The parameter of ``recordset`` for these rows; values of ``jsonb`` columns are JSON texts.

    ValueError for a row that has more or fewer values than there are columns.
    """
    keys = [name for name, _ in columns]
    return orjson.dumps([dict(zip(keys, row, strict=True)) for row in rows]).decode()


def _sent_as(kind: str) -> str:
    """JSON is sent as text: the driver would call a function of its codec for each value."""
    return "text" if kind == "jsonb" else kind


def _received(columns: Columns) -> str:
    """The columns of rows as they were sent, cast to their types."""
    return ", ".join(name if _sent_as(kind) == kind else f"CAST({name} AS {kind}) AS {name}" for name, kind in columns)
