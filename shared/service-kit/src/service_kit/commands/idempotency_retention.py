"""Idempotency keys are kept for some days and then forgotten, in small steps."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from service_kit.commands.idempotency import forget
from service_kit.persistence.transient_errors import is_transient

if TYPE_CHECKING:
    from service_kit.persistence.database import Database

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 600.0


async def forget_idempotency_keys(database: Database, days: int, stopping: asyncio.Event) -> None:
    """Until ``stopping``, drop keys older than ``days`` every ten minutes; several processes may do so at once."""
    while not stopping.is_set():
        try:
            deleted = await _forget_all(database, datetime.now(UTC) - timedelta(days=days), stopping)
        except Exception as error:
            if not is_transient(error):
                raise
            deleted = 0
        if deleted:
            log.info("idempotency_keys_forgotten", deleted=deleted)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _EVERY_SECONDS)


async def _forget_all(database: Database, before: datetime, stopping: asyncio.Event, batch: int = 5000) -> int:
    total = 0
    while not stopping.is_set():
        async with database.transaction() as connection:
            deleted = await forget(connection, before, batch=batch)
        total += deleted
        if deleted < batch:
            break
    return total
