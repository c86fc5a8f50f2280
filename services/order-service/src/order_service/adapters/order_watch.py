"""Waiting for an order to change, without a query a waiter and without LISTEN/NOTIFY.

One loop reads the versions of all watched orders in a single indexed query, every 50 ms while
somebody waits for an answer and every 250 ms for live streams only. The consumer nudges it when it
runs in the same process; api and worker apart, the polling finds the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import text

from service_kit.persistence.database import Database

_VERSIONS = text(
    "SELECT order_id, version, answered FROM customer_order WHERE order_id = ANY(CAST(:order_ids AS text[]))"
)
_ANSWER_SECONDS = 0.05
_STREAM_SECONDS = 0.25
_COMMIT_SECONDS = 0.005
"""A handler nudges just before its commit: look a moment later."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Waiter:
    order_id: str
    satisfied: Callable[[int, int], bool]
    urgent: bool
    woken: asyncio.Future[None]


class OrderWatch:
    """Wakes those who wait for an order of this database to move on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiters: set[_Waiter] = set()
        self._polling: asyncio.Task[None] | None = None
        self._soon = asyncio.Event()

    async def answered(self, order_id: str, sequence: int, timeout: float) -> bool:
        """Wait until allocation has answered ``sequence`` for every line; False after ``timeout`` seconds."""
        return await self._wait(order_id, lambda _, answered: answered >= sequence, timeout, urgent=True)

    async def changed(self, order_id: str, version: int, timeout: float) -> bool:
        """Wait until the order is newer than ``version``; False after ``timeout`` seconds."""
        return await self._wait(order_id, lambda now, _: now > version, timeout, urgent=False)

    def nudge(self, order_ids: Collection[str]) -> None:
        """These orders change with the commit that is about to be made: look soon."""
        if any(waiter.order_id in order_ids for waiter in self._waiters):
            asyncio.get_running_loop().call_later(_COMMIT_SECONDS, self._soon.set)

    async def _wait(
        self, order_id: str, satisfied: Callable[[int, int], bool], timeout: float, *, urgent: bool
    ) -> bool:
        waiter = _Waiter(order_id, satisfied, urgent, asyncio.get_running_loop().create_future())
        self._waiters.add(waiter)
        self._soon.set()
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll(), name="order-watch")
        try:
            async with asyncio.timeout(timeout):
                await waiter.woken
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True

    async def _poll(self) -> None:
        while self._waiters:
            self._soon.clear()
            try:
                await self._look()
            except Exception as error:
                # Waiting is a convenience: whoever waits gets what is there when the time is up.
                log.warning("order_watch_failed", error_type=type(error).__name__)
                await asyncio.sleep(1)
            pause = _ANSWER_SECONDS if any(waiter.urgent for waiter in self._waiters) else _STREAM_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), pause)

    async def _look(self) -> None:
        watched = sorted({waiter.order_id for waiter in self._waiters})
        if not watched:
            return
        async with self._database.reading() as conn:
            rows = (await conn.execute(_VERSIONS, {"order_ids": watched})).all()
        found = {row.order_id: (row.version, row.answered) for row in rows}
        for waiter in list(self._waiters):
            figures = found.get(waiter.order_id)
            if figures is not None and waiter.satisfied(*figures) and not waiter.woken.done():
                waiter.woken.set_result(None)
