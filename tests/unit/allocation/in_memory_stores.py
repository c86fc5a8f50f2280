"""Allocation's stores in memory: what the ports promise, without a database. One suite runs on these and on SQL.

What only shows things or plans runs (decision and queue views, runs, simulations, retention) is stored in SQL alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from tests.unit.allocation import (
    in_memory_lending,
    in_memory_queues,
    in_memory_session_reads,
    in_memory_session_writes,
    in_memory_sku_merges,
)
from tests.unit.allocation.in_memory_background import InMemoryBackgroundWork
from tests.unit.allocation.in_memory_lateness import evidence_of
from tests.unit.allocation.in_memory_policies import InMemoryPolicyAssignmentStore, InMemoryPolicyStore
from tests.unit.allocation.in_memory_queues import InMemoryLongQueue
from tests.unit.allocation.in_memory_session_writes import WriteStep
from tests.unit.allocation.in_memory_state import AllocationState, FirstDate
from tests.unit.allocation.in_memory_tables import InMemoryLatenessStore

from allocation_service.application.promising.ports import LocationCalendar
from allocation_service.application.runs.run_records import Pin
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_record import DecisionRecord
from allocation_service.application.session.ports import FoundSkus, MovedLine
from allocation_service.domain.allocating.ship_complete import Solver
from allocation_service.domain.demand.line import Line
from allocation_service.domain.lateness.first_promise import FirstPromise
from allocation_service.domain.promising.line_promise import LinePromise, add
from allocation_service.domain.promising.promise_revision import Revision, revise, source_after
from allocation_service.domain.supply.lateness import WINDOW, Evidence, Lateness
from allocation_service.domain.supply.sku import Sku
from event_contracts import Event
from event_contracts.envelope import decode
from event_contracts.fast_encoding import IntegrationEvent
from service_kit.runtime.clock import Clock
from service_kit.testing.in_memory_unit_of_work import InMemoryUnitOfWork, InMemoryUnitOfWorkFactory

T = TypeVar("T")


class PreparedSession(NamedTuple):
    """What stores a session: its changes, the orders to lock, then its events."""

    steps: list[WriteStep]
    lock: list[str]
    events: list[Event]


class InMemoryAllocationStore:
    """Implements AllocationStore. ``locked`` are the locks that were asked for, in order: (table, key)."""

    def __init__(self, uow: InMemoryUnitOfWork, state: AllocationState) -> None:
        self._uow, self._state = uow, state
        self.locked: list[tuple[str, str]] = []

    async def skus_of_orders(self, order_ids: Collection[str]) -> set[str]:
        """See AllocationStore."""
        return {line.sku for line in self._state.lines.values() if line.order_id in order_ids}

    async def find_skus(self, order_ids: Collection[str], names: Collection[str]) -> FoundSkus:
        """See AllocationStore."""
        merged = {name: self._state.skus[name].merged_into for name in names if name in self._state.skus}
        return FoundSkus(
            await self.skus_of_orders(order_ids), {name: now for name, now in merged.items() if now is not None}
        )

    async def lock_names(self, skus: Iterable[str]) -> None:
        """See AllocationStore."""
        names = list(skus)
        self.locked += [("sku", name) for name in names]
        for name in names:
            self._state.skus.setdefault(name, Sku(name))

    async def merge_skus(self, sku: str, merged: Sequence[str], open_lines: Collection[str]) -> None:
        """See AllocationStore."""
        in_memory_sku_merges.merge_skus(self._state, sku, merged, open_lines)

    async def lock_skus(self, session: AllocationSession, skus: Iterable[str], po_lines: Collection[str]) -> None:
        """See AllocationStore."""
        names = list(skus)
        self.locked += [("sku", name) for name in names]
        in_memory_session_reads.lock_skus(self._state, session, names, po_lines)

    async def peek_skus(self, skus: Iterable[str], now: datetime | None = None) -> dict[str, Sku]:
        """See AllocationStore."""
        return in_memory_session_reads.peek_skus(self._state, skus, now)

    async def reload_policies(self, session: AllocationSession, skus: Collection[str]) -> None:
        """See AllocationStore."""
        in_memory_session_reads.reload_policies(self._state, session, skus)

    async def load_orders(self, session: AllocationSession, order_ids: Collection[str]) -> None:
        """See AllocationStore."""
        in_memory_session_reads.load_orders(self._state, session, order_ids)

    async def load_queues(self, session: AllocationSession, reach: Mapping[str, int]) -> None:
        """See AllocationStore."""
        in_memory_queues.load_queues(self._state, session, reach)

    async def load_unindexed_queue(
        self, session: AllocationSession, sku: str, now: datetime, lines: int | None, reach: int
    ) -> None:
        """See AllocationStore."""
        in_memory_queues.load_unindexed_queue(self._state, session, sku, now, lines=lines, reach=reach)

    async def waits_outside(self, sku: str, outlets: Mapping[str, Collection[str]], units: int) -> bool:
        """See AllocationStore."""
        return in_memory_queues.waits_outside(self._state, sku, outlets, units)

    async def load_holdings(self, session: AllocationSession, sku: str, location: str, limit: int) -> None:
        """See AllocationStore."""
        in_memory_queues.load_holdings(self._state, session, sku, location, limit)

    async def undecided_orders(self, session: AllocationSession, skus: Collection[str]) -> None:
        """See AllocationStore."""
        found = {line.order_id for line in self._state.lines.values() if line.sku in skus and line.undecided}
        in_memory_session_reads.load_orders(self._state, session, found)

    async def lock_orders(self, order_ids: Iterable[str]) -> None:
        """See AllocationStore."""
        self.locked += [("order", order_id) for order_id in order_ids]

    def prepare(self, session: AllocationSession, lock: Sequence[str]) -> PreparedSession:
        """See AllocationStore."""
        return PreparedSession(
            in_memory_session_writes.steps_of(session), list(lock), decoded(session.unwritten.events)
        )

    async def write_and_publish(self, prepared: PreparedSession) -> None:
        """See AllocationStore."""
        for step in prepared.steps:
            step(self._state)
        await self.lock_orders(prepared.lock)
        await self._uow.publish(prepared.events)

    async def open_long_queue(self, session: AllocationSession, sku: str, units: int) -> InMemoryLongQueue:
        """See AllocationStore."""
        return InMemoryLongQueue(self._state, session, sku, units, self.lock_orders)

    async def load_loans(self, session: AllocationSession, sku: str) -> None:
        """See AllocationStore."""
        in_memory_lending.load_loans(self._state, session, sku)

    async def load_evidence(self, session: AllocationSession, supplier: str, lead_days: int, today: date) -> None:
        """See AllocationStore."""
        own = evidence_of(self._state.deliveries, supplier, lead_days, today)
        everybody = Lateness()
        if own.observations < WINDOW:
            everybody = evidence_of(self._state.deliveries, None, lead_days, today)
        session.evidence[supplier, lead_days] = Evidence(own, everybody)

    async def load_urgent(self, session: AllocationSession, sku: str, before: date, limit: int) -> None:
        """See AllocationStore."""
        in_memory_lending.load_urgent(self._state, session, sku, before, limit)

    async def find_lenders(self, session: AllocationSession, sku: str, after: date, limit: int) -> Collection[str]:
        """See AllocationStore."""
        return in_memory_lending.find_lenders(self._state, session, sku, after, limit)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """See AllocationStore. Nobody else waits for the event loop here."""
        return work()

    def solver(self) -> Solver:
        """See AllocationStore."""
        # Imported by whoever needs it: the solver's libraries take longer to load than most tests.
        from allocation_service.adapters.milp_solver import solve  # noqa: PLC0415

        return solve

    async def revise_promises(self, revision: Revision, gained: int | None = None) -> Sequence[MovedLine]:
        """See AllocationStore."""
        state = self._state
        moved: list[MovedLine] = []
        for line_id, new in revise(state.waiting(revision.sku), revision, gained).items():
            old = state.lines[line_id]
            for promise, units in ((old.promise, -old.queued_units), (LinePromise(*new), old.queued_units)):
                backed = units if promise.backed else 0
                if promise.promise_date is not None:
                    add(state.promised, (revision.sku, promise.promise_date), units, backed)
                add(state.claimed, (revision.sku, promise.claim_date), units, backed)
            day = new.promise_date
            line = state.lines[line_id] = replace(old, **new._asdict())
            if day == old.promise_date:
                continue
            source = source_after(revision, day, backed=new.backed)
            line = state.lines[line_id] = replace(line, promise_source=source)
            if not old.promise_revision and day is not None and source is not None and revision.learned is not None:
                first = FirstPromise(
                    line_id, old.sku, source.basis, source.source, revision.learned.target, day, revision.now,
                    revision.learned.lead_time, source.table_version, source.confidence,
                )  # fmt: skip
                state.first_promises.setdefault(line_id, FirstDate(first))
            moved.append(self._tell(line, day, revision))
        return self._kept(moved, revision)

    async def move_allocated(self, revision: Revision, day: date) -> Sequence[MovedLine]:
        """See AllocationStore."""
        lines = [
            one
            for one in self._state.lines.values()
            if one.sku == revision.sku and not one.waiting and one.unshipped > 0 and one.promise_date != day
        ]
        return self._kept([self._tell(replace(one, promise_source=None), day, revision) for one in lines], revision)

    def _tell(self, line: Line, day: date | None, revision: Revision) -> MovedLine:
        """Keep a line with another date, as it is told."""
        state = self._state
        line = state.lines[line.line_id] = replace(
            line,
            promise_date=day,
            promise_revision=line.promise_revision + 1,
            promise_cause=revision.cause,
            version=line.version + 1,
            ship_by=None if day is None or revision.handling is None else revision.handling.ship_by(day, revision.now),
        )
        order = state.orders[line.order_id]
        return MovedLine(
            line.line_id, line.order_id, line.sku, line.version, line.waiting, line.declined, line.reason, day,
            line.promise_revision, order.basis, order.correlation_id, dict(line.granted),
            line.promise_source, line.ship_by,
        )  # fmt: skip

    def _kept(self, moved: list[MovedLine], revision: Revision) -> list[MovedLine]:
        """Record a revision that moved some lines."""
        if moved:
            cause = revision.cause_event or revision.cause
            step = revision.step(len(moved))
            record = DecisionRecord(
                revision.decision_id, cause, revision.cause, revision.now, [step], skus={revision.sku}
            )
            for line in moved:
                if line.promise_date is not None:
                    record.name_ship_date(revision.sku, revision.handling, line.promise_date)
            in_memory_session_writes.keeping([record])(self._state)
        return moved

    async def first_unbacked(self, skus: Collection[str]) -> Mapping[str, int]:
        """See AllocationStore."""
        found: dict[str, int] = {}
        for sku in skus:
            lines = [one for one in self._state.waiting(sku) if not one.backed]
            if lines:
                found[sku] = min(lines, key=lambda one: (one.claim_date, one.queued_at, one.line_id)).units
        return found

    async def oldest_deferred_orders(self, limit: int, without: Collection[str] = ()) -> list[str]:
        """See AllocationStore."""
        return [one for one in self._state.deferred_orders if one not in without][:limit]

    async def set_deferred_order_aside(self, order_id: str, task: str, error: BaseException) -> None:
        """See AllocationStore."""
        if (one := self._state.deferred_orders.pop(order_id, None)) is not None:
            self._state.deferred_orders_aside[order_id] = one

    async def take_up_deferred_orders(self, order_ids: Collection[str]) -> None:
        """See AllocationStore."""
        for order_id in order_ids:
            if (one := self._state.deferred_orders_aside.pop(order_id, None)) is not None:
                self._state.deferred_orders[order_id] = one

    async def open_deferred_orders(self, session: AllocationSession, order_ids: Sequence[str]) -> list[str]:
        """See AllocationStore."""
        ready, taken = [], set[str]()
        for one in self._state.deferred_orders.values():
            if not session.skus.keys() & set(one.skus):
                continue
            if one.order_id in order_ids and not taken & set(one.skus) and set(one.skus) <= session.skus.keys():
                ready.append(one.order_id)
                session.deferred_orders_due[one.order_id] = replace(one)
            else:
                taken |= set(one.skus)
        return ready

    async def publish(self, events: Sequence[IntegrationEvent]) -> None:
        """See AllocationStore."""
        await self._uow.publish(decoded(events))


def decoded(events: Sequence[IntegrationEvent]) -> list[Event]:
    """Events as their consumers read them."""
    return [decode(event.headers(), event.value()) for event in events]


class InMemoryCatalogueLookup:
    """Implements CatalogueLookup."""

    def __init__(self, state: AllocationState) -> None:
        self._known = {name: sku for name, sku in state.skus.items() if sku.known}

    async def unknown_skus(self, skus: Collection[str]) -> list[str]:
        """See CatalogueLookup."""
        return sorted(set(skus) - self._known.keys())

    async def is_category_known(self, category: str) -> bool:
        """See CatalogueLookup."""
        return any(sku.category == category for sku in self._known.values())


class InMemoryCalendarStore:
    """Implements CalendarStore."""

    def __init__(self, state: AllocationState) -> None:
        self._state = state

    async def keep(self, calendars: Sequence[LocationCalendar]) -> None:
        """See CalendarStore."""
        for one in calendars:
            known = self._state.calendars.get(one.location)
            if known is None or known.version < one.version:
                self._state.calendars[one.location] = one


class InMemoryPinStore:
    """Implements PinStore."""

    def __init__(self, state: AllocationState) -> None:
        self._state = state

    async def pin(self, line_id: str, reason: str, by: str, at: datetime) -> Pin | None:
        """See PinStore."""
        if line_id not in self._state.lines:
            return None
        self._state.pins[line_id] = Pin(line_id, reason, by, at)
        return self._state.pins[line_id]

    async def unpin(self, line_id: str) -> bool:
        """See PinStore."""
        return self._state.pins.pop(line_id, None) is not None

    async def read_pin(self, line_id: str) -> Pin | None:
        """See PinStore."""
        return self._state.pins.get(line_id)


class InMemoryAllocationUnitOfWork(InMemoryUnitOfWork):
    """Implements what the use cases of AllocationUnitOfWork decide by."""

    def __init__(self, state: AllocationState, now: datetime) -> None:
        super().__init__(now)
        self.store = InMemoryAllocationStore(self, state)
        self.policies = InMemoryPolicyStore(state, now)
        self.assignments = InMemoryPolicyAssignmentStore(state, now)
        self.catalogue = InMemoryCatalogueLookup(state)
        self.pins = InMemoryPinStore(state)
        self.loans = in_memory_lending.InMemoryLoanViews(state)
        self.lateness = InMemoryLatenessStore(state)
        self.calendars = InMemoryCalendarStore(state)
        self.background = InMemoryBackgroundWork(state)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} are not kept in memory: test what needs them on PostgreSQL")


InMemoryAllocationUnits = InMemoryUnitOfWorkFactory[AllocationState, InMemoryAllocationUnitOfWork]


def in_memory_units(clock: Clock | None = None) -> InMemoryAllocationUnits:
    """Units of work on an empty state."""
    return InMemoryUnitOfWorkFactory(AllocationState(), InMemoryAllocationUnitOfWork, clock)
