"""How well dates are kept, and what the next ones are named by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from allocation_service.application.promising.ports import KeptDates, LatenessState
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.lateness.first_promise import Levels
from allocation_service.domain.lateness.quantile_table import QuantileTable


class Calibration(NamedTuple):
    """What was kept, and the table in force with the suppliers that it judges by themselves."""

    state: LatenessState
    kept: KeptDates
    levels: Levels
    table: QuantileTable
    suppliers: Sequence[str]


async def read_calibration(uow: AllocationUnitOfWork, now: datetime, days: int) -> Calibration:
    """Of the first dates that came due in the last days, and of the table in force."""
    state = await uow.lateness.state()
    table = await uow.lateness.table(state.version)
    suppliers = sorted({source for source, _ in table.own} | set(table.yields) - {""})
    kept = await uow.lateness.kept_dates(now.date(), days)
    return Calibration(state, kept, await uow.lateness.levels(), table, suppliers)
