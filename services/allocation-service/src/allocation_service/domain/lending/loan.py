"""A loan as it is kept: what was lent, what came back, and whether it did so in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class LoanOutcome(StrEnum):
    """What became of a loan. ``VOID``: the lender needs nothing back, its units were cancelled."""

    OPEN = "open"
    REPAID = "repaid"
    BREACHED = "breached"
    VOID = "void"


@dataclass(slots=True)
class KeptLoan:
    """``units`` = ``repaid_units`` + ``void_units`` + what is still owed. ``breached`` stays, even if it is
    repaid afterwards; until then it is owed."""

    loan_id: str
    decision_id: str
    sku: str
    lender_line: str
    lender_order: str
    borrower_line: str
    borrower_order: str
    location: str
    units: int
    po_line: str
    supplier: str
    repay_by: date
    needed_on: date
    chance: float
    observations: int
    evidence: str
    lent_at: datetime
    repaid_units: int = 0
    void_units: int = 0
    breached: bool = False
    repaid_at: datetime | None = None
    closed_at: datetime | None = None
    new: bool = False
    changed: bool = False

    @property
    def owed(self) -> int:
        """Units that have not come back and are still needed."""
        return self.units - self.repaid_units - self.void_units

    @property
    def outcome(self) -> LoanOutcome:
        """What became of it so far."""
        if self.breached:
            return LoanOutcome.BREACHED
        if self.closed_at is None:
            return LoanOutcome.OPEN
        return LoanOutcome.REPAID if self.repaid_units else LoanOutcome.VOID

    def repay(self, units: int, now: datetime) -> None:
        """Units came back; too late if the day is over by which they should have."""
        self._judge(now)
        self.repaid_units += units
        self._close(now)
        if not self.owed:
            self.repaid_at = now

    def cancel(self, units: int, now: datetime) -> None:
        """Units are not needed any more."""
        self._judge(now)
        self.void_units += units
        self._close(now)

    def _judge(self, now: datetime) -> None:
        self.changed = True
        self.breached |= now.date() > self.repay_by

    def _close(self, now: datetime) -> None:
        if not self.owed:
            self.closed_at = now
