"""What troubles the workers, in a table, so that every process of the service can tell of it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from time import monotonic
from typing import NamedTuple

from sqlalchemy import text

from service_kit.persistence.database import Database

_UPSERT = text(
    """
    INSERT INTO worker_trouble (worker, part, detail, since, seen_at) VALUES (:worker, :part, :detail, now(), now())
    ON CONFLICT (worker, part) DO UPDATE SET detail = excluded.detail, seen_at = now()
    """
)
_GONE = text(
    """
    DELETE FROM worker_trouble
    WHERE worker = :worker AND part <> ALL (CAST(:parts AS text[])) OR seen_at < now() - interval '1 day'
    """
)
_STATE = text(
    """
    SELECT
        (SELECT count(*) FROM (SELECT FROM parked_key LIMIT :most) AS counted) AS keys,
        (SELECT count(*) FROM (SELECT FROM parked_work LIMIT :most) AS counted) AS items,
        ARRAY(
            SELECT part || ' ' || detail FROM worker_trouble WHERE seen_at > now() - interval '30 seconds'
            GROUP BY part, detail ORDER BY min(since), part, detail LIMIT :told
        ) AS troubles
    """
)


MOST_COUNTED = 1_000
"""How far parked keys and items are counted: whoever asks for readiness does not wait for a count of millions."""

_MOST_TOLD = 20


class ServiceTroubles(NamedTuple):
    """Parked keys and parked items of background tasks, counted up to a thousand, and what workers say of themselves,
    what began first before the rest."""

    parked_keys: int
    parked_items: int
    workers: tuple[str, ...]


class WorkerTroubles:
    """The troubles of one service's workers. A worker that has not repeated one for half a
    minute is taken to be gone."""

    def __init__(self, database: Database, worker: str | None = None) -> None:
        self._database = database
        self._worker = worker or f"{socket.gethostname()}:{os.getpid()}"
        self._told: frozenset[str] = frozenset()
        self._read: ServiceTroubles | None = None
        self._fresh_until = 0.0
        self._reading = asyncio.Lock()

    async def tell(self, troubles: Mapping[str, str]) -> None:
        """Make the table say this of this worker; to be repeated every ten seconds."""
        if not troubles and not self._told:
            return
        async with self._database.transaction() as conn:
            for part, detail in sorted(troubles.items()):
                await conn.execute(_UPSERT, {"worker": self._worker, "part": part, "detail": detail[:500]})
            await conn.execute(_GONE, {"worker": self._worker, "parts": sorted(troubles)})
        self._told = frozenset(troubles)

    async def read(self) -> ServiceTroubles:
        """What troubles the service, as of a second ago at most; however many ask, one of them reads it."""
        async with self._reading:
            if self._read is None or monotonic() >= self._fresh_until:
                async with self._database.reading() as conn:
                    row = (await conn.execute(_STATE, {"most": MOST_COUNTED, "told": _MOST_TOLD})).one()
                self._read = ServiceTroubles(row.keys, row.items, tuple(row.troubles))
                self._fresh_until = monotonic() + 1
            return self._read
