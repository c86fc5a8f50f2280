"""Loans that were not repaid in time."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from allocation_service.application.lending.loan_records import Tally
from allocation_service.application.unit_of_work import AllocationUnitOfWork


class LoanReview(NamedTuple):
    """How many loans were found breached, and how lending stands now."""

    breached: int
    tally: Tally


async def find_breached_loans(uow: AllocationUnitOfWork, today: date) -> LoanReview:
    """Mark the loans of which something is owed although the day is over by which it should be back."""
    breached = await uow.loans.mark_breached(today)
    tally, _ = await uow.loans.tallies()
    return LoanReview(breached, tally)
