"""Waiting for orders to change, with one query for all who wait.

One loop reads the versions of all watched orders at once: every 50 ms while somebody waits for allocation's answer,
and every 250 ms while there are only live streams. A change that this process makes ends the pause at once; one that
another process makes, such as a worker's if API and worker run apart, is found at the next look. So there is neither
a query for each waiter nor LISTEN/NOTIFY.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from order_service.application.ports import OrderUnitOfWork
from order_service.application.queries import OrderVersion
from service_kit.persistence.unit_of_work import UnitOfWorkFactory

_ALLOCATION_SECONDS = 0.05
_STREAM_SECONDS = 0.25
_AFTER_FAILURE_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _WaitingRequest:
    order_id: str
    is_satisfied: Callable[[OrderVersion], bool]
    urgent: bool
    woken: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class PollingOrderWatch:
    """`OrderWatch` that polls the database while anybody waits."""

    def __init__(self, units: UnitOfWorkFactory[OrderUnitOfWork]) -> None:
        self._units = units
        self._waiting_requests: set[_WaitingRequest] = set()
        self._polling: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait at the moment."""
        return len(self._waiting_requests)

    @property
    def polls(self) -> bool:
        """Whether the database is being polled."""
        return self._polling is not None and not self._polling.done()

    async def answered(self, order_id: str, sequence: int, timeout: float) -> bool:
        """See OrderWatch."""
        return await self._wait(_WaitingRequest(order_id, lambda now: now.answered >= sequence, urgent=True), timeout)

    async def changed(self, order_id: str, version: int, timeout: float) -> bool:
        """See OrderWatch."""
        return await self._wait(_WaitingRequest(order_id, lambda now: now.version > version, urgent=False), timeout)

    def wake(self, order_ids: Collection[str]) -> None:
        """See OrderWatch."""
        if any(waiting_request.order_id in order_ids for waiting_request in self._waiting_requests):
            self._look_now.set()

    async def _wait(self, waiting_request: _WaitingRequest, timeout: float) -> bool:
        self._waiting_requests.add(waiting_request)
        self._look_now.set()
        if not self.polls:
            self._polling = asyncio.create_task(self._poll(), name="order-watch")
        try:
            async with asyncio.timeout(timeout):
                await waiting_request.woken
        except TimeoutError:
            return False
        finally:
            self._waiting_requests.discard(waiting_request)
        return True

    async def _poll(self) -> None:
        while self._waiting_requests:
            self._look_now.clear()
            try:
                await self._look()
            except Exception as error:
                # Waiting is a convenience: whoever waits gets the order as it is when the time is up.
                log.warning("order_watch_failed", error_type=type(error).__name__)
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            pause = (
                _ALLOCATION_SECONDS if any(request.urgent for request in self._waiting_requests) else _STREAM_SECONDS
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), pause)

    async def _look(self) -> None:
        watched = sorted({waiting_request.order_id for waiting_request in self._waiting_requests})
        if not watched:
            return
        async with self._units.reading() as uow:
            versions = await uow.queries.versions(watched)
        for waiting_request in list(self._waiting_requests):
            version = versions.get(waiting_request.order_id)
            if version is not None and waiting_request.is_satisfied(version) and not waiting_request.woken.done():
                waiting_request.woken.set_result(None)
