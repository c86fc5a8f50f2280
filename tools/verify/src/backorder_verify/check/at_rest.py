"""Waits until a system is at rest: every outbox is empty and every consumer has read its topics to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from backorder_local.running import RunningSystem
from backorder_verify.check.topics import lags

_INTERVAL_SECONDS = 0.25
_QUIET_LOOKS = 2
"""So many looks in a row must find nothing under way: between two of them an event may become another."""


async def until_at_rest(system: RunningSystem, *, within: float = 60.0, topic_prefix: str = "") -> bool:
    """True once the system is at rest; False if it is not after `within` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    connections = {name: await asyncpg.connect(url) for name, url in system.database_urls.items()}
    try:
        quiet = 0
        while quiet < _QUIET_LOOKS:
            busy = await _outbox_rows(connections) or await lags(system.kafka_bootstrap, prefix=topic_prefix)
            quiet = 0 if busy else quiet + 1
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_INTERVAL_SECONDS)
        return True
    finally:
        for connection in connections.values():
            await connection.close()


async def _outbox_rows(connections: Mapping[str, asyncpg.Connection]) -> int:
    return sum([await connection.fetchval("SELECT count(*) FROM outbox") for connection in connections.values()])
