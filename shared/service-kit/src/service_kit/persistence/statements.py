"""Statements for the driver itself, for code that runs for every event.

Through SQLAlchemy a statement costs eight times as much processor time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""As SQLAlchemy's ``text`` has it."""


class Statement:
    """A statement with parameters written ``:name``.

    A parameter is cast (``CAST(:name AS bigint)``) wherever PostgreSQL cannot infer its type. Errors are the driver's
    own.

    ``changes`` names the table whose rows the statement adds, changes or drops by key, if it does nothing else and
    reads no other table: several such statements about different tables may be run as one, see ``together``.
    """

    def __init__(self, sql: str, *, changes: str | None = None) -> None:
        self.sql, self.changes = sql, changes
        self._names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        self._sql = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", sql)

    def renamed(self, prefix: str) -> str:
        """The statement's text with ``prefix`` before the name of each parameter."""
        return _PARAMETER.sub(lambda found: f":{prefix}{found[1]}", self.sql)

    async def rows(self, driver: Any, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Run it on the driver's connection; returns its rows, whose columns have names and numbers.

        KeyError for a parameter that is missing.
        """
        rows: Sequence[Any] = await driver.fetch(self._sql, *[parameters[name] for name in self._names])
        return rows

    async def within(self, conn: AsyncConnection, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Run it in the connection's transaction, as ``rows`` does."""
        return await self.rows(await driver_within(conn), parameters)


@lru_cache(maxsize=500)
def together(*statements: Statement) -> Statement:
    """Changes of different tables as one statement, which takes one round trip. It returns no rows.

    The parameters of the first statement are called ``s0_...``, those of the second ``s1_...``, and so on: see
    ``values_together``. Every statement sees the tables as they were before all of them.
    """
    parts = ", ".join(f"s{number} AS ({one.renamed(f's{number}_')})" for number, one in enumerate(statements))
    return Statement(f"WITH {parts} SELECT WHERE false")


def values_together(values: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters for ``together``, in the order of its statements."""
    return {f"s{number}_{name}": value for number, each in enumerate(values) for name, value in each.items()}


async def driver_within(conn: AsyncConnection) -> Any:
    """The driver's connection below ``conn``, in the transaction that ``conn`` is in."""
    driver: Any = (await conn.get_raw_connection()).driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins a transaction at its first statement, and does not see the driver's own.
        await conn.execute(text("SELECT 1"))
    return driver
