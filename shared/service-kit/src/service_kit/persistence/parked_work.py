"""Parked work: an order or a SKU that a background task cannot work on is set aside, and the others go on.

It is tried again by itself, ever less often, and whenever an operator asks for it.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.persistence.database import Database
from service_kit.persistence.storable_error import storable_error

PARKED_WORK = Gauge("parked_work", "Orders and SKUs that a background task has set aside", ["task"])

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
MOST_DUE = 100
"""Items of a task that are due at once; more have to wait for a later round, so that no transaction grows with them."""

_SET_ASIDE = text(
    """
    SELECT item, next_attempt_at <= now() AND row_number() OVER (ORDER BY next_attempt_at, item) <= :most AS due
    FROM parked_work WHERE task = :task
    """
)
_PARK = text(
    """
    INSERT INTO parked_work (task, item, error, attempts, next_attempt_at)
    VALUES (:task, :item, :error, 1, now() + make_interval(secs => :pause))
    ON CONFLICT (task, item) DO UPDATE SET
        error = excluded.error, attempts = parked_work.attempts + 1,
        next_attempt_at = now() + make_interval(secs => least(:longest, :pause * 2 ^ least(parked_work.attempts, 16)))
    """
)
_RELEASE = text("DELETE FROM parked_work WHERE task = :task AND item = ANY (CAST(:items AS text[]))")
_COUNT = text("SELECT task, count(*) AS items FROM parked_work GROUP BY task")
_LIST = text(
    """
    SELECT task, item, parked_at, attempts, next_attempt_at, error FROM parked_work
    WHERE (task, item) > (:after_task, :after_item) ORDER BY task, item LIMIT :limit
    """
)
_RETRY = text(
    """
    UPDATE parked_work SET next_attempt_at = now()
    WHERE task = coalesce(CAST(:task AS text), task) AND item = coalesce(CAST(:item AS text), item)
    """
)


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """One item of one task, and when it is tried again."""

    task: str
    item: str
    parked_at: datetime
    attempts: int
    next_attempt_at: datetime
    error: str


class SetAside(NamedTuple):
    """The items of one task that are not to be tried yet, and those that are to be tried again now."""

    held: frozenset[str]
    due: frozenset[str]


class ParkedWork:
    """What the background tasks of one service have set aside; every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_aside(self, task: str) -> SetAside:
        """What the task has set aside. Of what is due at most 100 items, the longest due ones; the others are held."""
        async with self._database.reading() as conn:
            rows = (await conn.execute(_SET_ASIDE, {"task": task, "most": MOST_DUE})).all()
        due = frozenset(row.item for row in rows if row.due)
        return SetAside(frozenset(row.item for row in rows) - due, due)

    async def park(self, task: str, item: str, error: BaseException) -> None:
        """Set an item aside: for about a minute, and each time for twice as long, up to an hour."""
        async with self._database.transaction() as conn:
            await park_item(conn, task, item, error)
        await self.measure()

    async def release(self, task: str, items: Collection[str]) -> None:
        """These were worked on: nothing is wrong with them any more."""
        if items:
            async with self._database.transaction() as conn:
                await conn.execute(_RELEASE, {"task": task, "items": sorted(items)})
            await self.measure()

    async def database_responds(self) -> bool:
        """Whether the database has time for anybody."""
        return await self._database.responds()

    async def measure(self) -> dict[str, int]:
        """Bring the metric up to date; the number of parked items per task."""
        async with self._database.reading() as conn:
            counts = {row.task: int(row.items) for row in await conn.execute(_COUNT)}
        for labels in [one.samples for one in PARKED_WORK.collect()]:
            for sample in labels:
                PARKED_WORK.labels(sample.labels["task"]).set(0)
        for task, items in counts.items():
            PARKED_WORK.labels(task).set(items)
        return counts

    async def list_items(self, limit: int = 50, after: tuple[str, str] = ("", "")) -> list[ParkedItem]:
        """Parked items in order of task and item, from behind ``after``."""
        async with self._database.reading() as conn:
            rows = await conn.execute(_LIST, {"limit": limit, "after_task": after[0], "after_item": after[1]})
            return [ParkedItem(*row) for row in rows]

    async def retry(self, task: str | None = None, item: str | None = None) -> int:
        """Have one item, those of one task, or all tried again in the next round of their tasks; how many those are."""
        async with self._database.transaction() as conn:
            return int((await conn.execute(_RETRY, {"task": task, "item": item})).rowcount)


async def park_item(conn: AsyncConnection, task: str, item: str, error: BaseException) -> None:
    """Set an item aside in a transaction that also marks it."""
    # Uneven, so that what was parked together is not tried again together.
    pause = FIRST_PAUSE * random.uniform(0.75, 1.25)  # noqa: S311
    values = {"task": task, "item": item, "error": storable_error(error), "pause": pause, "longest": LONGEST_PAUSE}
    await conn.execute(_PARK, values)
