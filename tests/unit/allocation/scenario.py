"""A small allocation in memory: tests tell what its neighbours say, and look at its lines, decisions and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tests.scenario import WallClock
from tests.unit.allocation.allocation_scenario import AllocationScenario
from tests.unit.allocation.in_memory_invariants import replays, violations
from tests.unit.allocation.in_memory_state import KeptDecision
from tests.unit.allocation.in_memory_stores import InMemoryAllocationUnits, in_memory_units

from allocation_service.application.allocating.handle_events import handle_events
from allocation_service.application.lending.loan_records import LoanFilter
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.demand.line import Line
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.supply.sku import Announced, Arrived
from event_contracts import Event
from service_kit.commands.execute import execute

PAST = "past"
"""The SKU of deliveries that are long over."""


@dataclass(kw_only=True)
class InMemoryAllocation(AllocationScenario):
    """Allocation on stores in memory."""

    in_memory: InMemoryAllocationUnits = field(init=False)

    def __post_init__(self) -> None:
        self.in_memory = in_memory_units(WallClock(self))

    @property
    def units(self) -> InMemoryAllocationUnits:
        """See AllocationScenario."""
        return self.in_memory

    async def handle(self, events: Sequence[Event]) -> None:
        """See AllocationScenario."""
        await execute(self.units, handle_events, events, self.options)

    async def apply_at_once(self, *batches: tuple[Sequence[Event], bool]) -> None:
        """One after the other: what was read in memory is not locked."""
        for events, deferred_orders in batches:
            await self.apply(*events, deferred_orders=deferred_orders)

    async def published(self) -> list[Event]:
        """See AllocationScenario."""
        events = list(self.units.outbox)
        self.units.outbox.clear()
        return events

    async def aim_at(self, target: int | None) -> None:
        """See AllocationScenario."""
        self.units.state.lateness["default_target"] = target

    async def remember_deliveries(
        self, *, late: int = 0, first: int = 1, last: int = 99, supplier: str = "S", lead: int = 60
    ) -> None:
        """Deliveries of the past, one for each day from ``first`` to ``last`` ago, all of them this late."""
        async with self.units.begin() as uow:
            session = AllocationSession()
            await uow.store.lock_skus(session, [PAST], ())
            session.unwritten.skus.add(PAST)
            for days in range(first, last + 1):
                po_line, eta = f"{supplier}-{days}", self.now.date() - timedelta(days=days)
                session.skus[PAST].deliveries += [
                    Announced(po_line, supplier, eta, 1, eta - timedelta(days=lead)),
                    Arrived(po_line, 0, eta + timedelta(days=late)),
                ]
            await uow.store.write_and_publish(uow.store.prepare(session, ()))
            await uow.commit()

    # -- what is there afterwards --

    async def line(self, line_id: str) -> Line:
        """See AllocationScenario."""
        return self.units.state.lines[line_id]

    async def granted(self, *line_ids: str) -> list[int]:
        """See AllocationScenario."""
        return [self.units.state.lines[line_id].granted_units for line_id in line_ids]

    async def queue(self, sku: str) -> list[str]:
        """The lines that wait for a SKU, the longest first."""
        places = sorted(self.units.state.places(sku), key=lambda one: (one.queued_at, one.line_id))
        return [one.line_id for one in places]

    async def decisions(self, cause_type: str) -> list[KeptDecision]:
        """Decisions that events of a type caused, in the order of their time."""
        found = [one for one in self.units.state.decisions.values() if one.cause_type == cause_type]
        return sorted(found, key=lambda one: one.decided_at)

    async def loans(self) -> list[KeptLoan]:
        """All loans, by the day they should be back."""
        async with self.units.reading() as uow:
            found = await uow.loans.list_loans(LoanFilter(), None, 1_000)
        return sorted(found, key=lambda one: (one.repay_by, one.borrower_line))

    async def check(self, *, at_rest: bool | None = None) -> None:
        """See AllocationScenario. At rest: by default, where no order is deferred."""
        if at_rest is None:
            at_rest = not self.units.state.deferred_orders
        broken = await violations(self.units, self.options, at_rest=at_rest)
        assert not broken, broken
        assert await replays(self.units.state.decisions.values()) == []
