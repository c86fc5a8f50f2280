"""The consumer: hands every event of a subscription to its handler, in order for each key, with effect once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog

from service_kit.messaging.batch_processor import BatchProcessor, StoppedWhileRetrying, TooManyParked
from service_kit.messaging.dead_letters import DeadLetterMirror
from service_kit.messaging.decoding import Incoming, read_record, why_skipped
from service_kit.messaging.event_log import CommitRefused, EventLog, Partition, Record, RecordSource
from service_kit.messaging.kafka import KafkaEventLog, KafkaSettings
from service_kit.messaging.metrics import (
    CONSUMER_LAG,
    CONSUMER_LAG_SECONDS,
    CONSUMER_REBUILDS,
    CONSUMER_RESTARTS,
    CONSUMER_STOPPED,
    EVENTS,
)
from service_kit.messaging.subscription import Subscription
from service_kit.messaging.watchdog import Stuck, Watchdog
from service_kit.persistence.database import Database
from service_kit.runtime.failpoints import failpoint
from service_kit.runtime.garbage_collection import collector_paused
from service_kit.runtime.waiting import pause, wait_for_any

log = structlog.get_logger(__name__)

_POLL = 0.5
_MAX_RECORDS = 500
_MIN_RECORDS = 50
_BATCH_BYTES = 256 * 1024
"""About the size of a batch. Its decoded records take many times as much memory, which the process keeps."""
_READ_AT_ONCE = 50
"""Records that are decoded before other tasks may run; it takes half a millisecond."""
_METRICS_EVERY = 1.0
_FINISH_BEFORE_REBALANCE = 20.0
_STOP_TIMEOUT = 15.0
_RESTART_PAUSES = 0.2, 15.0
_WELL_AFTER = 60.0
"""Seconds of work after which a failure is not counted as one more in a row."""
_TROUBLE_AFTER = 30.0
"""Seconds of failing after which readiness tells of it."""


class ConsumerStuck(Exception):
    """A new group member got stuck as well: the process must end and be started again."""


class _Batch(NamedTuple):
    """The records of one poll, and those of them that are events of the subscription or cannot be read."""

    records: Sequence[Record]
    events: Sequence[Incoming]
    assignment: int
    """The number of the assignment of partitions under which they were read."""
    asked: int
    """The most records that the poll could have returned; if it returned fewer, there were no more."""


class Consumer:
    """One member of the consumer group ``group``, which is also the consumer's name in the inbox.

    ``run`` returns only after ``stopping`` is set. Offsets are committed after the database, so a record may be
    delivered again; the inbox recognises it.
    """

    def __init__(
        self,
        database: Database,
        settings: KafkaSettings,
        subscription: Subscription[Any],
        group: str,
        *,
        event_log: EventLog | None = None,
        turn_limit: float = 30.0,
        progress_limit: float = 60.0,
        longest_pause: float = 5.0,
    ) -> None:
        """``longest_pause``: the most seconds between two tries of events that fail; the limits are the watchdog's."""
        self._event_log: EventLog = event_log or KafkaEventLog(settings)
        self._subscription = subscription
        self._group = group
        self._turn_limit, self._progress_limit = turn_limit, progress_limit
        self.dead_letters = DeadLetterMirror(database, self._event_log.producer)
        """Copies what this consumer parks to dead-letter topics; the worker runs it as a task of its own."""
        self.stopped_because: str | None = None
        """Why the consumer stopped until an operator looks into it; None while it works."""
        self._processor = BatchProcessor(
            database,
            group,
            subscription.handle,
            on_activity=self._show_activity,
            on_parked=self.dead_letters.wake.set,
            longest_pause=longest_pause,
        )
        self._turn = asyncio.Lock()
        self._to_commit: dict[Partition, int] = {}
        self._committing: asyncio.Future[None] | None = None
        self._assignment = 0
        self._ask_for = 2 * _MIN_RECORDS
        self._watchdog: Watchdog | None = None
        self._rebuilds_without_progress = 0
        self._last_timestamp = 0
        self._metrics_due = 0.0
        self._failing_since: float | None = None
        self._last_failure = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until ``stopping``; then finish the current batch, commit, and leave the group.

        Raises ConsumerStuck after a second stall in a row, and TooManyParked, whose text ``stopped_because`` then has.
        """
        CONSUMER_STOPPED.labels(self._group).set(0)
        failures = 0
        while not stopping.is_set():
            began = time.monotonic()
            source = self._event_log.source(
                self._group, [topic.value for topic in self._subscription.topics], self._revoked
            )
            try:
                await source.start()
                await self._consume_watched(source, stopping)
            except StoppedWhileRetrying:
                return
            except TooManyParked as error:
                self.stopped_because = str(error)
                CONSUMER_STOPPED.labels(self._group).set(1)
                log.critical("consumer_stopped", consumer=self._group, reason=str(error))
                raise
            except Stuck as error:
                self._rebuild(error)
            except Exception as error:
                failures = 1 if time.monotonic() - began > _WELL_AFTER else failures + 1
                self._note_failure(error, failures)
                # That a member could be made is no progress: the next one may meet the same error.
                await wait_for_any(pause(failures, *_RESTART_PAUSES), stopping)
            finally:
                await self._leave(source)

    def _note_failure(self, error: Exception, failures: int) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        self._last_failure = type(error).__name__
        CONSUMER_RESTARTS.labels(self._group).inc()
        log.warning("consumer_failed", consumer=self._group, exc_info=error, in_a_row=failures)

    def trouble(self) -> str | None:
        """What keeps the consumer from its work, for those who ask whether the process is ready; None: nothing."""
        if self.stopped_because is not None:
            return f"the consumer is off until the service is started again: {self.stopped_because}"
        if self._processor.retrying_for > _TROUBLE_AFTER:
            since = self._processor.retrying_for
            return f"the consumer tries the same events again since {since:.0f} s ({self._processor.last_error})"
        if self._failing_since is not None and time.monotonic() - self._failing_since > _TROUBLE_AFTER:
            since = time.monotonic() - self._failing_since
            return f"the consumer cannot read its topics since {since:.0f} s ({self._last_failure})"
        return None

    def _rebuild(self, error: Stuck) -> None:
        self._rebuilds_without_progress += 1
        CONSUMER_REBUILDS.labels(self._group).inc()
        log.error("consumer_stuck", consumer=self._group, reason=str(error), attempts=self._rebuilds_without_progress)
        if self._rebuilds_without_progress > 1:
            raise ConsumerStuck(str(error)) from error

    async def _consume_watched(self, source: RecordSource, stopping: asyncio.Event) -> None:
        """Run the loop and its watchdog. The loop is cancelled only together with its group member."""
        self._watchdog = Watchdog(source.lag, turn_limit=self._turn_limit, progress_limit=self._progress_limit)
        loop = asyncio.ensure_future(self._consume(source, self._watchdog, stopping))
        watch = asyncio.ensure_future(self._watchdog.watch())
        try:
            await asyncio.wait((loop, watch), return_when=asyncio.FIRST_COMPLETED)
            if loop.done():
                loop.result()
            else:
                watch.result()
        finally:
            for task in (watch, loop):
                task.cancel()
            # A database commit that has begun is finished first; it has a time limit of its own.
            await asyncio.wait((loop, watch), timeout=_STOP_TIMEOUT)
            self._watchdog = None

    async def _consume(self, source: RecordSource, watchdog: Watchdog, stopping: asyncio.Event) -> None:
        self._to_commit.clear()
        ahead: asyncio.Future[_Batch] | None = None
        try:
            while not stopping.is_set():
                watchdog.alive()
                # Never cancelled while the group member is in use: a cancelled poll would switch off the check
                # that the group itself makes of its members.
                batch = await (ahead or self._read(source))
                ahead = None
                self._failing_since = None
                async with self._turn:
                    if batch.records and batch.assignment == self._assignment:
                        if len(batch.records) >= batch.asked:
                            # There is more: read it while the database works.
                            ahead = asyncio.ensure_future(self._read(source))
                        await self._apply(batch, stopping)
                        watchdog.progress()
                        self._rebuilds_without_progress = 0
                    await self._commit(source)
                self._show_lag(source, ahead)
            await self._committed()
        finally:
            # Taken before anything is awaited: a loop that follows this one starts a commit of its own.
            committing, self._committing = self._committing, None
            if ahead is not None:
                await _give_up(ahead)
            if committing is not None:
                await _ended(committing)

    async def _read(self, source: RecordSource) -> _Batch:
        """The next records, and those of them that the subscription names."""
        asked = self._ask_for
        records = await source.poll(_POLL, asked)
        # Noted before any other task runs: a revocation from here on concerns these records.
        assignment = self._assignment
        self._ask_for = _how_many(records) or asked
        types = self._subscription.types
        events: list[Incoming] = []
        skipped: Counter[str] = Counter()
        with collector_paused():
            for number, record in enumerate(records, start=1):
                incoming = read_record(record, types)
                if incoming is not None:
                    events.append(incoming)
                else:
                    skipped[why_skipped(record, types)] += 1
                if number % _READ_AT_ONCE == 0:
                    await asyncio.sleep(0)
        for why, count in skipped.items():
            EVENTS.labels(self._group, "other", why).inc(count)
        return _Batch(records, events, assignment, asked)

    async def _apply(self, batch: _Batch, stopping: asyncio.Event) -> None:
        if batch.events:
            await self._processor.process(batch.events, stopping)
        for record in batch.records:
            self._to_commit[Partition(record.topic, record.partition)] = record.offset + 1
        self._last_timestamp = batch.records[-1].timestamp

    async def _commit(self, source: RecordSource) -> None:
        """Begin to commit the offsets of what is handled; the broker answers while the next records are handled."""
        await self._committed()
        if not self._to_commit:
            return
        failpoint("before_offset_commit")
        offsets, self._to_commit = self._to_commit, {}
        self._committing = asyncio.ensure_future(self._store_offsets(source, offsets))

    async def _committed(self) -> None:
        """Wait for the commit that is under way, and raise its error."""
        if self._committing is not None:
            committing = self._committing
            await asyncio.wait([committing])
            self._committing = None
            committing.result()

    async def _store_offsets(self, source: RecordSource, offsets: dict[Partition, int]) -> None:
        """A refusal is normal: the records are delivered again, here or to another member."""
        assignment = self._assignment
        try:
            await source.commit(offsets)
        except CommitRefused as error:
            log.info("offsets_not_committed", consumer=self._group, reason=str(error))
            if assignment == self._assignment:
                # Tried again with the next commit, unless that has later offsets.
                self._to_commit = offsets | self._to_commit

    async def _revoked(self) -> None:
        """Before a rebalance: let the current batch end and commit, so that no other member handles it again.

        Records that were read ahead are dropped. Their offsets are not committed, so they are read again by the member
        that is given their partitions, which may be this one.
        """
        self._assignment += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_BEFORE_REBALANCE), self._turn:
                if self._committing is not None:
                    await asyncio.wait([self._committing])
        # From here on, these offsets are another member's to commit.
        self._to_commit.clear()

    def _show_activity(self) -> None:
        if self._watchdog is not None:
            self._watchdog.progress()

    def _show_lag(self, source: RecordSource, ahead: asyncio.Future[_Batch] | None) -> None:
        if time.monotonic() < self._metrics_due:
            return
        self._metrics_due = time.monotonic() + _METRICS_EVERY
        lag = source.lag() or 0
        if ahead is not None and ahead.done() and ahead.exception() is None:
            lag += len(ahead.result().records)
        CONSUMER_LAG.labels(self._group).set(lag)
        seconds = time.time() - self._last_timestamp / 1000 if lag and self._last_timestamp else 0
        CONSUMER_LAG_SECONDS.labels(self._group).set(max(0, seconds))

    async def _leave(self, source: RecordSource) -> None:
        try:
            await asyncio.wait_for(source.stop(), _STOP_TIMEOUT)
        except Exception as error:
            log.warning("consumer_not_stopped_cleanly", consumer=self._group, exc_info=error)


def _how_many(records: Sequence[Record]) -> int | None:
    """How many records of this size make a batch; None without records."""
    if not records:
        return None
    size = sum(len(record.value or b"") for record in records) // len(records)
    return max(_MIN_RECORDS, min(_MAX_RECORDS, _BATCH_BYTES // (size + 1)))


async def _give_up(ahead: asyncio.Future[_Batch]) -> None:
    """Cancel a read whose records will not be handled; their offsets are not committed, so they are read again."""
    ahead.cancel()
    await _ended(ahead)


async def _ended(side_task: asyncio.Future[Any]) -> None:
    """Wait for work that ran next to the loop, and ignore its error: the loop ends for a reason of its own."""
    await asyncio.wait([side_task], timeout=_STOP_TIMEOUT)
    if side_task.done() and not side_task.cancelled():
        side_task.exception()  # retrieved, so that asyncio does not report it
