"""What is read to show decisions, queues and lines; each view works on one moment of the database."""

from __future__ import annotations

from typing import Any, Protocol

from allocation_service.application.decisions.decision_records import (
    DecisionAboutLine,
    DecisionHead,
    IndexedQueue,
    LineRow,
    QueueEntry,
    RecordedDecision,
    RecordedLine,
    SortedEntries,
)
from allocation_service.domain.decisions.queue_position import Ahead, Missing, PromisedClaim
from allocation_service.domain.policies.policy import Key, Moment, Policy
from allocation_service.domain.supply.sku import Sku


class DecisionViews(Protocol):
    """Decisions, the newest first."""

    async def list_decisions(
        self, *, sku: str | None, line_id: str | None, before: str | None, limit: int
    ) -> list[DecisionHead]:
        """Decisions about a SKU or a line; ``before`` is the last one of the page before."""
        ...

    async def decision(self, decision_id: str) -> RecordedDecision | None:
        """One decision with its inputs."""
        ...

    async def decision_lines(self, decision_id: str, after: tuple[int, int] | None, limit: int) -> list[RecordedLine]:
        """Lines of a decision by step and rank, behind the step and rank ``after``."""
        ...

    async def decisions_about(self, line_id: str, limit: int) -> list[DecisionAboutLine]:
        """What was decided about a line."""
        ...


class QueueViews(Protocol):
    """Queues and the lines that wait in them."""

    def is_indexed(self, policy: Policy) -> bool:
        """Whether an index has the order of queues with this policy."""
        ...

    def indexed_key(self, entry: QueueEntry, queue: IndexedQueue) -> tuple[Any, ...]:
        """What an entry of an indexed queue is ordered by: where the next page begins behind it."""
        ...

    async def indexed_page(self, queue: IndexedQueue, after: tuple[Any, ...] | None, limit: int) -> list[QueueEntry]:
        """Entries in the order they are served, behind the one whose key is ``after``."""
        ...

    async def indexed_ahead(self, entry: QueueEntry, queue: IndexedQueue) -> int:
        """How many entries of an indexed queue stand ahead of one."""
        ...

    async def unindexed_page(
        self, sku: str, policy: Policy, moment: Moment, *, after: Key | None, limit: int
    ) -> SortedEntries:
        """Entries behind ``after`` as they would be served at that moment; all places of the queue are sorted."""
        ...

    async def entries_of_order(self, order_id: str) -> list[QueueEntry]:
        """What an order waits for, by line."""
        ...

    async def line(self, line_id: str) -> LineRow | None:
        """A line with its order's header."""
        ...

    async def places(self, line_id: str) -> list[QueueEntry]:
        """The line's places in the queue, the oldest first."""
        ...

    async def other_waiting_lines(self, order_id: str, line_id: str) -> list[Missing]:
        """The other lines of an order that wait."""
        ...

    async def promised_before(self, place: QueueEntry, sku: Sku) -> PromisedClaim:
        """The units that are promised before a place, by date and queue, as promises are counted."""
        ...

    async def ahead(self, place: QueueEntry, sku: Sku, moment: Moment) -> Ahead:
        """What is served before a place."""
        ...
