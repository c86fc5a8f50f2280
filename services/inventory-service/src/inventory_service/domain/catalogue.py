"""SKUs and how they may be sold, locations and suppliers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from inventory_service.domain.errors import SellingTermsIncomplete, TermsField
from inventory_service.domain.handling_calendar import ALWAYS_OPEN, HandlingCalendar


class MergedName(NamedTuple):
    """What a former name stands for since ``at``."""

    sku: str
    at: datetime


class Mode(StrEnum):
    """How a SKU may be sold when nothing is on hand."""

    STOCK_ONLY = "stock_only"
    BACKORDER = "backorder"
    PREORDER = "preorder"
    DISCONTINUED = "discontinued"

    @property
    def promises_a_date(self) -> bool:
        """Whether units may be sold before they are on hand, so that a lead time is needed."""
        return self in (Mode.BACKORDER, Mode.PREORDER)


@dataclass(frozen=True, slots=True)
class SellingPolicy:
    """How a SKU may be sold.

    ``backorder_cap`` is the most units that may be on backorder at once (None: no cap); ``release_date`` is the day
    on which a preorder is released.
    """

    mode: Mode = Mode.STOCK_ONLY
    backorder_cap: int | None = None
    release_date: date | None = None

    @property
    def release_at(self) -> datetime | None:
        """The moment of the release: the beginning of the day in UTC."""
        return None if self.release_date is None else datetime.combine(self.release_date, time(), UTC)


@dataclass(frozen=True, slots=True)
class Sku:
    """A sellable item. ``sku`` is opaque and case-sensitive; ``lead_time_days`` is how long a reorder takes.

    ``merged_into`` is what it is called now, if it was renamed or merged into another one.
    """

    sku: str
    name: str | None
    category: str | None
    lead_time_days: int | None
    policy: SellingPolicy
    merged_into: str | None = None

    def check(self) -> None:
        """Raise SellingTermsIncomplete if it would be sold before stock is there, and no date could be named."""
        if self.policy.mode.promises_a_date and self.lead_time_days is None:
            raise SellingTermsIncomplete(self.sku, TermsField.LEAD_TIME_DAYS)
        if self.policy.mode is Mode.PREORDER and self.policy.release_date is None:
            raise SellingTermsIncomplete(self.sku, TermsField.RELEASE_DATE)


DEFAULT_PRIORITY = 100
"""The priority of a location that states none, and of one that is not in the catalogue (yet); that one is active."""


class LocationTerms(NamedTuple):
    """What is published with every level at a location, because it says how the stock there may be used."""

    priority: int = DEFAULT_PRIORITY
    active: bool = True


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds stock. When several can serve a demand, the one with the lowest ``priority`` serves first.

    One that is not ``active`` receives nothing, and nothing is allocated from it any more; what was allocated before
    may still be shipped, and its stock may be counted, adjusted and given back.

    ``calendar`` says on which days it ships what is there.
    """

    location_id: str
    name: str
    priority: int = DEFAULT_PRIORITY
    active: bool = True
    calendar: HandlingCalendar = ALWAYS_OPEN

    @property
    def terms(self) -> LocationTerms:
        """What is published with every level here."""
        return LocationTerms(self.priority, self.active)


@dataclass(frozen=True, slots=True)
class Supplier:
    """A company that delivers what a purchase order asks for."""

    supplier_id: str
    name: str
