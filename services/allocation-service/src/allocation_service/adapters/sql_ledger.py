"""The ledger of one transaction on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters import loan_reads, policy_inputs, queue_reads, ranked_queue, reads, revisions, writes
from allocation_service.adapters.beside import in_thread
from allocation_service.adapters.long_queue import LongQueue
from allocation_service.adapters.steps import Step, run
from allocation_service.application.answer import Answer
from allocation_service.application.book import Book
from allocation_service.application.ports import MovedLine
from allocation_service.domain.completing import Solver
from allocation_service.domain.promising import Revision
from service_kit import outbox
from service_kit.statements import Statement

T = TypeVar("T")

_SKUS_OF_ORDERS = Statement("SELECT DISTINCT sku FROM demand WHERE order_id = ANY(CAST(:ids AS text[]))")
_UNDECIDED = Statement("SELECT DISTINCT order_id FROM demand WHERE sku = ANY(CAST(:skus AS text[])) AND undecided > 0")
_LOCK_ORDERS = Statement(
    "SELECT count(*) FROM (SELECT 1 FROM customer_order WHERE order_id = ANY(CAST(:ids AS text[]))"
    " ORDER BY order_id FOR UPDATE) AS locked"
)
_OLDEST_RECHECKS = Statement("SELECT order_id FROM recheck ORDER BY id LIMIT :limit")


class PreparedBook(NamedTuple):
    """What stores a book: its rows, the orders to lock, then the outbox rows of its events."""

    steps: list[Step]
    lock: list[str]
    rows: list[outbox.Prepared]


class SqlLedger:
    """Reads and writes on the connection's transaction; holds no state of its own."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def skus_of_orders(self, order_ids: Collection[str]) -> set[str]:
        return {row[0] for row in await _SKUS_OF_ORDERS.within(self._conn, {"ids": list(order_ids)})}

    async def lock_skus(self, book: Book, skus: Iterable[str], po_lines: Collection[str]) -> None:
        await reads.lock_skus(self._conn, book, list(skus), list(po_lines))

    async def reload_policies(self, book: Book, skus: Collection[str]) -> None:
        await reads.reload_policies(self._conn, book, skus)

    async def load_orders(self, book: Book, order_ids: Collection[str]) -> None:
        await reads.load_orders(self._conn, book, order_ids)

    async def load_queues(self, book: Book, reach: Mapping[str, int]) -> None:
        await queue_reads.load_queues(self._conn, book, reach)

    async def load_ranked_queue(self, book: Book, sku: str, now: datetime, lines: int | None, reach: int) -> None:
        await ranked_queue.load_ranked_queue(self._conn, book, sku, now, lines=lines, reach=reach)

    async def waits_outside(self, sku: str, outlets: Mapping[str, Collection[str]], units: int) -> bool:
        return await policy_inputs.waits_outside(self._conn, sku, outlets, units)

    async def load_holdings(self, book: Book, sku: str, location: str, limit: int) -> None:
        await queue_reads.load_holdings(self._conn, book, sku, location, limit)

    async def undecided_orders(self, book: Book, skus: Collection[str]) -> None:
        rows = await _UNDECIDED.within(self._conn, {"skus": list(skus)})
        await reads.load_orders(self._conn, book, [row[0] for row in rows])

    async def lock_orders(self, order_ids: Iterable[str]) -> None:
        ids = list(order_ids)
        if ids:
            await _LOCK_ORDERS.within(self._conn, {"ids": ids})

    def prepare(self, book: Book, lock: Sequence[str]) -> PreparedBook:
        return PreparedBook(list(writes.steps_of(book)), list(lock), outbox.prepare(book.events))

    async def store(self, prepared: PreparedBook) -> None:
        await run(self._conn, prepared.steps)
        await self.lock_orders(prepared.lock)
        await outbox.store(self._conn, prepared.rows)

    async def open_long_queue(self, book: Book, sku: str, units: int) -> LongQueue:
        return await LongQueue.open(self._conn, book, sku, units)

    async def load_loans(self, book: Book, sku: str) -> None:
        await loan_reads.load_loans(self._conn, book, sku)

    async def load_evidence(self, book: Book, supplier: str, lead_days: int, today: date) -> None:
        await loan_reads.load_evidence(self._conn, book, supplier, lead_days, today)

    async def load_urgent(self, book: Book, sku: str, before: date, limit: int) -> None:
        await loan_reads.load_urgent(self._conn, book, sku, before, limit)

    async def find_lenders(self, book: Book, sku: str, after: date, limit: int) -> Collection[str]:
        return await loan_reads.find_lenders(self._conn, book, sku, after, limit)

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await in_thread(self._conn, work)

    def solver(self) -> Solver:
        # Imported by whoever needs it: the solver's libraries take as much memory as the service.
        from allocation_service.adapters.milp import solve  # noqa: PLC0415

        return solve

    async def revise_promises(self, revision: Revision) -> Sequence[MovedLine]:
        return await revisions.revise_promises(self._conn, revision)

    async def oldest_rechecks(self, limit: int) -> list[str]:
        return [row[0] for row in await _OLDEST_RECHECKS.within(self._conn, {"limit": limit})]

    async def open_rechecks(self, book: Book, order_ids: Sequence[str]) -> list[str]:
        return await reads.open_rechecks(self._conn, book, order_ids)

    async def publish(self, events: Sequence[Answer]) -> None:
        await outbox.publish(self._conn, events)
