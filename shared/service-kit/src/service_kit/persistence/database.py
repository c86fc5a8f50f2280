"""Transactions on PostgreSQL that commit whole or not at all, whatever interrupts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from service_kit.persistence.statements import driver_within
from service_kit.persistence.transient_errors import is_outage, is_transient
from service_kit.runtime.failpoints import failpoint

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RESPONDS_WITHIN = 5.0

__all__ = ["Autocommit", "Database", "DirectConnection", "Transaction", "after_commit", "copy_rows", "is_transient"]

OUTBOX_WRITTEN = "backorder_outbox_written"
"""Mark in a connection's ``info``: the transaction wrote outbox rows, wake the relay once it commits."""

_AFTER_COMMIT = "backorder_after_commit"
"""Place in a connection's ``info``: the functions to call once the transaction has committed."""


@dataclass(slots=True)
class DirectConnection:
    """The driver's own connection: a statement costs an eighth of what it costs through SQLAlchemy."""

    driver: Any
    outbox_written: bool = False
    """Set by whoever writes outbox rows on it: the relay is woken at the end."""


class Transaction:
    """An open transaction: its connection, and the one way to commit it."""

    def __init__(self, conn: AsyncConnection, outbox_written: asyncio.Event) -> None:
        self.conn = conn
        self.committed = False
        self._outbox_written = outbox_written

    async def commit(self) -> None:
        """Commit, then wake the relay if outbox rows were written and call what waits for the commit.

        Nothing may be done on the connection afterwards. A function registered with :func:`after_commit`
        must not raise: the transaction is committed whatever it does.
        """
        failpoint("before_db_commit")
        wake, callbacks = _take_marks(self.conn)
        await _finish(self.conn.commit())
        self.committed = True
        if wake:
            self._outbox_written.set()
        for callback in callbacks:
            callback()


def after_commit(conn: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call ``callback`` once the connection's transaction has committed, and never if it rolls back."""
    if conn.sync_connection is not None:
        conn.sync_connection.info.setdefault(_AFTER_COMMIT, []).append(callback)


def _take_marks(conn: AsyncConnection) -> tuple[bool, list[Callable[[], None]]]:
    """Whether the transaction wrote outbox rows, and what is to be called after it; both are forgotten."""
    if conn.sync_connection is None or conn.invalidated:
        return False, []
    info = conn.sync_connection.info
    return bool(info.pop(OUTBOX_WRITTEN, False)), info.pop(_AFTER_COMMIT, [])


class Database:
    """One service's database: an engine, and the only ways to use it.

    ``idle_in_transaction`` (seconds) ends a transaction whose process froze; it stays below the
    consumer's session time-out, so that a frozen worker's locks are gone before its partitions are
    given to another (``ServiceSettings.idle_in_transaction``). ``command_timeout`` (seconds) bounds
    one statement: a server that stopped answering shows as a transient error and not as a hang.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        application_name: str = "backorder",
        idle_in_transaction: float = 8.0,
        command_timeout: float = 60.0,
    ) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=5,
            pool_timeout=10,
            pool_pre_ping=False,
            connect_args={
                "timeout": 10,
                "command_timeout": command_timeout,
                "server_settings": {
                    "application_name": application_name,
                    "idle_in_transaction_session_timeout": f"{int(idle_in_transaction * 1000)}ms",
                    "timezone": "UTC",
                    # Plans for short OLTP statements: compiling them costs more than running them.
                    "jit": "off",
                },
            },
        )
        self.outbox_written = asyncio.Event()
        """Set after a commit that wrote outbox rows; the relay of this process waits on it."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A transaction that is rolled back unless ``commit`` is called before the block ends.

        A commit that has begun is finished even when the task is cancelled (the cancellation is
        raised after it). A connection that saw a failure of its own is closed, not pooled.
        """
        conn, _ = await self._lend()
        transaction = Transaction(conn, self.outbox_written)
        try:
            yield transaction
            if not transaction.committed:
                _take_marks(conn)
                await _finish(conn.rollback())
        except BaseException as error:
            await _finish(_abandon(conn, error))
            raise
        await _finish(conn.close())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """BEGIN … COMMIT: commits at the end of the block; any error rolls back and goes on to the caller."""
        async with self.begin() as transaction:
            yield transaction.conn
            await transaction.commit()

    def autocommit(self) -> Autocommit:
        """A way to run statements, each a transaction of its own; whoever asks for it gives back what it holds."""
        return Autocommit(self)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A read-only view of one moment (REPEATABLE READ): all statements see the same state."""
        conn, _ = await self._lend()
        try:
            await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield conn
        except BaseException as error:
            await _finish(_abandon(conn, error))
            raise
        await _finish(conn.close())

    async def _lend(self) -> tuple[AsyncConnection, DirectConnection]:
        """A pooled connection, which the caller closes, and the driver's below it; those that a restarted server
        closed are thrown away.

        SQLAlchemy would empty the pool at the first error that it sees, and sees none of what goes to the driver.
        """
        while True:
            conn = await self.engine.connect()
            driver: Any = (await conn.get_raw_connection()).driver_connection
            if not driver.is_closed():
                return conn, DirectConnection(driver)
            await conn.invalidate()
            await conn.close()

    async def responds(self) -> bool:
        """Whether a transaction succeeds within 5 s that wants next to nothing; why not is logged."""
        try:
            async with asyncio.timeout(_RESPONDS_WITHIN), self.transaction() as conn:
                await conn.exec_driver_sql("SELECT 1")
        except Exception as error:
            log.warning("database_does_not_answer", exc_info=error)
            return False
        return True

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


class Autocommit:
    """Statements on a connection of the driver's own, each of which is a transaction.

    What one statement can do needs no BEGIN and no COMMIT: two ways to the server and back less. To lend a
    connection costs as much as a short statement, so it is kept from one to the next until it is given back. After
    an error, and where the server has closed it, the next statement gets another.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lent: tuple[AsyncConnection, DirectConnection] | None = None

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[DirectConnection]:
        """One statement, or several that need nothing of each other; one block at a time.

        Errors are the driver's own; after a transient one it is not known whether the statement was carried out.
        """
        if self._lent is not None and self._lent[1].driver.is_closed():
            await self.give_back()
        if self._lent is None:
            self._lent = await self._database._lend()
        conn, direct = self._lent
        try:
            yield direct
        except BaseException as error:
            self._lent = None
            await _finish(_abandon(conn, error))
            raise
        if direct.outbox_written:
            direct.outbox_written = False
            self._database.outbox_written.set()

    async def give_back(self) -> None:
        """Let others have the connection. Nothing is to be rolled back, so this does not wait for the server."""
        lent, self._lent = self._lent, None
        if lent is not None:
            await lent[0].close()


async def _abandon(conn: AsyncConnection, error: BaseException) -> None:
    """Roll back and return the connection, or throw it away where it may be in an unknown state."""
    _take_marks(conn)
    harmless = isinstance(error, exc.IntegrityError | exc.DataError) or (
        isinstance(error, Exception) and not isinstance(error, exc.DBAPIError) and not is_outage(error)
    )
    try:
        if harmless:
            await conn.rollback()
        else:
            await conn.invalidate()
    except Exception:
        with suppress(Exception):
            await conn.invalidate()
    with suppress(Exception):
        await conn.close()


async def _finish(work: Awaitable[T]) -> T:
    """Await ``work`` to its end even if this task is cancelled meanwhile; then raise the cancellation."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except BaseException:  # noqa: S110 - the task holds it; result() below raises it
            pass
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()


async def copy_rows(conn: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write ``rows`` by binary COPY inside the connection's transaction; the fastest way in for many rows.

    ``table`` may be ``schema.table``. Values must be of the columns' Python types (no casts are
    made). Raises asyncpg's own errors, unwrapped.
    """
    if not rows:
        return
    driver = await driver_within(conn)
    schema, _, name = table.rpartition(".")
    await driver.copy_records_to_table(name, schema_name=schema or None, columns=list(columns), records=rows)
