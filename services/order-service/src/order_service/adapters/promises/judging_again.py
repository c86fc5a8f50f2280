"""Asking the law again about lines that are open, for `backorder check`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from order_service.adapters.sql_unit_of_work import SqlOrderUnitOfWork
from order_service.application.promises.find_promises import find_promises
from order_service.application.queries import Visibility
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.persistence.invariant import Violation
from service_kit.runtime.clock import SystemClock

_LATE = timedelta(hours=1)
"""How long after a deadline its consequence must have been drawn."""


async def find_overdue_lines(database: Database, candidates: Sequence[Violation]) -> Sequence[Violation]:
    """Those of the open lines that the law deemed cancelled an hour ago, each with why and since which day."""
    open_lines = {(row["order_id"], row["line_id"]) for row in candidates}
    units = SqlUnitOfWorkFactory(database, SqlOrderUnitOfWork, SystemClock())
    found: list[Violation] = []
    async with units.reading() as uow:
        for order_id in sorted({str(order_id) for order_id, _ in open_lines}):
            record = await find_promises(uow, order_id, Visibility(), datetime.now(UTC) - _LATE)
            found += [
                {"order_id": order_id, "line_id": line_id, "cause": one.cause.value, "vested_on": one.vested_on}
                for line_id, one in record.verdict.cancelled.items()
                if (order_id, line_id) in open_lines
            ]
    return found
