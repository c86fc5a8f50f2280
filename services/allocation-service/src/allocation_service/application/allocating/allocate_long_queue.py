"""A fill that reaches a great many lines: while one part is decided, the one before is stored and the next read.

Each part is a decision of its own, all of them in one transaction, so that neither memory nor the
connection waits too long. Deciding happens in a thread: the database works meanwhile, and the event loop
goes on answering health checks and the broker.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, NamedTuple

from allocation_service.application.allocating.backorder_queue import head, run_decision
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.ports import AllocationStore, LongQueue
from allocation_service.application.session.store_session import prepare_part
from allocation_service.domain.policies.policy import Key

_LINES = 5_000
"""Places of the queue in a part."""


class _Part(NamedTuple):
    prepared: Any
    reached: Key | None


async def serve_long_queue(
    builder: DecisionBuilder, store: AllocationStore, sku: str, unserved: frozenset[str]
) -> None:
    """Serve the queue of a SKU from its head until the supply is gone, nobody is left, or an order is met
    that must be decided by itself (whoever stands behind it waits for that)."""
    session = builder.session
    policy = session.skus[sku].policy

    def decide(places: Any, behind: Key | None) -> _Part:
        queue.enter(session, places)
        reached = session.queues[sku].horizon
        # Where stock is held back, those who ask for all of it may get none: nobody behind is left out.
        units = sys.maxsize if policy.guarded else session.skus[sku].free
        demands, _ = head(builder, sku, units, unserved, behind=behind)
        if demands:
            run_decision(builder, demands, policy)
        return _Part(prepare_part(builder, store, sku), reached)

    queue = await store.open_long_queue(session, sku, session.skus[sku].free)
    places = await queue.read(_LINES)
    if places is None:
        return
    session.locked_orders.update(await queue.lock_orders())
    part = _Part(None, None)
    while places is not None and session.skus[sku].free > 0 and not session.blocked(sku):
        behind = asyncio.ensure_future(_store_and_read(store, queue, part.prepared))
        try:
            part = await asyncio.to_thread(decide, places, part.reached)
        except BaseException:
            # The connection is given back only when nothing uses it any more.
            behind.cancel()
            await asyncio.gather(behind, return_exceptions=True)
            raise
        places = await behind
    if part.prepared is not None:
        await store.write_and_publish(part.prepared)


async def _store_and_read(store: AllocationStore, queue: LongQueue, prepared: Any) -> Any:
    if prepared is not None:
        await store.write_and_publish(prepared)
    return await queue.read(_LINES)
