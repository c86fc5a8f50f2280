"""Order events: shipments leave the stock, and demand enters its history.

Every order event carries the whole order with all its shipments, so each one is taken as state: what is
not known yet is booked, the rest changes nothing, in whatever order and however often events come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from event_contracts import Event, OrderState, ShippedLine
from inventory_service.application.events import stock_changed
from inventory_service.application.ports import DemandLine, Stock
from inventory_service.domain.stock import LevelKey, Source, StockLevel

ORDER_EVENTS = frozenset({"OrderPlaced", "OrderAmended", "OrderCancelled", "OrderShipped"})


async def book_orders(stock: Stock, events: Sequence[Event], now: datetime) -> None:
    """Book the shipments that are new and store what the orders ask for. One transaction for the batch."""
    await stock.save_demand(_newest_demand(events))
    stated: dict[tuple[str, str], tuple[str, ShippedLine]] = {}
    causes: dict[tuple[str, str], Event] = {}
    for event in events:
        order = cast(OrderState, event.payload)
        for shipped in order.shipments:
            identity = (shipped.shipment_id, shipped.line_id)
            if shipped.quantity > 0 and identity not in stated:
                stated[identity] = (order.order_id, shipped)
                causes[identity] = event
    if not stated:
        return
    new = await stock.claim_shipments(stated, now)
    shipments = [(line, causes[identity]) for identity, (_, line) in stated.items() if identity in new]
    if shipments:
        await _ship(stock, shipments, now)


def _newest_demand(events: Sequence[Event]) -> list[DemandLine]:
    newest: dict[tuple[str, str], DemandLine] = {}
    for event in events:
        order = cast(OrderState, event.payload)
        day = order.placed_at.astimezone(UTC).date()
        for line in order.lines:
            identity = (order.order_id, line.line_id)
            known = newest.get(identity)
            if known is None or known.sequence < order.sequence:
                newest[identity] = DemandLine(*identity, line.sku, day, line.quantity, line.cancelled, order.sequence)
    return [newest[identity] for identity in sorted(newest)]


async def _ship(stock: Stock, shipments: Sequence[tuple[ShippedLine, Event]], now: datetime) -> None:
    keys = {LevelKey(line.sku, line.location) for line, _ in shipments}
    levels = await stock.lock_levels(keys)
    priorities = await stock.priorities({key.location_id for key in keys})
    last: dict[str, tuple[datetime, Event]] = {}
    for line, cause in shipments:
        level = levels[LevelKey(line.sku, line.location)]
        level.ship(line.quantity, line.shipped_at, Source(line.shipment_id, line.line_id))
        before = last.get(line.sku)
        last[line.sku] = (max(before[0], line.shipped_at) if before else line.shipped_at, cause)
    await stock.save_levels(levels.values(), now)
    by_sku: dict[str, list[StockLevel]] = {}
    for key in sorted(keys):
        by_sku.setdefault(key.sku, []).append(levels[key])
    # One event for each SKU of the batch: it carries absolute levels, so what lies between adds nothing.
    await stock.publish(
        [
            stock_changed(
                "StockLevelChanged",
                changed,
                reason="shipment",
                occurred_at=last[sku][0],
                priorities=priorities,
                cause=last[sku][1],
            )
            for sku, changed in by_sku.items()
        ]
    )
