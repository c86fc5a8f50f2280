"""A session that was not caused by an event: SKUs are locked and time goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from allocation_service.application.allocating.allocate_supply import allocate_supply
from allocation_service.application.allocating.handle_events import close
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.apply_events import advance
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.options import Options
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.session.session_records import Origin
from allocation_service.domain import protocol_rules


async def lock_session(
    store: AllocationStore, options: Options, skus: Collection[str], now: datetime
) -> AllocationSession:
    """Lock the SKUs, in sorted order, and bring each to the business time ``now``."""
    session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
    session.cause_times = dict.fromkeys(skus, now)
    await store.lock_skus(session, protocol_rules.lock_order(skus), ())
    for sku in session.skus.values():
        advance(sku, now)
        session.unwritten.skus.add(sku.sku)
    return session


async def allocate_free_stock(store: AllocationStore, session: AllocationSession, name: str, cause: str) -> bool:
    """Serve the queue of a locked SKU with what is free, and take back shortfalls; whether anything changed."""
    sku = session.skus[name]
    if sku.last_now is None:
        return False
    published = session.effects.events_told + len(session.unwritten.events)
    builder = DecisionBuilder(session, Origin(cause), sku.last_now)
    builder.queues_to_serve.add(name)
    builder.short.add(name)
    await allocate_supply(builder, store)
    builder.renew_promises()
    close(builder)
    return session.effects.events_told + len(session.unwritten.events) > published
