"""The view of stock levels."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from inventory_service.application.queries import StoredLevel
from service_kit.http.models import ResponseModel


class StockLevelView(ResponseModel):
    """The level of a SKU at a location; supply = on hand + shipped."""

    sku: str
    location_id: str
    on_hand: int
    shipped: int = Field(description="Units that have left; those of voided shipments do not count")
    supply: int
    location_active: bool = Field(description="False: none of it is allocated any more")
    version: int = Field(description="Counts the changes")
    counted_at: datetime | None = Field(description="Business time of the last count")
    updated_at: datetime

    @classmethod
    def of(cls, level: StoredLevel) -> Self:
        """The view of the level."""
        return cls(
            sku=level.sku,
            location_id=level.location_id,
            on_hand=level.on_hand,
            shipped=level.shipped,
            supply=level.supply,
            location_active=level.location_active,
            version=level.version,
            counted_at=level.counted_at,
            updated_at=level.updated_at,
        )
