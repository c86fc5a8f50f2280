"""Loans as they are shown."""

from __future__ import annotations

from allocation_service.application.lending.loan_records import LoanFilter, Tally
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.lending.loan import KeptLoan


async def read_tallies(uow: AllocationUnitOfWork) -> tuple[Tally, dict[str, Tally]]:
    """All loans ever made: together, and by supplier."""
    return await uow.loans.tallies()


async def list_loans(uow: AllocationUnitOfWork, wanted: LoanFilter, before: str | None, limit: int) -> list[KeptLoan]:
    """Loans, the newest first; ``before`` is the last one of the page before."""
    return await uow.loans.list_loans(wanted, before, limit)
