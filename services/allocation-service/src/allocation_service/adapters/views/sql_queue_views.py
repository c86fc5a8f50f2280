"""Queues, and the lines that wait in them, as they are read to be shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.priority_bands import key_of
from allocation_service.adapters.queue.unindexed_page import has_index, unindexed_page
from allocation_service.adapters.store.reason_columns import reason_of
from allocation_service.adapters.views import queries, queue_positions
from allocation_service.application.decisions.decision_records import IndexedQueue, LineRow, QueueEntry, SortedEntries
from allocation_service.domain.decisions.queue_position import Ahead, Missing, PromisedClaim
from allocation_service.domain.policies.policy import Key, Moment, Policy
from allocation_service.domain.supply.sku import Sku


class SqlQueueViews:
    """Implements QueueViews on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    def is_indexed(self, policy: Policy) -> bool:
        """See QueueViews."""
        return has_index(policy)

    def indexed_key(self, entry: QueueEntry, queue: IndexedQueue) -> tuple[Any, ...]:
        """See QueueViews."""
        return key_of(entry, queue.sort, queue.protection)

    async def indexed_page(self, queue: IndexedQueue, after: tuple[Any, ...] | None, limit: int) -> list[QueueEntry]:
        """See QueueViews."""
        return [_entry(row) for row in await queries.queue_page(self._conn, queue, after, limit)]

    async def indexed_ahead(self, entry: QueueEntry, queue: IndexedQueue) -> int:
        """See QueueViews."""
        return (await queries.ahead_of(self._conn, entry, queue)).lines

    async def unindexed_page(
        self, sku: str, policy: Policy, moment: Moment, *, after: Key | None, limit: int
    ) -> SortedEntries:
        """See QueueViews."""
        found = await unindexed_page(self._conn, sku, policy, moment, after=after, limit=limit)
        return SortedEntries([_entry(row) for row in found.rows], found.keys, found.more, found.ahead)

    async def entries_of_order(self, order_id: str) -> list[QueueEntry]:
        """See QueueViews."""
        return [_entry(row) for row in await queries.entries_of_order(self._conn, order_id)]

    async def line(self, line_id: str) -> LineRow | None:
        """See QueueViews."""
        row = await queue_positions.line(self._conn, line_id)
        if row is None:
            return None
        columns = dict(row._mapping)
        reason = reason_of(columns.pop("reason"), columns.pop("reason_code"), columns.pop("reason_parameters"))
        return LineRow(reason=reason, **columns)

    async def places(self, line_id: str) -> list[QueueEntry]:
        """See QueueViews."""
        return [_entry(row) for row in await queue_positions.places(self._conn, line_id)]

    async def other_waiting_lines(self, order_id: str, line_id: str) -> list[Missing]:
        """See QueueViews."""
        rows = await queue_positions.other_waiting_lines(self._conn, order_id, line_id)
        return [Missing(row.line_id, row.sku, row.units, row.promise_date) for row in rows]

    async def promised_before(self, place: QueueEntry, sku: Sku) -> PromisedClaim:
        """See QueueViews."""
        return await queue_positions.promised_before(self._conn, place, sku)

    async def ahead(self, place: QueueEntry, sku: Sku, moment: Moment) -> Ahead:
        """See QueueViews."""
        return await queue_positions.ahead(self._conn, place, sku, moment)


def _entry(row: Any) -> QueueEntry:
    columns = row._mapping
    return QueueEntry(**{name: columns[name] for name in QueueEntry._fields if name in columns})
