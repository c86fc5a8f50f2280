"""The allocation store of one transaction on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lending import loan_reads
from allocation_service.adapters.queue import queue_reads, unindexed_queue
from allocation_service.adapters.queue.long_queue import SqlLongQueue
from allocation_service.adapters.store import (
    policy_inputs,
    promise_revisions,
    session_reads,
    session_writes,
    sku_merges,
)
from allocation_service.adapters.store.worker_thread import in_thread
from allocation_service.adapters.store.write_plan import WriteStep, run
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.ports import FoundSkus, MovedLine
from allocation_service.domain.allocating.ship_complete import Solver
from allocation_service.domain.promising.promise_revision import Revision
from allocation_service.domain.supply.sku import Sku
from event_contracts.fast_encoding import IntegrationEvent
from service_kit.messaging import outbox
from service_kit.persistence.parked_work import park_item
from service_kit.persistence.statements import Statement

T = TypeVar("T")

_SKUS_OF_ORDERS = Statement("SELECT DISTINCT sku FROM demand WHERE order_id = ANY(CAST(:ids AS text[]))")
_UNDECIDED = Statement("SELECT DISTINCT order_id FROM demand WHERE sku = ANY(CAST(:skus AS text[])) AND undecided > 0")
_LOCK_ORDERS = Statement(
    "SELECT count(*) FROM (SELECT 1 FROM customer_order WHERE order_id = ANY(CAST(:ids AS text[]))"
    " ORDER BY order_id FOR UPDATE) AS locked"
)
_OLDEST_DEFERRED_ORDERS = Statement(
    "SELECT order_id FROM recheck WHERE NOT parked AND order_id <> ALL (CAST(:without AS text[]))"
    " ORDER BY id LIMIT :limit"
)
_SET_ASIDE = Statement(
    """
    WITH marked AS (UPDATE recheck SET parked = true WHERE order_id = :order_id RETURNING order_id)
    DELETE FROM recheck_sku USING marked WHERE recheck_sku.order_id = marked.order_id
    """
)
_TAKE_UP = Statement(
    """
    WITH marked AS (
        UPDATE recheck SET parked = false
        WHERE order_id = ANY (CAST(:order_ids AS text[])) AND parked RETURNING order_id
    )
    INSERT INTO recheck_sku (sku, order_id)
    SELECT DISTINCT line.sku, line.order_id FROM marked JOIN demand AS line USING (order_id) ON CONFLICT DO NOTHING
    """
)


class PreparedSession(NamedTuple):
    """What stores a session: its rows, the orders to lock, then the outbox rows of its events."""

    steps: list[WriteStep]
    lock: list[str]
    outbox_rows: list[outbox.Prepared]


class SqlAllocationStore:
    """Reads and writes on the connection's transaction; ``now`` is this worker's clock at its beginning."""

    def __init__(self, conn: AsyncConnection, now: datetime | None = None) -> None:
        self._conn = conn
        self._now = now or datetime.now(UTC)

    async def skus_of_orders(self, order_ids: Collection[str]) -> set[str]:
        return {row[0] for row in await _SKUS_OF_ORDERS.within(self._conn, {"ids": list(order_ids)})}

    async def find_skus(self, order_ids: Collection[str], names: Collection[str]) -> FoundSkus:
        return await sku_merges.find_skus(self._conn, order_ids, names)

    async def lock_names(self, skus: Iterable[str]) -> None:
        await session_reads.lock_names(self._conn, list(skus))

    async def merge_skus(self, sku: str, merged: Sequence[str], open_lines: Collection[str]) -> None:
        await sku_merges.merge_skus(self._conn, sku, merged, open_lines)

    async def lock_skus(self, session: AllocationSession, skus: Iterable[str], po_lines: Collection[str]) -> None:
        await session_reads.lock_skus(self._conn, session, list(skus), list(po_lines), self._now)

    async def peek_skus(self, skus: Iterable[str], now: datetime | None = None) -> dict[str, Sku]:
        return await session_reads.peek_skus(self._conn, skus, now, self._now)

    async def reload_policies(self, session: AllocationSession, skus: Collection[str]) -> None:
        await session_reads.reload_policies(self._conn, session, skus)

    async def load_orders(self, session: AllocationSession, order_ids: Collection[str]) -> None:
        await session_reads.load_orders(self._conn, session, order_ids)

    async def load_queues(self, session: AllocationSession, reach: Mapping[str, int]) -> None:
        await queue_reads.load_queues(self._conn, session, reach)

    async def load_unindexed_queue(
        self, session: AllocationSession, sku: str, now: datetime, lines: int | None, reach: int
    ) -> None:
        await unindexed_queue.load_unindexed_queue(self._conn, session, sku, now, lines=lines, reach=reach)

    async def waits_outside(self, sku: str, outlets: Mapping[str, Collection[str]], units: int) -> bool:
        return await policy_inputs.waits_outside(self._conn, sku, outlets, units)

    async def load_holdings(self, session: AllocationSession, sku: str, location: str, limit: int) -> None:
        await queue_reads.load_holdings(self._conn, session, sku, location, limit)

    async def undecided_orders(self, session: AllocationSession, skus: Collection[str]) -> None:
        rows = await _UNDECIDED.within(self._conn, {"skus": list(skus)})
        await session_reads.load_orders(self._conn, session, [row[0] for row in rows])

    async def lock_orders(self, order_ids: Iterable[str]) -> None:
        ids = list(order_ids)
        if ids:
            await _LOCK_ORDERS.within(self._conn, {"ids": ids})

    def prepare(self, session: AllocationSession, lock: Sequence[str]) -> PreparedSession:
        events = outbox.prepare(session.unwritten.events)
        return PreparedSession(list(session_writes.steps_of(session)), list(lock), events)

    async def write_and_publish(self, prepared: PreparedSession) -> None:
        await run(self._conn, prepared.steps)
        await self.lock_orders(prepared.lock)
        await outbox.store(self._conn, prepared.outbox_rows)

    async def open_long_queue(self, session: AllocationSession, sku: str, units: int) -> SqlLongQueue:
        return await SqlLongQueue.open(self._conn, session, sku, units)

    async def load_loans(self, session: AllocationSession, sku: str) -> None:
        await loan_reads.load_loans(self._conn, session, sku)

    async def load_evidence(self, session: AllocationSession, supplier: str, lead_days: int, today: date) -> None:
        await loan_reads.load_evidence(self._conn, session, supplier, lead_days, today)

    async def load_urgent(self, session: AllocationSession, sku: str, before: date, limit: int) -> None:
        await loan_reads.load_urgent(self._conn, session, sku, before, limit)

    async def find_lenders(self, session: AllocationSession, sku: str, after: date, limit: int) -> Collection[str]:
        return await loan_reads.find_lenders(self._conn, session, sku, after, limit)

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await in_thread(self._conn, work)

    def solver(self) -> Solver:
        # Imported by whoever needs it: the solver's libraries take as much memory as the service.
        from allocation_service.adapters.milp_solver import solve  # noqa: PLC0415

        return solve

    async def revise_promises(self, revision: Revision, gained: int | None = None) -> Sequence[MovedLine]:
        return await promise_revisions.revise_promises(self._conn, revision, gained)

    async def move_allocated(self, revision: Revision, day: date) -> Sequence[MovedLine]:
        return await promise_revisions.move_allocated(self._conn, revision, day)

    async def first_unbacked(self, skus: Collection[str]) -> Mapping[str, int]:
        return await promise_revisions.first_unbacked(self._conn, skus)

    async def oldest_deferred_orders(self, limit: int, without: Collection[str] = ()) -> list[str]:
        values = {"limit": limit, "without": list(without)}
        return [row[0] for row in await _OLDEST_DEFERRED_ORDERS.within(self._conn, values)]

    async def set_deferred_order_aside(self, order_id: str, task: str, error: BaseException) -> None:
        await park_item(self._conn, task, order_id, error)
        await _SET_ASIDE.within(self._conn, {"order_id": order_id})

    async def take_up_deferred_orders(self, order_ids: Collection[str]) -> None:
        await _TAKE_UP.within(self._conn, {"order_ids": list(order_ids)})

    async def open_deferred_orders(self, session: AllocationSession, order_ids: Sequence[str]) -> list[str]:
        return await session_reads.open_deferred_orders(self._conn, session, order_ids, self._now)

    async def publish(self, events: Sequence[IntegrationEvent]) -> None:
        await outbox.publish(self._conn, events)
