"""Loans as they are counted and looked up."""

from __future__ import annotations

from typing import NamedTuple

from allocation_service.domain.lending.breach_rate import Rate, breach_rate
from allocation_service.domain.lending.loan import LoanOutcome


class Tally(NamedTuple):
    """Loans by what became of them; ``units`` were lent, ``owed`` are not back. Breached loans may be repaid since."""

    open: int = 0
    repaid: int = 0
    breached: int = 0
    void: int = 0
    units: int = 0
    owed: int = 0

    @property
    def repaid_or_breached(self) -> int:
        """Loans of which it is known whether they were repaid in time."""
        return self.repaid + self.breached

    @property
    def rate(self) -> Rate:
        """How many of them were breached."""
        return breach_rate(self.breached, self.repaid_or_breached)

    def plus(self, outcome: str, loans: int, units: int, owed: int) -> Tally:
        """With some more loans of one outcome."""
        return self._replace(
            **{outcome: getattr(self, outcome) + loans}, units=self.units + units, owed=self.owed + owed
        )


class LoanFilter(NamedTuple):
    """Which loans to list; None: all."""

    outcome: LoanOutcome | None = None
    sku: str | None = None
    line_id: str | None = None
    supplier: str | None = None
