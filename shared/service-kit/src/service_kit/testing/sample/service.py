"""The sample service: remembers each order event it is given and answers it with an event of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import AllocationState, Event, OrderState, Topic, new_event
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database

GROUP = "sample"
MODULE = "service_kit.testing.sample"
TYPES = frozenset({"OrderPlaced", "OrderAmended"})

_NOW = datetime(2026, 1, 5, tzinfo=UTC)
_INSERT = text(
    "INSERT INTO applied (event_id, name, key, sequence)"
    " SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:keys AS text[]),"
    " CAST(:sequences AS bigint[]))"
)


class Poison(ValueError):
    """What the handler raises for an event that it was told to dislike."""


@dataclass
class SampleHandler:
    """Appends to ``applied`` in the order given, and publishes an ``OrderAllocated`` for each event.

    ``dislikes`` makes chosen events fail for good; ``before`` is called first and may raise anything.
    """

    dislikes: Callable[[Event], bool] = lambda event: False
    before: Callable[[], None] = lambda: None
    batches: list[list[Event]] = field(default_factory=list)

    async def __call__(self, uow: SqlUnitOfWork, events: Sequence[Event]) -> None:
        """Apply a batch."""
        self.batches.append(list(events))
        self.before()
        for event in events:
            if self.dislikes(event):
                raise Poison(f"{event.key}/{event.sequence}")
        await uow.connection.execute(
            _INSERT,
            {
                "ids": [event.id for event in events],
                "names": [event.name for event in events],
                "keys": [event.key for event in events],
                "sequences": [event.sequence for event in events],
            },
        )
        await uow.publish([answer_to(event) for event in events])


def subscription(handler: SampleHandler | None = None) -> Subscription[SqlUnitOfWork]:
    """The sample's subscription to two kinds of order events."""
    return Subscription((Topic.ORDERS,), dict.fromkeys(TYPES, handler or SampleHandler()), unit_of_work)


def unit_of_work(conn: AsyncConnection) -> SqlUnitOfWork:
    """The sample's unit of work has no store."""
    return SqlUnitOfWork(conn, _NOW)


def answer_to(event: Event) -> Event:
    """The sample's answer, keyed and numbered as the event."""
    state = AllocationState(order_id=event.key, basis=event.sequence, decision_id="d", decided_at=_NOW, lines=())
    return new_event("OrderAllocated", state, source="/sample", sequence=event.sequence)


def order_event(key: str, sequence: int, name: str = "OrderPlaced", reference: str = "r") -> Event:
    """An order event with nothing in it but its key and number."""
    state = OrderState(order_id=key, sequence=sequence, reference=reference, placed_at=_NOW, updated_at=_NOW, lines=())
    return new_event(name, state, source="/test", sequence=sequence)


def order_events(keys: int, each: int, *, prefix: str = "o") -> list[Event]:
    """``each`` events for each of ``keys`` keys, interleaved; sequences count from 1 per key."""
    return [order_event(f"{prefix}-{key}", number) for number in range(1, each + 1) for key in range(keys)]


async def applied(database: Database) -> dict[str, list[int]]:
    """The sequences applied per key, in the order in which they were applied."""
    async with database.reading() as conn:
        rows = await conn.execute(text("SELECT key, sequence FROM applied ORDER BY position"))
        found: dict[str, list[int]] = {}
        for row in rows:
            found.setdefault(row.key, []).append(row.sequence)
        return found


async def count(database: Database, table: str) -> int:
    """Rows of a table."""
    async with database.reading() as conn:
        return int((await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


def expected(events: Sequence[Event]) -> dict[str, list[int]]:
    """What ``applied`` is once all of ``events`` were applied once each and in order."""
    found: dict[str, list[int]] = {}
    for event in events:
        found.setdefault(event.key, []).append(event.sequence)
    return {key: sorted(set(sequences)) for key, sequences in found.items()}
