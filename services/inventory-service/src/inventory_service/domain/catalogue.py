"""SKUs and how they may be sold, locations, suppliers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum


class Mode(StrEnum):
    """How a SKU may be sold when nothing is on hand."""

    STOCK_ONLY = "stock_only"
    BACKORDER = "backorder"
    PREORDER = "preorder"
    DISCONTINUED = "discontinued"

    @property
    def promises_a_date(self) -> bool:
        """Whether units may be sold before they are there, so that a lead time is needed."""
        return self in (Mode.BACKORDER, Mode.PREORDER)


@dataclass(frozen=True, slots=True)
class SellingPolicy:
    """Mode, most units that may wait at once (None: no cap), and when a preorder is released."""

    mode: Mode = Mode.STOCK_ONLY
    backorder_cap: int | None = None
    release_date: date | None = None

    @property
    def release_at(self) -> datetime | None:
        """The release as a moment: the beginning of the day in UTC."""
        return None if self.release_date is None else datetime.combine(self.release_date, time(), UTC)


@dataclass(frozen=True, slots=True)
class Sku:
    """A sellable thing; ``sku`` is opaque and case-sensitive. ``lead_time_days``: days to get more."""

    sku: str
    name: str | None
    category: str | None
    lead_time_days: int | None
    policy: SellingPolicy


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds stock; a lower ``priority`` is served from first."""

    location_id: str
    name: str
    priority: int = 100


@dataclass(frozen=True, slots=True)
class Supplier:
    """Someone who delivers."""

    supplier_id: str
    name: str
