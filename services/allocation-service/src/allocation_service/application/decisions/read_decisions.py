"""Decisions as they are shown."""

from __future__ import annotations

from allocation_service.application.decisions.decision_records import DecisionHead, RecordedDecision, RecordedLine
from allocation_service.application.unit_of_work import AllocationUnitOfWork


class DecisionNotFound(Exception):
    """There is no such decision."""


async def list_decisions(
    uow: AllocationUnitOfWork, sku: str | None, line_id: str | None, before: str | None, limit: int
) -> list[DecisionHead]:
    """Decisions about a SKU or a line, the newest first; ``before`` is the last one of the page before."""
    return await uow.decisions.list_decisions(sku=sku, line_id=line_id, before=before, limit=limit)


async def read_decision(
    uow: AllocationUnitOfWork, decision_id: str, after: tuple[int, int] | None, limit: int
) -> tuple[RecordedDecision, list[RecordedLine]]:
    """A decision and the next of its lines behind the step and rank ``after``. Raises DecisionNotFound."""
    found = await uow.decisions.decision(decision_id)
    if found is None:
        raise DecisionNotFound
    return found, await uow.decisions.decision_lines(decision_id, after, limit)
