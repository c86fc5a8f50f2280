"""What an invariant is, and the reading of the system that its check works on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backorder_local.running import RunningSystem

Offender = Mapping[str, object]
"""One row that breaks an invariant, as shown to a person."""

_PREFETCH = 5_000


class Reading:
    """Read-only connections to the four databases, each in one snapshot.

    The snapshots are taken one after the other: what the checks compare stands still only at rest.
    """

    def __init__(self, system: RunningSystem, *, topic_prefix: str = "", inbox_horizon: datetime | None = None) -> None:
        self.bootstrap = system.kafka_bootstrap
        self.topic_prefix = topic_prefix
        self.inbox_horizon = inbox_horizon
        """What was written before has been forgotten by the inboxes; None: nothing is forgotten."""
        self._urls = dict(system.database_urls)
        self._connections: dict[str, asyncpg.Connection] = {}

    async def __aenter__(self) -> Reading:
        try:
            for service, url in self._urls.items():
                connection = await asyncpg.connect(url, server_settings={"application_name": "backorder-check"})
                self._connections[service] = connection
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()

    def url(self, service: str) -> str:
        """Address of a service's database."""
        return self._urls[service]

    @asynccontextmanager
    async def now(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection without a snapshot, for what must be looked at again and again."""
        url = self._urls[service]
        connection = await asyncpg.connect(url, server_settings={"default_transaction_read_only": "on"})
        try:
            yield connection
        finally:
            await connection.close()

    async def rows(self, service: str, query: str, *values: object) -> AsyncIterator[asyncpg.Record]:
        """Stream the rows of a query in one service's database."""
        async for record in self._connections[service].cursor(query, *values, prefetch=_PREFETCH):
            yield record


Check = Callable[[Reading], AsyncIterator[Offender]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A statement that must hold at rest; `check` yields what breaks it."""

    name: str
    statement: str
    check: Check


def in_one_database(service: str, query: str) -> Check:
    """A check whose query returns the offending rows."""

    async def check(reading: Reading) -> AsyncIterator[Offender]:
        async for row in reading.rows(service, query):
            yield dict(row)

    return check


def the_same(
    left: tuple[str, str], right: tuple[str, str], *, key: Sequence[str], names: tuple[str, str] | None = None
) -> Check:
    """A check that two (service, query) return the same rows.

    Both queries must order by `key` (text in byte order: `COLLATE "C"`) and return the same columns. The
    streams are merged, so that memory does not grow with the number of rows.
    """
    left_name, right_name = names or (left[0], right[0])

    async def check(reading: Reading) -> AsyncIterator[Offender]:
        lefts, rights = reading.rows(*left), reading.rows(*right)
        a, b = await anext(lefts, None), await anext(rights, None)
        while a is not None or b is not None:
            a_key = None if a is None else tuple(_sortable(a[column]) for column in key)
            b_key = None if b is None else tuple(_sortable(b[column]) for column in key)
            if b_key is None or (a_key is not None and a_key < b_key):
                yield {**_named(a, key), "missing_at": right_name, left_name: _rest(a, key)}
                a = await anext(lefts, None)
            elif a_key is None or b_key < a_key:
                yield {**_named(b, key), "missing_at": left_name, right_name: _rest(b, key)}
                b = await anext(rights, None)
            else:
                if tuple(a or ()) != tuple(b or ()):
                    yield {**_named(a, key), **_differences(a, b, key, left_name, right_name)}
                a, b = await anext(lefts, None), await anext(rights, None)

    return check


def _sortable(value: object) -> object:
    return value.encode() if isinstance(value, str) else value


def _named(row: asyncpg.Record | None, key: Sequence[str]) -> dict[str, object]:
    return {column: row[column] for column in key} if row is not None else {}


def _rest(row: asyncpg.Record | None, key: Sequence[str]) -> dict[str, object]:
    return {column: value for column, value in row.items() if column not in key} if row is not None else {}


def _differences(a: asyncpg.Record, b: asyncpg.Record, key: Sequence[str], left: str, right: str) -> dict[str, object]:
    return {
        f"{column} at {side}": row[column]
        for column in a.keys()  # noqa: SIM118 - a record is no mapping
        if column not in key and a[column] != b[column]
        for side, row in ((left, a), (right, b))
    }
