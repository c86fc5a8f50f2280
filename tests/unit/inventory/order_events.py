"""Order events as the order service publishes them."""

from datetime import UTC, datetime

from event_contracts import Event, OrderLine, OrderState, ShippedLine, new_event

PLACED_AT = datetime(2010, 12, 1, 8, tzinfo=UTC)


def an_order_event(
    name: str,
    sequence: int,
    *shipments: ShippedLine,
    order_id: str = "order-1",
    sku: str = "lamp",
    quantity: int = 10,
    cancelled: int = 0,
) -> Event:
    """An event with the whole order, which has one line, and all its shipments."""
    payload = OrderState(
        order_id=order_id,
        sequence=sequence,
        reference=order_id,
        placed_at=PLACED_AT,
        updated_at=PLACED_AT,
        lines=(OrderLine(line_id=f"{order_id}-1", sku=sku, quantity=quantity, cancelled=cancelled),),
        shipments=shipments,
    )
    return new_event(name, payload, source="order", sequence=sequence)


def a_shipment(
    number: int, quantity: int, *, order_id: str = "order-1", sku: str = "lamp", at: datetime | None = None
) -> ShippedLine:
    """A shipment of the order's only line, on 5 December 2010 at the hour ``number`` if no moment is given."""
    return ShippedLine(
        shipment_id=f"{order_id}-shipment-{number}",
        line_id=f"{order_id}-1",
        sku=sku,
        location="main",
        quantity=quantity,
        shipped_at=at or datetime(2010, 12, 5, number % 24, tzinfo=UTC),
    )
