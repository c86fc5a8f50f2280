"""What the API shows of loans; pages are read by index."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lending.loan_writes import LOAN_NAMES
from allocation_service.application.lending.loan_records import LoanFilter, Tally
from allocation_service.domain.lending.loan import KeptLoan

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


_DUE = text(
    """
    UPDATE loan SET breached = true
    WHERE loan_id IN (SELECT loan_id FROM loan WHERE closed_at IS NULL AND NOT breached AND repay_by < :today
                      ORDER BY loan_id FOR UPDATE)
    RETURNING loan_id, sku, lender_line, po_line, repay_by
    """
)


class SqlLoanViews:
    """Implements LoanViews on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def tallies(self) -> tuple[Tally, dict[str, Tally]]:
        """See LoanViews."""
        together, suppliers = Tally(), dict[str, Tally]()
        for row in (await self._conn.execute(_TALLY)).all():
            counts = (row.outcome, row.loans, int(row.units), int(row.owed))
            together = together.plus(*counts)
            suppliers[row.supplier] = suppliers.get(row.supplier, Tally()).plus(*counts)
        return together, suppliers

    async def list_loans(self, wanted: LoanFilter, before: str | None, limit: int) -> list[KeptLoan]:
        """See LoanViews."""
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
        rows = (await self._conn.execute(statement, {**values, "limit": limit})).all()
        return [KeptLoan(*row) for row in rows]

    async def mark_breached(self, today: date) -> int:
        """See LoanViews."""
        return len((await self._conn.execute(_DUE, {"today": today})).all())
