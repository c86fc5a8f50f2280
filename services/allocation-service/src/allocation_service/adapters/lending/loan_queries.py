"""What the API shows of loans; pages are read by index."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lending.loan_writes import LOAN_NAMES
from allocation_service.domain.lending.breach_rate import Rate, breach_rate
from allocation_service.domain.lending.loan import KeptLoan, LoanOutcome

_OUTCOME = """
    CASE WHEN breached THEN 'breached' WHEN closed_at IS NULL THEN 'open'
         WHEN repaid_units > 0 THEN 'repaid' ELSE 'void' END"""
"""The twin of ``KeptLoan.outcome``."""

_TALLY = text(
    f"""
    SELECT supplier, {_OUTCOME} AS outcome, count(*) AS loans, sum(units) AS units,
           sum(units - repaid_units - void_units) AS owed
    FROM loan GROUP BY 1, 2 ORDER BY 1, 2
    """
)


class Tally(NamedTuple):
    """Loans by what became of them; ``units`` were lent, ``owed`` are not back. Breached loans may be repaid since."""

    open: int = 0
    repaid: int = 0
    breached: int = 0
    void: int = 0
    units: int = 0
    owed: int = 0

    @property
    def settled(self) -> int:
        """Loans of which it is known whether they were repaid in time."""
        return self.repaid + self.breached

    @property
    def rate(self) -> Rate:
        """How many of the settled ones were not."""
        return breach_rate(self.breached, self.settled)

    def plus(self, outcome: str, loans: int, units: int, owed: int) -> Tally:
        """With some more loans of one outcome."""
        return self._replace(
            **{outcome: getattr(self, outcome) + loans}, units=self.units + units, owed=self.owed + owed
        )


async def tallies(conn: AsyncConnection) -> tuple[Tally, dict[str, Tally]]:
    """Of all loans ever made: together, and by supplier."""
    together, suppliers = Tally(), dict[str, Tally]()
    for row in (await conn.execute(_TALLY)).all():
        counts = (row.outcome, row.loans, int(row.units), int(row.owed))
        together = together.plus(*counts)
        suppliers[row.supplier] = suppliers.get(row.supplier, Tally()).plus(*counts)
    return together, suppliers


class LoanFilter(NamedTuple):
    """Which loans to list; None: all."""

    outcome: LoanOutcome | None = None
    sku: str | None = None
    line_id: str | None = None
    supplier: str | None = None


async def list_loans(conn: AsyncConnection, wanted: LoanFilter, before: str | None, limit: int) -> list[KeptLoan]:
    """Loans, the newest first; ``before`` is the last loan of the page before."""
    conditions = {
        "outcome": (f"{_OUTCOME} = :outcome", wanted.outcome.value if wanted.outcome else None),
        "sku": ("sku = :sku", wanted.sku),
        "line_id": ("(lender_line = :line_id OR borrower_line = :line_id)", wanted.line_id),
        "supplier": ("supplier = :supplier", wanted.supplier),
        "before": ("loan_id < :before", before),
    }
    chosen = {name: one for name, one in conditions.items() if one[1] is not None}
    where = " AND ".join(condition for condition, _ in chosen.values()) or "true"
    statement = text(f"SELECT {', '.join(LOAN_NAMES)} FROM loan WHERE {where} ORDER BY loan_id DESC LIMIT :limit")
    values = {name: value for name, (_, value) in chosen.items()}
    rows = (await conn.execute(statement, {**values, "limit": limit})).all()
    return [KeptLoan(*row) for row in rows]
