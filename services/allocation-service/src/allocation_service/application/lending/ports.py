"""What the API of lending reads."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from allocation_service.application.lending.loan_records import LoanFilter, Tally
from allocation_service.domain.lending.loan import KeptLoan


class LoanViews(Protocol):
    """Loans as they are counted and listed."""

    async def tallies(self) -> tuple[Tally, dict[str, Tally]]:
        """Of all loans ever made: together, and by supplier."""
        ...

    async def list_loans(self, wanted: LoanFilter, before: str | None, limit: int) -> list[KeptLoan]:
        """Loans, the newest first; ``before`` is the last loan of the page before."""
        ...

    async def mark_breached(self, today: date) -> int:
        """Mark loans of which something is owed although the day is over by which it should be back; how many."""
        ...
