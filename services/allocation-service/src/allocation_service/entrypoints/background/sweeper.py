"""Background tasks: stored rechecks, promises and loans whose date passes, and the reconciler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge

from allocation_service.adapters.event_handler import AllocationHandler, run_deferred_orders
from allocation_service.adapters.lending import loan_metrics, loan_queries
from allocation_service.adapters.lending.loan_reads import mark_breached
from allocation_service.adapters.maintenance import input_retention, retention, sweeps
from allocation_service.adapters.policies import policy_assignments
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.allocating.sweeping import follow_policies, reconcile, renew_passed_promises
from allocation_service.config import AllocationSettings
from service_kit.hosting.background import repeat
from service_kit.persistence.database import Database
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock

log = structlog.get_logger(__name__)

RECHECKS = Counter("allocation_rechecks_total", "Orders decided by themselves, with all of their SKUs locked")
SUMMARISED = Counter("allocation_decisions_summarised_total", "Old decisions whose detail has made way for a summary")
RECONCILED = Counter("invariant_violations_total", "Invariants found broken and repaired", ["invariant"])
OLDEST_AGE = Gauge("backorder_oldest_age_seconds", "How long the unit that waits longest has waited; 0: none waits")
WAITING_UNITS = Gauge("backorder_waiting_units", "Units that wait in the queues")
WAITING_LINES = Gauge("backorder_waiting_lines", "Places in the queues")

_RECONCILED_AT_ONCE = 100
_REVIEWED_AT_ONCE = 100
_REST_SECONDS = 0.05
"""Between two steps of retention, so that it never takes more than a share of the database."""


class Sweeper:
    """The tasks of one process; every round is one or a few transactions, safe beside other workers."""

    def __init__(
        self, database: Database, handler: AllocationHandler, settings: AllocationSettings, clock: Clock
    ) -> None:
        self._database, self._handler, self._settings = database, handler, settings
        self._reconciled = self._demand_forgotten = ""
        self._follow_events = settings.business_clock == "events"
        self._clock = BusinessClock(clock, follow_events=self._follow_events)

    async def now(self) -> datetime:
        """The time that dates are judged by: the wall clock, or the newest cause while old data is replayed."""
        if self._follow_events:
            async with self._database.reading() as conn:
                newest = await sweeps.newest_cause(conn)
            if newest is not None:
                self._clock.saw(newest)
        return self._clock.now()

    async def run_deferred_orders(self, stopping: asyncio.Event) -> None:
        """Decide rechecks right after the batch that left them, and those a crash left behind."""
        every, wanted = self._settings.recheck_seconds, self._handler.rechecks_wanted
        await repeat("rechecks", self.recheck_once, stopping, every=every, wanted=wanted)

    async def run_promises(self, stopping: asyncio.Event) -> None:
        """Revise promises once their date has passed."""
        await repeat("promises", self.sweep_promises_once, stopping, every=self._settings.promise_sweep_seconds)

    async def run_reconciler(self, stopping: asyncio.Event) -> None:
        """Prove at intervals that no eligible waiter stands before free stock; repair and alarm if one does."""
        await repeat("reconciler", self.reconcile_once, stopping, every=self._settings.reconcile_seconds)

    async def run_loans(self, stopping: asyncio.Event) -> None:
        """Find the loans that were not repaid in time."""
        await repeat("loans", self.sweep_loans_once, stopping, every=self._settings.loan_sweep_seconds)

    async def run_policies(self, stopping: asyncio.Event) -> None:
        """Serve queues again about which another policy decides than before."""
        await repeat("policies", self.review_policies_once, stopping, every=self._settings.policy_review_seconds)

    async def run_metrics(self, stopping: asyncio.Event) -> None:
        """Keep the gauges of what waits up to date."""
        await repeat("metrics", self.measure_once, stopping, every=self._settings.metrics_seconds)

    async def run_retention(self, stopping: asyncio.Event) -> None:
        """Summarise old decisions and forget what policies no longer go by, in small steps with rests between them."""

        async def until_done() -> int:
            total = 0
            steps: Sequence[Callable[[], Awaitable[retention.RetentionStep | input_retention.InputRetentionStep]]] = (
                self.summarise_once,
                self.tidy_once,
                self.forget_demand_once,
                self.forget_deliveries_once,
            )
            for step in steps:
                while not stopping.is_set():
                    made = await step()
                    total += made.lines
                    if made.done:
                        break
                    await asyncio.sleep(_REST_SECONDS)
            return total

        await repeat("retention", until_done, stopping, every=self._settings.retention_seconds)

    async def summarise_once(self) -> retention.RetentionStep:
        """One step of summarising old decisions."""
        days = self._settings.decision_detail_days
        if not days:
            return retention.NOTHING
        # By the wall clock, as messages are kept: replayed history would be old when it is recorded.
        async with self._database.transaction() as conn:
            step = await retention.summarise(conn, datetime.now(UTC) - timedelta(days=days))
        SUMMARISED.inc(step.decisions)
        return step

    async def tidy_once(self) -> retention.RetentionStep:
        """One step of removing what was kept for lines that are closed by now."""
        async with self._database.transaction() as conn:
            return await retention.tidy(conn)

    async def forget_demand_once(self) -> input_retention.InputRetentionStep:
        """One step of forgetting demand that lies too far back to be looked at."""
        days = self._settings.demand_retention_days
        async with self._database.transaction() as conn:
            step = await input_retention.forget_demand(conn, days, self._demand_forgotten)
        self._demand_forgotten = step.reached
        return step

    async def forget_deliveries_once(self) -> input_retention.InputRetentionStep:
        """One step of forgetting deliveries that nothing is judged by any more."""
        now = await self.now()
        async with self._database.reading() as conn:
            newest = await sweeps.newest_cause(conn)
        if newest is None:
            return input_retention.InputRetentionStep(0, "", done=True)
        # Where old orders are replayed by the wall clock, their time is what loans are judged by.
        before = min(now, newest).date() - timedelta(days=self._settings.delivery_retention_days)
        async with self._database.transaction() as conn:
            return await input_retention.forget_deliveries(conn, before)

    async def measure_once(self) -> int:
        """One look at the queues; how many lines wait."""
        now = await self.now()
        async with self._database.reading() as conn:
            found = await sweeps.backlog(conn)
        OLDEST_AGE.set(max(0.0, (now - found.oldest).total_seconds()) if found.oldest else 0)
        WAITING_UNITS.set(found.units)
        WAITING_LINES.set(found.lines)
        return found.lines

    async def sweep_loans_once(self) -> int:
        """One round over loans whose day is over; how many were found breached."""
        now = await self.now()
        async with self._database.transaction() as conn:
            breached = await mark_breached(conn, now.date())
            tally, _ = await loan_queries.tallies(conn)
        loan_metrics.measure(tally)
        if breached:
            loan_metrics.count({"breached": breached})
            log.warning("loans_breached", count=breached)
        return breached

    async def recheck_once(self) -> int:
        """One round of rechecks; how many orders were decided."""
        done = await run_deferred_orders(self._database, self._handler.options)
        RECHECKS.inc(done)
        return done

    async def sweep_promises_once(self) -> int:
        """One round over passed promises; how many events it made."""
        now = await self.now()
        async with self._database.reading() as conn:
            skus = await sweeps.skus_with_passed_promises(conn, now.date())
        if not skus:
            return 0
        async with self._database.transaction() as conn:
            session = await renew_passed_promises(SqlAllocationStore(conn), self._handler.options, skus, now)
        return session.told

    async def review_policies_once(self) -> int:
        """Look at all queues that changed policies left to be looked at; how many those were."""
        done = 0
        while True:
            now = await self._note_windows()
            async with self._database.transaction() as conn:
                skus = await policy_assignments.take_reviews(conn, _REVIEWED_AT_ONCE)
                session = (
                    await follow_policies(SqlAllocationStore(conn), self._handler.options, skus, now) if skus else None
                )
            if session is None:
                return done
            done += len(skus)
            loan_metrics.count(session.loans_noted)
            if session.rechecks_left:
                self._handler.rechecks_wanted.set()

    async def _note_windows(self) -> datetime:
        """Take note of windows of policies that began or ended; the business time of now."""
        now = await self.now()
        async with self._database.reading() as conn:
            due = await policy_assignments.windows_due(conn, now)
        if due:
            async with self._database.transaction() as conn:
                await policy_assignments.note_windows(conn, now)
        return now

    async def reconcile_once(self) -> int:
        """One round of the reconciler; how many events it made. None that a policy does not explain (stock that
        was held back and is no longer) is the proof."""
        await self._note_windows()
        async with self._database.reading() as conn:
            skus = await sweeps.skus_to_reconcile(conn, self._reconciled, _RECONCILED_AT_ONCE)
        # Where policies keep stock from those who wait, it may lie there for long: the others have their turn.
        self._reconciled = skus[-1] if len(skus) == _RECONCILED_AT_ONCE else ""
        if not skus:
            return 0
        async with self._database.transaction() as conn:
            session = await reconcile(SqlAllocationStore(conn), self._handler.options, skus, await self.now())
            session.missed -= await policy_assignments.awaiting_review(conn, sorted(session.missed))
        loan_metrics.count(session.loans_noted)
        if session.rechecks_left:
            self._handler.rechecks_wanted.set()
        if session.missed:
            RECONCILED.labels("idle_stock").inc(len(session.missed))
            log.error("reconciler_had_to_act", sku=min(session.missed), count=len(session.missed), events=session.told)
        return session.told
