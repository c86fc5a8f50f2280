"""Idempotency keys are kept for some days and then forgotten, in small steps."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from service_kit.commands.idempotency import forget

if TYPE_CHECKING:
    from service_kit.persistence.database import Database

log = structlog.get_logger(__name__)

_AT_ONCE = 5000


async def forget_old_keys(database: Database, days: int, stopping: asyncio.Event) -> int:
    """Drop the keys that are older than ``days``, unless ``stopping`` is set before the last; how many were dropped.

    Each step is a transaction of its own. Several processes may do so at once. Raises the database's errors.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    total = 0
    while not stopping.is_set():
        async with database.transaction() as connection:
            deleted = await forget(connection, before, batch=_AT_ONCE)
        total += deleted
        if deleted < _AT_ONCE:
            break
    if total:
        log.info("idempotency_keys_forgotten", deleted=total)
    return total
