"""From the session to the store: what changed, then its events behind the locks of their orders."""

from __future__ import annotations

from typing import Any

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.integration_events import events_of
from allocation_service.application.session.ports import AllocationStore
from allocation_service.domain import protocol_rules

PART = 10_000
"""Units handed out, and events told, before a part is stored."""


async def store_and_publish(store: AllocationStore, session: AllocationSession) -> None:
    """Write the session, then its events, behind the locks of their orders (protocol rule 12, docs/protocol.md)."""
    await store.write_and_publish(prepare_all(store, session))


def prepare_part(builder: DecisionBuilder, store: AllocationStore, sku: str) -> Any:
    """What stores and tells all that has been decided so far; the session forgets what is done and the
    decision builder goes on under a new decision."""
    session = builder.session
    done = builder.finished_lines()
    session.unwritten.events += events_of(builder, line_ids=done)
    for line_id in done:
        del builder.before[line_id]
    session.unwritten.decisions.append(builder.record)
    builder.begin_record()
    prepared = prepare_all(store, session)
    # A line that waits at several places may be met again before it has been stored.
    unfinished = {line_id for line_id in done if (line := session.lines[line_id]).queued_units and len(line.layers) > 1}
    session.forget(sku, builder.before.keys() | unfinished)
    for line_id in builder.before:
        session.touch(session.lines[line_id])
    return prepared


def prepare_all(store: AllocationStore, session: AllocationSession) -> Any:
    """What stores and tells all that changed in the session, which from here on holds it for stored."""
    # Nobody else sees an order before it is committed: who inserts it holds it.
    session.locked_orders.update(
        order.order_id for order in session.orders.values() if not order.stored and order.changed
    )
    prepared = store.prepare(
        session, protocol_rules.lock_order({event.key for event in session.unwritten.events} - session.locked_orders)
    )
    session.mark_prepared()
    return prepared
