"""What inventory keeps of customer orders: the units that were shipped, and the demand of each order line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from inventory_service.domain.stock_level import LevelKey

ShipmentLineId = tuple[str, str]
"""Identifies the units of one order line in one shipment: shipment id and order-line id."""


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    """The units of one order line that left a location with one shipment, unless it was ``voided_at`` some time.

    ``reported_at`` is when the event that reports it was made, by the clock of the order service; None if unknown,
    and of most lines that were stored with others.
    """

    shipment_id: str
    line_id: str
    order_id: str
    key: LevelKey
    quantity: int
    shipped_at: datetime
    reported_at: datetime | None = None
    voided_at: datetime | None = None

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


def clock_difference(delays: Sequence[timedelta], most: timedelta) -> timedelta:
    """By how much this service's clock is ahead of the order service's; negative if it is behind.

    ``delays`` are the times from making an event there to handling it here, each by the own clock: the difference and
    what the event took on its way, of which the shortest says most. Some positive and some negative: more than one
    host makes events, and no difference holds for all of them. Delays beyond ``most`` are an outage, not a clock.
    """
    near = [delay for delay in delays if abs(delay) <= most]
    if not near or min(near) <= timedelta(0) <= max(near):
        return timedelta(0)
    return min(near)
