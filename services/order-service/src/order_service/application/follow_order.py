"""Use cases: read an order's history, and follow it as it grows."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence

from order_service.application.ports import OrderUnitOfWork, OrderWatch
from order_service.application.queries import RecordedEntry, Visibility
from service_kit.commands.execute import read
from service_kit.persistence.unit_of_work import UnitOfWorkFactory

_READ_AT_ONCE = 200
"""Entries that a follower reads at once."""


async def find_history(
    uow: OrderUnitOfWork, order_id: str, visibility: Visibility, *, after: int, limit: int
) -> Sequence[RecordedEntry]:
    """At most ``limit`` history entries with a version above ``after``, oldest first; see `OrderQueries.history`."""
    return await uow.queries.history(order_id, visibility, after=after, limit=limit)


async def follow_order(
    units: UnitOfWorkFactory[OrderUnitOfWork],
    watch: OrderWatch,
    order_id: str,
    visibility: Visibility,
    *,
    after: int,
    seconds: float,
) -> AsyncGenerator[RecordedEntry, None]:
    """History entries with a version above ``after``, then each new one as it comes, until ``seconds`` have passed."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        entries = await read(units, find_history, order_id, visibility, after=after, limit=_READ_AT_ONCE)
        for recorded in entries:
            after = recorded.entry.version
            yield recorded
        if len(entries) < _READ_AT_ONCE:
            await watch.changed(order_id, after, left)
