"""The one place where an order becomes an event of the public contract."""

from __future__ import annotations

from event_contracts import Event, OrderLine, OrderState, ShippedLine, new_event
from event_contracts.sources import ORDER_SOURCE
from order_service.domain.order import Change, Order

MAX_EVENT_BYTES = 512 * 1024
"""What one event may carry. The outbox accepts no more, so a command that would exceed it is refused before."""

SMALL_EVENT_LINES = 300
"""Lines and shipped lines together whose event is below the limit whatever their names: at most 1.6 KB each."""


def order_event(order: Order, change: Change) -> Event:
    """The event that reports a change just made: the order, with all lines and shipments, as it is afterwards."""
    return new_event(change.kind.value, _state(order, change), source=ORDER_SOURCE, sequence=order.sequence)


def is_too_large(event: Event) -> bool:
    """Whether the event exceeds what one event may carry."""
    return len(event.value()) > MAX_EVENT_BYTES


def _state(order: Order, change: Change) -> OrderState:
    terms = order.terms
    return OrderState(
        order_id=order.order_id,
        sequence=order.sequence,
        reference=terms.reference,
        placed_at=order.placed_at,
        updated_at=order.changed_at,
        ship_complete=terms.ship_complete,
        customer_id=terms.customer_id,
        contact_id=terms.contact_id,
        tier=terms.tier,
        channel=terms.channel,
        country=terms.country,
        region=terms.region,
        jurisdiction=terms.jurisdiction,
        currency=terms.currency,
        needed_by=terms.needed_by,
        latest_acceptable_date=terms.latest_acceptable_date,
        location_preference=terms.location_preference,
        reason=change.reason,
        lines=tuple(
            OrderLine(
                line_id=line.line_id,
                sku=line.sku,
                quantity=line.quantity,
                cancelled=line.cancelled,
                unit_price=line.unit_price,
                added_at=line.added_at,
                shipped={name: at.shipped for name, at in sorted(line.locations.items()) if at.shipped},
            )
            for line in order.lines.values()
        ),
        shipments=tuple(
            ShippedLine(
                shipment_id=shipment.shipment_id,
                line_id=units.line_id,
                sku=order.lines[units.line_id].sku,
                location=shipment.location_id,
                quantity=units.quantity,
                shipped_at=shipment.shipped_at,
            )
            for shipment in order.shipments
            for units in shipment.lines
        ),
    )
