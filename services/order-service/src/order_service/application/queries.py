"""The read models of orders. All reads of one unit of work show the same moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from order_service.application.history import HistoryEntry
from order_service.domain.order import Order, Shipment


@dataclass(frozen=True, slots=True)
class Visibility:
    """The orders that a caller may see: those of one customer, a single one, or, if both are None, all."""

    customer_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as stored, without its shipments.

    ``updated_at`` is the wall-clock time of its last visible change; ``answered`` the sequence that allocation has
    answered for all of its lines.
    """

    order: Order
    updated_at: datetime
    answered: int


OrderKey = tuple[str] | tuple[datetime, str]
"""The place of an order in a list; see `OrderFilter.key_of`."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list: those that meet every condition given.

    The newest come first; with ``updated_after``, the longest unchanged do.
    """

    reference: str | None = None
    customer_id: str | None = None
    state: str | None = None
    sku: str | None = None
    updated_after: datetime | None = None

    def key_of(self, record: OrderRecord) -> OrderKey:
        """The record's place in this list: its id, preceded by the time of its last change if that is the order."""
        order_id = record.order.order_id
        return (order_id,) if self.updated_after is None else (record.updated_at, order_id)


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """A history entry and the wall-clock time at which it was stored."""

    entry: HistoryEntry
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ShippableUnits:
    """Units of a line that may leave a location now, with what a warehouse needs to know of their order."""

    order_id: str
    order_reference: str
    line_id: str
    reference: str | None
    sku: str
    location_id: str
    quantity: int
    placed_at: datetime
    needed_by: date | None
    promise_date: date | None
    ship_complete: bool
    tier: str | None
    country: str | None
    region: str | None


class OrderVersion(NamedTuple):
    """An order's version, and the sequence that allocation has answered for all of its lines."""

    version: int
    answered: int


class OrderQueries(Protocol):
    """Reads of one moment. Of orders that are not visible to the caller, nothing is found."""

    async def order(self, order_id: str, visibility: Visibility) -> OrderRecord | None:
        """One order."""
        ...

    async def order_version(self, order_id: str, visibility: Visibility) -> int | None:
        """The version of one order."""
        ...

    async def versions(self, order_ids: Collection[str]) -> dict[str, OrderVersion]:
        """Versions of any orders, by id; unknown ids are left out."""
        ...

    async def orders(
        self, wanted: OrderFilter, visibility: Visibility, *, after: OrderKey | None, limit: int
    ) -> Sequence[OrderRecord]:
        """At most ``limit`` orders of the list, starting after the place ``after``."""
        ...

    async def history(
        self, order_id: str, visibility: Visibility, *, after: int, limit: int
    ) -> Sequence[RecordedEntry]:
        """At most ``limit`` history entries with a version above ``after``, oldest first."""
        ...

    async def shipments(self, order_id: str) -> Sequence[Shipment]:
        """All shipments of an order, oldest first, whoever may see it."""
        ...

    async def shippable_units(
        self, location_id: str, at: datetime, visibility: Visibility, *, after: str, limit: int
    ) -> Sequence[ShippableUnits]:
        """At most ``limit`` lines with units that may leave the location ``at`` this time, the longest placed first.

        The list starts after the line ``after``; "" starts it at the beginning. Left out are preorders before their
        release date, ship-complete orders that are not complete, and lines whose last cut allocation has not answered.
        """
        ...
