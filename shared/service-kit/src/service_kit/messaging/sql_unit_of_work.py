"""The unit of work on PostgreSQL: a connection's transaction with its outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from service_kit.messaging import outbox
from service_kit.persistence import database
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock, SystemClock


class SqlUnitOfWork:
    """Implements :class:`~service_kit.persistence.unit_of_work.UnitOfWork`; services derive theirs and add stores.

    ``commit`` is given by whoever lets the use case's caller commit; without it the transaction belongs to the
    command batcher or the consumer.
    """

    def __init__(
        self, connection: AsyncConnection, now: datetime, commit: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self.connection = connection
        self._now = now
        self._commit = commit

    @property
    def now(self) -> datetime:
        """See UnitOfWork."""
        return self._now

    async def publish(self, events: Sequence[Event]) -> None:
        """See UnitOfWork: the events become rows of the outbox."""
        await outbox.publish(self.connection, events)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """See UnitOfWork."""
        database.after_commit(self.connection, callback)

    async def commit(self) -> None:
        """See UnitOfWork."""
        if self._commit is None:
            raise RuntimeError("This unit of work is committed by whoever opened its transaction.")
        await self._commit()


S = TypeVar("S", bound=SqlUnitOfWork)


class SqlUnitOfWorkFactory(Generic[S]):
    """Opens units of work, made by ``kind``, on ``database``."""

    def __init__(self, database: Database, kind: Callable[..., S], clock: Clock | None = None) -> None:
        self.database = database
        self._kind = kind
        self._clock = clock or SystemClock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[S]:
        """See UnitOfWorkFactory."""
        async with self.database.begin() as transaction:
            yield self._kind(transaction.conn, self._clock.now(), transaction.commit)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[S]:
        """See UnitOfWorkFactory."""
        async with self.database.reading() as connection:
            yield self.within(connection)

    def within(self, connection: AsyncConnection) -> S:
        """A unit of work in a transaction that is open already and committed by whoever opened it."""
        return self._kind(connection, self._clock.now())
