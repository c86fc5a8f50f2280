"""What inventory keeps of customer orders: the units that were shipped, and the demand of each order line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from inventory_service.domain.stock_level import LevelKey

ShipmentLineId = tuple[str, str]
"""Identifies the units of one order line in one shipment: shipment id and order-line id."""


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    """The units of one order line that left a location with one shipment."""

    shipment_id: str
    line_id: str
    order_id: str
    key: LevelKey
    quantity: int
    shipped_at: datetime

    @property
    def identity(self) -> ShipmentLineId:
        """The same for every report of these units, so that they count once."""
        return self.shipment_id, self.line_id


@dataclass(frozen=True, slots=True)
class DemandLine:
    """The units that one order line asks for, as of the order's ``sequence``; ``day`` is the UTC day it was ordered."""

    order_id: str
    line_id: str
    sku: str
    day: date
    quantity: int
    cancelled: int
    sequence: int
