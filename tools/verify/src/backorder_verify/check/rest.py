"""Waiting for rest: outboxes empty and consumers at the end of their topics, twice in a row."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from backorder_local.running import RunningSystem
from backorder_verify.check.topics import lags

_BETWEEN_LOOKS = 0.25
_CALM_LOOKS = 2


async def until_at_rest(system: RunningSystem, *, within: float = 60.0, topic_prefix: str = "") -> bool:
    """True once the system is at rest; False where it is not after `within` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    connections = {name: await asyncpg.connect(url) for name, url in system.database_urls.items()}
    try:
        calm = 0
        while calm < _CALM_LOOKS:
            busy = await _outbox_rows(connections) or await lags(system.kafka_bootstrap, prefix=topic_prefix)
            calm = 0 if busy else calm + 1
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_BETWEEN_LOOKS)
        return True
    finally:
        for connection in connections.values():
            await connection.close()


async def _outbox_rows(connections: Mapping[str, asyncpg.Connection]) -> int:
    return sum([await connection.fetchval("SELECT count(*) FROM outbox") for connection in connections.values()])
