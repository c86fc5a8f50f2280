"""Writing history entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.application.history import HistoryEntry
from service_kit.persistence.bulk import arrays, names, unnest
from service_kit.persistence.statements import Statement

HISTORY_COLUMNS: tuple[tuple[str, str], ...] = (
    ("order_id", "text"),
    ("version", "bigint"),
    ("event", "text"),
    ("state", "text"),
    ("occurred_at", "timestamptz"),
    ("detail", "jsonb"),
)

ADD_HISTORY = Statement(
    f"""
    INSERT INTO order_history ({names(HISTORY_COLUMNS)}, recorded_at)
    SELECT {names(HISTORY_COLUMNS)}, CAST(:now AS timestamptz) FROM {unnest(HISTORY_COLUMNS, "h")}
    """,
    changes="order_history",
)


def history_row(entry: HistoryEntry) -> tuple[Any, ...]:
    """The values of HISTORY_COLUMNS."""
    detail = orjson.dumps(entry.detail).decode()
    return (entry.order_id, entry.version, entry.event, entry.state, entry.occurred_at, detail)


def history_values(now: datetime, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """The parameters of ADD_HISTORY."""
    return {"now": now, **arrays(HISTORY_COLUMNS, [history_row(entry) for entry in history])}


async def add_history(conn: AsyncConnection, now: datetime, history: Sequence[HistoryEntry]) -> None:
    """Add history entries in one statement."""
    await ADD_HISTORY.within(conn, history_values(now, history))
