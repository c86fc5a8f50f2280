"""Old decisions and inputs make way, in small steps, each a transaction of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from allocation_service.application.maintenance.maintenance_records import NOTHING, InputRetentionStep, RetentionStep
from allocation_service.application.unit_of_work import AllocationUnitOfWork


class Retention(NamedTuple):
    """Days that things are kept: decisions with their detail (0: for ever), demand, and deliveries."""

    decision_detail_days: int
    demand_days: int
    delivery_days: int


async def summarise_decisions(uow: AllocationUnitOfWork, keep: Retention) -> RetentionStep:
    """One step of replacing old decisions by their summary.

    Old by the wall clock, as messages are kept: replayed history would be old when it is recorded.
    """
    if not keep.decision_detail_days:
        return NOTHING
    return await uow.decision_retention.summarise(uow.now - timedelta(days=keep.decision_detail_days))


async def tidy_decisions(uow: AllocationUnitOfWork) -> RetentionStep:
    """One step of removing what was kept for lines that are closed by now."""
    return await uow.decision_retention.tidy()


async def forget_demand(uow: AllocationUnitOfWork, keep: Retention, after: str) -> InputRetentionStep:
    """One step, behind the SKU ``after``, of forgetting demand that lies too far back to be looked at."""
    return await uow.input_retention.forget_demand(keep.demand_days, after)


async def forget_deliveries(uow: AllocationUnitOfWork, keep: Retention, now: datetime) -> InputRetentionStep:
    """One step of forgetting deliveries that nothing is judged by any more.

    Where old orders are replayed by the wall clock, the time of the newest decision counts, since loans are
    judged by that.
    """
    newest = await uow.background.newest_cause()
    if newest is None:
        return InputRetentionStep(0, "", done=True)
    before = min(now, newest).date() - timedelta(days=keep.delivery_days)
    return await uow.input_retention.forget_deliveries(before)
