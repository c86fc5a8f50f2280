"""Having payments looked at, in the transaction that changes their orders."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_TOUCH = text(
    """
    UPDATE payment SET look_at = CAST(:at AS timestamptz)
    WHERE order_id = ANY(CAST(:order_ids AS text[])) AND (look_at IS NULL OR look_at > CAST(:at AS timestamptz))
    """
)


async def touch_payments(conn: AsyncConnection, order_ids: Collection[str], at: datetime) -> None:
    """Have the payments of these orders looked at ``at`` this moment; nothing for no orders."""
    if order_ids:
        await conn.execute(_TOUCH, {"order_ids": sorted(order_ids), "at": at})
