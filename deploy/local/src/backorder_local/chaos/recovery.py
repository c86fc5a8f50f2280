"""When the system works again: all processes ready, and orders flow through all four steps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import asyncpg

from backorder_local.chaos.fleet import Fleet

_OLDEST_WORK = 1.5
_ORDERS_FLOW = f"""
    SELECT NOT EXISTS (
               SELECT FROM customer_order
               WHERE answered < sequence AND updated_at < clock_timestamp() - interval '{_OLDEST_WORK} s'
           )
       AND EXISTS (SELECT FROM customer_order WHERE placed_at > $1 AND answered >= sequence)
"""
_OUTBOX_FLOWS = f"""
    SELECT NOT EXISTS (SELECT FROM outbox WHERE created_at < clock_timestamp() - interval '{_OLDEST_WORK} s')
"""


async def recovered(fleet: Fleet, struck_at: float, within: float) -> float | None:
    """Seconds from `struck_at` (monotonic) until everything is ready and work flows; None if it never did.

    Work flows when an order placed after the fault has been decided, no order has waited for its
    decision longer than 1.5 s, and no event has stood in an outbox for longer.
    """
    struck_when = datetime.fromtimestamp(time.time() - (time.monotonic() - struck_at), UTC)
    while time.monotonic() - struck_at < within:
        if await asyncio.to_thread(fleet.all_ready) and await _work_flows(fleet, struck_when):
            return time.monotonic() - struck_at
        await asyncio.sleep(0.25)
    return None


async def _work_flows(fleet: Fleet, since: datetime) -> bool:
    try:
        for name, url in fleet.running_system().database_urls.items():
            connection = await asyncpg.connect(url, timeout=5)
            try:
                flows = await connection.fetchval(_OUTBOX_FLOWS)
                if flows and name == "order":
                    flows = await connection.fetchval(_ORDERS_FLOW, since)
            finally:
                await connection.close()
            if not flows:
                return False
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False
    return True
