"""What lending goes by, and loans as they are shown, in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

from tests.unit.allocation.in_memory_session_reads import load_lines
from tests.unit.allocation.in_memory_state import AllocationState, Place

from allocation_service.application.lending.loan_records import LoanFilter, Tally
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.demand.line import Line
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.policies.policy import NO_DATE, TierTerms


def load_loans(state: AllocationState, session: AllocationSession, sku: str) -> None:
    """Enter a SKU's open loans, and their lenders' lines as far as the session has forgotten them."""
    if sku not in session.loans:
        session.loans[sku] = [
            replace(one) for _, one in sorted(state.loans.items()) if one.sku == sku and one.closed_at is None
        ]
    load_lines(state, session, sorted({one.lender_line for one in session.loans[sku] if one.owed}))


def load_urgent(state: AllocationState, session: AllocationSession, sku: str, before: date, limit: int) -> None:
    """Enter the lines that are due soonest; where no date was asked for, by what their tier may expect."""
    tiers = session.skus[sku].policy.tiers
    due = [
        (day, one.queued_at, one.line_id)
        for one in state.places(sku)
        if not one.ship_complete and (day := _due(one, tiers)) < before
    ]
    load_lines(state, session, [line_id for _, _, line_id in sorted(due)[:limit]])


def _due(place: Place, tiers: tuple[TierTerms, ...]) -> date:
    if place.needed_by != NO_DATE:
        return place.needed_by
    return place.queued_at.date() + timedelta(days=tiers[min(place.tier_rank, len(tiers) - 1)].due_days)


def find_lenders(
    state: AllocationState, session: AllocationSession, sku: str, after: date, limit: int
) -> Collection[str]:
    """Enter the lines that could lend, whoever needs its units last first. Nobody lends twice, nor what it borrowed,
    nor what a person fixed."""
    busy = {name for loan in state.loans.values() for name in (loan.lender_line, loan.borrower_line)}
    found = []
    for line in state.lines.values():
        order = state.orders[line.order_id]
        needed = [day for day in (order.needed_by, line.promise_date) if day is not None]
        free_to_lend = line.line_id not in busy and line.line_id not in state.pins and not order.ship_complete
        if line.sku == sku and free_to_lend and _holds_all(line) and needed and min(needed) > after:
            found.append((min(needed), order.tier_rank, line.layers[0].queued_at, line.line_id))
    chosen = [line_id for *_, line_id in sorted(found, reverse=True)[:limit]]
    load_lines(state, session, chosen)
    return chosen


def _holds_all(line: Line) -> bool:
    return line.unshipped > 0 and line.live_units == line.granted_units


class InMemoryLoanViews:
    """Implements LoanViews."""

    def __init__(self, state: AllocationState) -> None:
        self._loans = state.loans

    async def tallies(self) -> tuple[Tally, dict[str, Tally]]:
        """See LoanViews."""
        together, suppliers = Tally(), dict[str, Tally]()
        for loan in self._loans.values():
            counts = (loan.outcome.value, 1, loan.units, loan.owed)
            together = together.plus(*counts)
            suppliers[loan.supplier] = suppliers.get(loan.supplier, Tally()).plus(*counts)
        return together, dict(sorted(suppliers.items()))

    async def list_loans(self, wanted: LoanFilter, before: str | None, limit: int) -> list[KeptLoan]:
        """See LoanViews."""
        found = [
            replace(one)
            for loan_id, one in sorted(self._loans.items(), reverse=True)
            if (before is None or loan_id < before)
            and wanted.outcome in (None, one.outcome)
            and wanted.sku in (None, one.sku)
            and wanted.line_id in (None, one.lender_line, one.borrower_line)
            and wanted.supplier in (None, one.supplier)
        ]
        return found[:limit]

    async def mark_breached(self, today: date) -> int:
        """See LoanViews."""
        due = [
            one for one in self._loans.values() if one.closed_at is None and not one.breached and one.repay_by < today
        ]
        for one in due:
            self._loans[one.loan_id] = replace(one, breached=True)
        return len(due)
