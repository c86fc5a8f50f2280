"""Decisions as they are read to be shown."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.reason_columns import reason_of
from allocation_service.adapters.views import queries, queue_positions
from allocation_service.application.decisions.decision_records import (
    DecisionAboutLine,
    DecisionHead,
    RecordedDecision,
    RecordedLine,
)
from allocation_service.domain.reasons import Reason


class SqlDecisionViews:
    """Implements DecisionViews on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def list_decisions(
        self, *, sku: str | None, line_id: str | None, before: str | None, limit: int
    ) -> list[DecisionHead]:
        """See DecisionViews."""
        rows = await queries.list_decisions(self._conn, sku=sku, line_id=line_id, before=before, limit=limit)
        return [DecisionHead(**row._mapping) for row in rows]

    async def decision(self, decision_id: str) -> RecordedDecision | None:
        """See DecisionViews."""
        row = await queries.decision(self._conn, decision_id)
        if row is None:
            return None
        head = DecisionHead(
            row.decision_id,
            row.cause,
            row.cause_type,
            row.decided_at,
            row.digest,
            row.recorded_at,
            row.summary is not None,
        )
        return RecordedDecision(head, orjson.loads(row.steps_text), row.summary)

    async def decision_lines(self, decision_id: str, after: tuple[int, int] | None, limit: int) -> list[RecordedLine]:
        """See DecisionViews."""
        return [
            RecordedLine(
                row.step,
                row.rank,
                row.line_id,
                row.sku,
                row.quantity,
                row.granted,
                _reason(row),
                orjson.loads(row.facts),
            )
            for row in await queries.decision_lines(self._conn, decision_id, after, limit)
        ]

    async def decisions_about(self, line_id: str, limit: int) -> list[DecisionAboutLine]:
        """See DecisionViews."""
        return [
            DecisionAboutLine(
                row.decision_id,
                row.decided_at,
                row.cause,
                row.cause_type,
                row.rank,
                row.quantity,
                row.granted,
                _reason(row),
                row.policy_name,
                row.policy_version,
            )
            for row in await queue_positions.decided(self._conn, line_id, limit)
        ]


def _reason(row: Any) -> Reason | None:
    return reason_of(row.reason, row.reason_code, row.reason_parameters)
