"""Events of the ``orders`` topic. Each one carries the whole order, so a gap or a repeat is harmless."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from event_contracts.model import Identifier, Instant, Payload, Quantity, Version


class OrderLine(Payload):
    """One line as the order service knows it; ``line_id`` is the identity of a demand."""

    line_id: Identifier
    sku: Identifier
    quantity: Quantity = Field(description="Units ordered, cancelled ones included")
    cancelled: Quantity = Field(default=0, description="Units cancelled so far, never shipped ones")
    unit_price: int = Field(default=0, ge=0, description="Minor units of the order's currency")
    added_at: Instant | None = Field(default=None, description="When it joined the order; null: placed with it")
    shipped: dict[Identifier, Quantity] = Field(
        default_factory=dict, description="Cumulative units shipped per location; never falls"
    )
    voided: dict[Identifier, Quantity] = Field(
        default_factory=dict,
        description="Of these, units whose shipment was voided because they never left; never falls."
        " shipped - voided have left",
    )


class ShippedLine(Payload):
    """One line of a shipment; ``(shipment_id, line_id)`` is unique for ever."""

    shipment_id: Identifier
    line_id: Identifier
    sku: Identifier
    location: Identifier
    quantity: Quantity
    shipped_at: Instant
    voided_at: Instant | None = Field(default=None, description="When it was voided, once for ever; null: it left")


class OrderState(Payload):
    """``OrderPlaced``, ``OrderAmended``, ``OrderCancelled``, ``OrderShipped``: the order as it is now.

    ``sequence`` counts the changes of the order that are published: placing is 1, and every event is one more.
    Ids only, no personal data.
    """

    order_id: Identifier
    sequence: Version
    reference: Identifier = Field(description="The caller's own name of the order")
    placed_at: Instant
    updated_at: Instant = Field(description="Business time of the change this event reports")
    ship_complete: bool = False
    customer_id: Identifier | None = None
    contact_id: Identifier | None = None
    tier: Identifier | None = None
    channel: Identifier | None = None
    country: str | None = None
    region: str | None = None
    jurisdiction: str | None = None
    time_zone: str | None = Field(default=None, description="IANA zone of the destination, in which its days end")
    completed_at: Instant | None = Field(
        default=None, description="When the order was complete, which takes a valid payment; null: as it was placed"
    )
    currency: str = "EUR"
    needed_by: date | None = None
    latest_acceptable_date: date | None = None
    location_preference: Identifier | None = None
    reason: str | None = Field(default=None, max_length=500, description="Why it was cancelled or amended")
    lines: tuple[OrderLine, ...]
    shipments: tuple[ShippedLine, ...] = Field(default=(), description="Every shipment so far")
