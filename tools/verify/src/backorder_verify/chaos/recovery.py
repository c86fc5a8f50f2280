"""When the system works again: every process is ready, and orders and events flow."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from backorder_verify.chaos.fleet import Fleet

_OLDEST_WORK = 1.5
_EVERY = 0.25
_DECISIONS_FLOW = f"""
    SELECT NOT EXISTS (
        SELECT FROM customer_order
        WHERE answered < sequence AND updated_at < clock_timestamp() - interval '{_OLDEST_WORK} s'
    )
"""
_ORDERS_DECIDED = "SELECT EXISTS (SELECT FROM customer_order WHERE placed_at > $1 AND answered >= sequence)"
_OUTBOX_FLOWS = f"""
    SELECT NOT EXISTS (SELECT FROM outbox WHERE created_at < clock_timestamp() - interval '{_OLDEST_WORK} s')
"""


@dataclass
class Recovery:
    """How long the system took to recover, and what delayed it."""

    seconds: float | None = None
    """Since the last fault; None if it never recovered."""
    waited_for: Counter[str] = field(default_factory=Counter)
    """Obstacle → how often it was the first one found."""

    def __str__(self) -> str:
        total = max(1, self.waited_for.total())
        shares = ", ".join(f"{name} {times / total:.0%}" for name, times in self.waited_for.most_common(4))
        return f"recovered after {self.seconds:.1f} s ({shares})" if self.seconds else f"did not recover ({shares})"


async def recovered(fleet: Fleet, struck_at: float, within: float) -> Recovery:
    """Wait until everything is ready and work flows; seconds count from `struck_at` (monotonic clock).

    Work flows when an order placed after the fault has been decided, no order has waited for its decision for longer
    than 1.5 s, and no event has been in an outbox for longer.
    """
    struck_when = datetime.fromtimestamp(time.time() - (time.monotonic() - struck_at), UTC)
    found = Recovery()
    while time.monotonic() - struck_at < within:
        obstacle = await asyncio.to_thread(fleet.first_not_ready) or await _stalled(fleet, struck_when)
        if obstacle is None:
            found.seconds = time.monotonic() - struck_at
            break
        found.waited_for[obstacle] += 1
        await asyncio.sleep(_EVERY)
    return found


async def _stalled(fleet: Fleet, since: datetime) -> str | None:
    """The first part of the system found to be stalled; None if all of it works."""
    try:
        for name, url in fleet.running_system().database_urls.items():
            connection = await asyncpg.connect(url, timeout=5)
            try:
                if not await connection.fetchval(_OUTBOX_FLOWS):
                    return f"{name}'s outbox"
                if name == "order" and not await connection.fetchval(_DECISIONS_FLOW):
                    return "decisions"
                if name == "order" and not await connection.fetchval(_ORDERS_DECIDED, since):
                    return "a new order"
            finally:
                await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return "a database"
    return None
