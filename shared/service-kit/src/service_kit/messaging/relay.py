"""The relay: sends the events in the outbox to the event log, in order, without losing any."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog

from service_kit.messaging.event_log import Outbound, Producer
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.metrics import EVENTS_SENT, OUTBOX_OLDEST_AGE, OUTBOX_ROWS, RELAY_ERRORS, RELAY_LEADING
from service_kit.persistence.database import Database
from service_kit.runtime.failing_parts import failing_parts
from service_kit.runtime.failpoints import armed, failpoint
from service_kit.runtime.waiting import pause, wait_for_any

log = structlog.get_logger(__name__)

_LOCK_CLASS = 0x6F757462  # "outb": first half of the advisory lock's key, the second is the shard

_READ = "SELECT id, topic, key, headers, value FROM outbox ORDER BY id LIMIT $1"
_READ_SHARD = (
    "SELECT id, topic, key, headers, value FROM outbox"
    " WHERE (hashtext(key) & 2147483647) % $2 = $3 ORDER BY id LIMIT $1"
)
_DELETE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"
_COUNT = "SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS counted"
_OLDEST = "SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox ORDER BY id LIMIT 1"

_METRICS_EVERY = 2.0
_PAUSES = 0.1, 2.0


class SendFailed(Exception):
    """Not every event of a round was acknowledged; its rows stay in the outbox and are sent again."""


class Relay:
    """Sends one shard of one database's outbox. Of all relays of a shard, one works and the others wait.

    Rows are read in the order of their ids, sent, acknowledged and deleted, ``batch`` at a time. One connection in
    autocommit does so and also holds the shard's advisory lock, so only the holder of the lock can delete. After any
    error of sending, the producer is replaced and the outbox read again: a record may be sent twice, but is never
    sent out of order and never lost.
    """

    def __init__(
        self,
        database: Database,
        producer_factory: Callable[[], Producer],
        *,
        shard: int = 0,
        shards: int = 1,
        batch: int = 500,
        poll: float = 0.05,
        ack_timeout: float = 30.0,
        lock_timeout: float = 15.0,
        flush_timeout: float = 5.0,
    ) -> None:
        self._database = database
        self._producer_factory = producer_factory
        self._shard, self._shards = shard, shards
        self._batch, self._poll = batch, poll
        self._ack_timeout, self._lock_timeout, self._flush_timeout = ack_timeout, lock_timeout, flush_timeout
        self._producer: Producer | None = None
        self._metrics_due = 0.0
        self._errors_in_a_row = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping``; then send what is left, for at most ``flush_timeout`` seconds, and free the lock."""
        while not stopping.is_set():
            try:
                async with self._leading(stopping) as conn:
                    if conn is not None:
                        await self._lead(conn, stopping)
            except Exception as error:
                await self._failed(error, stopping)

    @asynccontextmanager
    async def _leading(self, stopping: asyncio.Event) -> AsyncIterator[asyncpg.Connection | None]:
        """The connection that holds the shard's lock, or None if ``stopping`` is set before it gets the lock.

        The server ends a connection that is idle for ``lock_timeout`` seconds, and thereby frees the lock: a frozen
        relay is replaced by another one, and its next statement fails once it runs again.
        """
        options = dict(self._database.engine.dialect.create_connect_args(self._database.engine.url)[1])
        conn = await asyncpg.connect(
            **options,
            timeout=10,
            command_timeout=20,
            server_settings={
                "application_name": "backorder relay",
                "idle_session_timeout": f"{int(self._lock_timeout * 1000)}ms",
            },
        )
        try:
            while not await conn.fetchval("SELECT pg_try_advisory_lock($1, $2)", _LOCK_CLASS, self._shard):
                if await wait_for_any(0.25, stopping):
                    yield None
                    return
            RELAY_LEADING.labels(self._shard).set(1)
            yield conn
        finally:
            RELAY_LEADING.labels(self._shard).set(0)
            with suppress(Exception):
                await conn.close(timeout=2)

    async def _lead(self, conn: asyncpg.Connection, stopping: asyncio.Event) -> None:
        wake = self._database.outbox_written
        give_up_at = float("inf")
        try:
            while time.monotonic() < give_up_at:
                if stopping.is_set():
                    give_up_at = min(give_up_at, time.monotonic() + self._flush_timeout)
                wake.clear()
                rows = await self._read(conn)
                await self._measure(conn, idle=not rows)
                if rows:
                    await self._round(rows, conn, stopping)
                elif stopping.is_set():
                    break
                else:
                    failing_parts.worked("relay")
                    await wait_for_any(self._poll, wake, stopping)
            if self._producer is not None:
                await self._producer.stop()
        finally:
            await self._abandon_producer()

    async def _round(self, rows: Sequence[asyncpg.Record], conn: asyncpg.Connection, stopping: asyncio.Event) -> None:
        """Send ``rows`` and delete them, or leave all of them for the next round with a new producer.

        An error of the connection that holds the lock is raised: the lock is lost.
        """
        try:
            if self._producer is None:
                self._producer = self._producer_factory()
                await self._producer.start()
            await self._send(self._producer, rows, conn)
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            raise
        except Exception as error:
            await self._abandon_producer()
            await self._failed(error, stopping)
            return
        failpoint("relay_after_ack")
        await conn.execute(_DELETE, [row["id"] for row in rows])
        self._errors_in_a_row = 0
        failing_parts.worked("relay")

    async def _abandon_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                await producer.abandon()

    async def _read(self, conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
        if self._shards == 1:
            rows: Sequence[asyncpg.Record] = await conn.fetch(_READ, self._batch)
        else:
            rows = await conn.fetch(_READ_SHARD, self._batch, self._shards, self._shard)
        return rows

    async def _send(self, producer: Producer, rows: Sequence[asyncpg.Record], conn: asyncpg.Connection) -> None:
        """Send all rows and wait for every acknowledgement. Raises SendFailed, or the lock connection's error."""
        records: Sequence[Outbound] = [
            Outbound(row["topic"], row["key"].encode(), row["value"], unpack_headers(row["headers"])) for row in rows
        ]
        sent: list[asyncio.Future[object]] = []
        try:
            if armed("relay_mid_batch"):
                records = await _die_with_half_sent(producer, records)
            sent += [asyncio.ensure_future(ack) for ack in await producer.send_all(records)]
            await self._acknowledged(sent, conn)
        except BaseException:
            for future in sent:
                # Nobody awaits the others any more; their errors are of no interest.
                future.cancel()
            raise
        for topic, count in Counter(row["topic"] for row in rows).items():
            EVENTS_SENT.labels(topic).inc(count)

    async def _acknowledged(self, sent: Sequence[asyncio.Future[object]], conn: asyncpg.Connection) -> None:
        deadline = time.monotonic() + self._ack_timeout
        waiting = set(sent)
        while waiting:
            done, waiting = await asyncio.wait(
                waiting, timeout=self._lock_timeout / 3, return_when=asyncio.FIRST_EXCEPTION
            )
            for future in done:
                if future.cancelled():
                    raise SendFailed("the producer gave up")
                if (error := future.exception()) is not None:
                    raise SendFailed(repr(error)) from error
            if waiting:
                if time.monotonic() > deadline:
                    raise SendFailed(f"no acknowledgement within {self._ack_timeout} s")
                # Shows the server that this relay is alive, and this relay that it still holds the lock.
                await conn.execute("SELECT 1")

    async def _measure(self, conn: asyncpg.Connection, *, idle: bool) -> None:
        if idle:
            OUTBOX_ROWS.set(0)
            OUTBOX_OLDEST_AGE.set(0)
        elif time.monotonic() >= self._metrics_due:
            self._metrics_due = time.monotonic() + _METRICS_EVERY
            OUTBOX_ROWS.set(await conn.fetchval(_COUNT))
            OUTBOX_OLDEST_AGE.set(await conn.fetchval(_OLDEST) or 0)

    async def _failed(self, error: Exception, stopping: asyncio.Event) -> None:
        self._errors_in_a_row += 1
        RELAY_ERRORS.inc()
        failing_parts.failed("relay", error)
        log.warning("relay_failed", exc_info=error, in_a_row=self._errors_in_a_row)
        seconds = pause(self._errors_in_a_row, *_PAUSES)
        if stopping.is_set():
            await asyncio.sleep(min(seconds, 0.2))
        else:
            await wait_for_any(seconds, stopping)


async def _die_with_half_sent(producer: Producer, records: Sequence[Outbound]) -> Sequence[Outbound]:
    """Failpoint ``relay_mid_batch``: the process dies when the first half of a round is in the log and the second is
    not. If it is to die in a later round, the second half is returned."""
    half = len(records) // 2
    await asyncio.gather(*await producer.send_all(records[:half]))
    failpoint("relay_mid_batch")
    return records[half:]
