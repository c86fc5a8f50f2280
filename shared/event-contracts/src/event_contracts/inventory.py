"""Events of the ``inventory`` topic, keyed by SKU: absolute levels with a version, never deltas."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from pydantic import Field

from event_contracts.model import Identifier, Instant, Payload, PlannedInstant, Quantity, Version


class SellingMode(StrEnum):
    """How a SKU may be sold when nothing is on hand."""

    STOCK_ONLY = "stock_only"
    BACKORDER = "backorder"
    PREORDER = "preorder"
    DISCONTINUED = "discontinued"


class Weekday(StrEnum):
    """Days of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class StockLevel(Payload):
    """The level of one (SKU, location). Supply = ``on_hand`` + ``shipped`` - ``voided``; no shipment changes it."""

    location: Identifier
    on_hand: Quantity
    shipped: Quantity = Field(description="Cumulative units that left by OrderShipped; never falls")
    voided: Quantity = Field(default=0, description="Of these, units whose shipment was voided; never falls")
    version: Version
    priority: int = Field(default=100, ge=0, description="The location's rank when several can serve; lower first")
    active: bool = Field(default=True, description="False: nothing more is allocated from the location")


class PurchaseOrderLine(Payload):
    """A purchase-order line that the same change shortened, closed or reopened: its state after that."""

    id: Identifier
    remaining: Quantity = Field(description="Units still to come; 0 means closed")
    version: Version


class StockChange(Payload):
    """``StockReceived`` and ``StockLevelChanged``, each with ``po_lines`` where it changed what is inbound."""

    sku: Identifier
    levels: tuple[StockLevel, ...] = Field(min_length=1)
    reason: str = Field(max_length=100, description="receipt, return, opening, count, adjustment, shipment, ...")
    occurred_at: Instant = Field(description="Business time of the change")
    po_lines: tuple[PurchaseOrderLine, ...] = ()


class InboundChange(Payload):
    """``InboundScheduled``, ``InboundRescheduled``, ``InboundCancelled``: one purchase-order line as it is now."""

    sku: Identifier
    po_line: Identifier
    remaining: Quantity = Field(description="Units still to come; 0 means closed")
    eta: PlannedInstant
    supplier: Identifier
    location: Identifier
    version: Version
    occurred_at: Instant
    ordered: Quantity | None = Field(default=None, description="Units ordered on the line, as it is now")
    ordered_at: Instant | None = Field(default=None, description="When the purchase order was placed")


class InboundLine(Payload):
    """A purchase-order line that is still to come, with all that is known of it."""

    id: Identifier
    remaining: Quantity = Field(description="Units still to come")
    eta: PlannedInstant
    supplier: Identifier
    location: Identifier
    version: Version


class SkuMerge(Payload):
    """``SkuMerged``: what was called one of ``merged`` is called ``sku`` from now on, with its stock and its inbound.

    A whole snapshot: events that tell of a name in ``merged`` are superseded by it. One that waits goes on waiting.
    """

    sku: Identifier
    merged: tuple[Identifier, ...] = Field(min_length=1, description="Every former name, those of before included")
    version: Version = Field(description="Of the SKU")
    levels: tuple[StockLevel, ...] = Field(default=(), description="Every level, with what the merged ones had")
    po_lines: tuple[InboundLine, ...] = Field(default=(), description="What was inbound under a former name")
    occurred_at: Instant = Field(description="Business time of the merge")


class SkuPolicy(Payload):
    """``SkuPolicyChanged``: a whole snapshot of a SKU's selling policy, sent at creation too."""

    sku: Identifier
    version: Version
    mode: SellingMode
    cap: Quantity | None = Field(default=None, description="Most units that may wait at once; null: no cap")
    release_at: PlannedInstant | None = Field(default=None, description="Preorders ship from here on")
    lead_time_days: int = Field(ge=0, le=3650, description="Days to get more with nothing inbound")
    category: str | None = None
    name: str | None = None
    occurred_at: Instant


class LocationState(Payload):
    """``LocationChanged``: a whole snapshot of a location with the calendar by which it ships, sent at creation too."""

    location: Identifier
    version: Version
    name: str = Field(max_length=200)
    priority: int = Field(ge=0, description="Its rank when several locations can serve; lower first")
    active: bool = Field(description="False: nothing more is allocated from the location")
    time_zone: str = Field(default="UTC", max_length=100, description="IANA zone in which its days begin and end")
    cut_off: dt.time | None = Field(
        default=None,
        description="Local time from which on what is there is handled on the next working day; null: none",
    )
    handling_days: int = Field(default=0, ge=0, le=365, description="Working days from stock to shipping")
    working_days: tuple[Weekday, ...] = Field(default=tuple(Weekday), min_length=1, description="On which it ships")
    holidays: tuple[dt.date, ...] = Field(default=(), max_length=1000, description="On which it does not")
    occurred_at: Instant
