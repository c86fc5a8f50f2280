"""One batch of events, applied: new ones through the handler, those of parked keys behind their key."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import structlog
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.messaging.corrections import take_corrections
from service_kit.messaging.decoding import Incoming
from service_kit.messaging.inbox import claim
from service_kit.messaging.metrics import (
    CONSUMER_RETRYING,
    EVENTS,
    HANDLER_ERRORS,
    HANDLER_EVENTS,
    HANDLER_SECONDS,
    INBOX_DUPLICATES,
    PARKED_KEYS,
)
from service_kit.messaging.parking import lock_parked, park, park_events
from service_kit.messaging.retrying import Retrying, Verdict, taken_apart
from service_kit.messaging.subscription import EventHandler
from service_kit.persistence.database import Database
from service_kit.persistence.transient_errors import is_data_fault, is_statement_timeout
from service_kit.runtime.cause import causing
from service_kit.runtime.failpoints import failpoint
from service_kit.runtime.waiting import pause, wait_for_any

log = structlog.get_logger(__name__)

_MOST_IN_A_ROW = 20
_MOST_SHARE = 0.05
_SHARE_COUNTED_FROM = 400
_PARKING_TRIES = 3
_FIRST_PAUSE = 0.1

_trace_context = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("service_kit.messaging.consumer")


class TooManyParked(Exception):
    """The handler failed for so many keys that the fault is not in them; the consumer stops until someone looks."""


class StoppedWhileRetrying(Exception):
    """The process was told to stop while a transient error kept a batch from being applied; it will come again."""


class BatchProcessor:
    """Applies batches for one consumer. Every method leaves the database whole if the process dies in it."""

    def __init__(
        self,
        database: Database,
        consumer: str,
        handler: EventHandler,
        *,
        on_activity: Callable[[], None] = lambda: None,
        on_parked: Callable[[], None] = lambda: None,
        longest_pause: float = 5.0,
        patience: float = 30.0,
    ) -> None:
        self._database = database
        self._consumer = consumer
        self._handler = handler
        self._on_activity = on_activity
        self._on_parked = on_parked
        self._longest_pause = longest_pause
        self._patience = patience
        self._poison_in_a_row = 0
        self._poisoned = 0
        self._seen = 0
        self._retrying_since: float | None = None
        self._last_error = ""

    async def process(self, batch: Sequence[Incoming], stopping: asyncio.Event) -> None:
        """Apply or park every event of ``batch``; on return all of it is committed.

        Raises TooManyParked, and StoppedWhileRetrying when ``stopping`` ends an endless retry.
        """
        # A stack of pieces in order; a piece that fails is halved until one event is left.
        pieces: list[Sequence[Incoming]] = list(reversed(_around_unreadable(batch)))
        while pieces:
            piece = pieces.pop()
            if piece[0].error is not None:
                await self._park(piece[0], piece[0].error, stopping)
                continue
            failed = await self._try(piece, stopping)
            if failed is None:
                self._count_good(len(piece))
                continue
            verdict, error = failed
            if verdict is Verdict.PARK:
                await self._park(piece[0], f"{type(error).__name__}: {error}", stopping)
            else:
                pieces += reversed(taken_apart(piece, verdict))
        self._retrying_since = None
        CONSUMER_RETRYING.labels(self._consumer).set(0)

    @property
    def retrying_for(self) -> float:
        """Seconds since which no transaction has succeeded, counted from the first failure; 0 while all is well."""
        return 0.0 if self._retrying_since is None else time.monotonic() - self._retrying_since

    @property
    def last_error(self) -> str:
        """The kind of the last error."""
        return self._last_error

    async def _try(self, piece: Sequence[Incoming], stopping: asyncio.Event) -> tuple[Verdict, Exception] | None:
        """Apply ``piece``, again and again while the error may pass; None, or what to do about the last error."""
        retrying = Retrying(len(piece), patience=self._patience)
        database_responded = False
        while True:
            self._on_activity()
            try:
                await self._apply(piece)
                self._retrying_since = None
                return None
            except Exception as error:
                verdict = retrying.judge(error)
                self._report(error, retrying, verdict, len(piece))
                if verdict is Verdict.PARK and is_statement_timeout(error) and not database_responded:
                    # It may have been slow to everybody until just now: the event has one more try.
                    database_responded = await self._database.responds()
                    if not database_responded:
                        retrying.start_over()
                elif verdict is not Verdict.AGAIN:
                    return verdict, error
                await self._pause(retrying.failures, stopping)

    def _report(self, error: Exception, retrying: Retrying, verdict: Verdict, events: int) -> None:
        of_data = is_data_fault(error)
        HANDLER_ERRORS.labels(self._consumer, "deterministic" if of_data else "transient").inc()
        if self._retrying_since is None and not of_data:
            self._retrying_since = time.monotonic()
        self._last_error = type(error).__name__
        CONSUMER_RETRYING.labels(self._consumer).set(self.retrying_for)
        log.warning(
            "handler_failed" if of_data else "handler_will_retry",
            consumer=self._consumer,
            events=events,
            exc_info=error,
            attempt=retrying.failures,
            verdict=verdict.name.lower(),
        )

    async def _apply(self, piece: Sequence[Incoming]) -> None:
        """One transaction: inbox, handler, parked ones behind their keys."""
        began = time.monotonic()
        async with self._database.transaction() as conn:
            parked = await lock_parked(conn, self._consumer, {incoming.place for incoming in piece})
            behind = [incoming for incoming in piece if incoming.place in parked]
            free = [incoming for incoming in piece if incoming.place not in parked]
            await park_events(conn, self._consumer, behind, "an earlier event of this key is parked")
            new = await claim(conn, self._consumer, {incoming.event_id for incoming in free})
            # Rare: an event that is known may correct one that was discarded.
            known = [incoming for incoming in free if incoming.event_id not in new]
            # The first of equal ids counts, at its place in the batch.
            counted = {incoming.event_id: incoming for incoming in reversed(free) if incoming.event_id in new}
            counted |= await take_corrections(conn, self._consumer, known)
            chosen = [incoming for incoming in free if counted.get(incoming.event_id) is incoming]
            if chosen:
                await self._handle(conn, chosen)
        failpoint("after_db_commit")
        self._measure(piece, chosen, behind, time.monotonic() - began)

    async def _handle(self, conn: AsyncConnection, chosen: Sequence[Incoming]) -> None:
        events = [incoming.event for incoming in chosen if incoming.event is not None]
        alone = len(events) == 1
        carrier = {"traceparent": events[0].traceparent} if alone and events[0].traceparent else {}
        with (
            _tracer.start_as_current_span(
                f"{self._consumer} handle",
                context=_trace_context.extract(carrier) if carrier else None,
                kind=trace.SpanKind.CONSUMER,
                attributes={"messaging.batch.message_count": len(events)},
            ),
            causing(events[0]) if alone else nullcontext(),
        ):
            await self._handler(conn, events)
        failpoint("mid_handler")

    async def _park(self, incoming: Incoming, error: str, stopping: asyncio.Event) -> None:
        """Park the event's key with the event first. Raises TooManyParked once this has become a habit.

        Unreadable records are no reason to stop: what is wrong with them is not the handler.
        """
        attempt = faults = 0
        while True:
            self._on_activity()
            try:
                async with self._database.transaction() as conn:
                    parked = await park(conn, self._consumer, incoming, error)
                    failpoint("before_park_commit")
                break
            except Exception as failure:
                # Everything of it was made storable; what fails here is tried until it works.
                attempt += 1
                faults += is_data_fault(failure)
                log.error("parking_failed", consumer=self._consumer, event_id=incoming.event_id, exc_info=failure)
                if faults == _PARKING_TRIES:
                    incoming = incoming.under_its_position()
                await self._pause(attempt, stopping)
        self._on_parked()
        if not parked.added:
            return
        EVENTS.labels(self._consumer, incoming.name, incoming.outcome_if_parked).inc()
        # The error itself stands in parked_key; a log line names its kind only.
        kind = error.partition("(")[0].partition(":")[0]
        topic, event_id = incoming.record.topic, incoming.event_id
        log.error("key_parked", consumer=self._consumer, topic=topic, event_id=event_id, error_type=kind)
        if parked.new_key:
            # Counted anew at intervals by the worker: a count for each would cost the more, the more there are.
            PARKED_KEYS.labels(self._consumer).inc()
            if incoming.error is None:
                self._count_poison()

    async def _pause(self, attempt: int, stopping: asyncio.Event) -> None:
        if await wait_for_any(pause(attempt, _FIRST_PAUSE, self._longest_pause), stopping):
            raise StoppedWhileRetrying

    def _count_good(self, events: int) -> None:
        self._poison_in_a_row = 0
        self._seen += events
        if self._seen > 10 * _SHARE_COUNTED_FROM:
            # Forget slowly, so that the share speaks of the recent past.
            self._seen //= 2
            self._poisoned //= 2

    def _count_poison(self) -> None:
        self._poison_in_a_row += 1
        self._poisoned += 1
        self._seen += 1
        if self._poison_in_a_row >= _MOST_IN_A_ROW:
            raise TooManyParked(f"events of {self._poison_in_a_row} keys in a row could not be handled")
        if self._seen >= _SHARE_COUNTED_FROM and self._poisoned / self._seen > _MOST_SHARE:
            raise TooManyParked(f"{self._poisoned} keys among the last {self._seen} events could not be handled")

    def _measure(
        self, piece: Sequence[Incoming], chosen: Sequence[Incoming], behind: Sequence[Incoming], seconds: float
    ) -> None:
        HANDLER_SECONDS.labels(self._consumer).observe(seconds)
        HANDLER_EVENTS.labels(self._consumer).observe(len(piece))
        INBOX_DUPLICATES.labels(self._consumer).inc(len(piece) - len(chosen) - len(behind))
        for outcome, events in (("handled", chosen), ("parked", behind)):
            for name, count in Counter(incoming.name for incoming in events).items():
                EVENTS.labels(self._consumer, name, outcome).inc(count)


def _around_unreadable(batch: Sequence[Incoming]) -> list[list[Incoming]]:
    """The batch in pieces, in order: each unreadable record alone, what lies between together."""
    pieces: list[list[Incoming]] = []
    for incoming in batch:
        if incoming.error is not None or not pieces or pieces[-1][0].error is not None:
            pieces.append([incoming])
        else:
            pieces[-1].append(incoming)
    return pieces
