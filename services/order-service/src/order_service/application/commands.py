"""What callers ask for. Ids are made before a command is submitted, so that its idempotency record names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from order_service.domain.lines import Line
from order_service.domain.order import Change, MetadataValue, Order, Shipment, Terms


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Accept an order. The lines carry their ids and nothing but what was asked for."""

    order_id: str
    terms: Terms
    placed_at: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """A change of one order. ``customer_id`` limits it to that customer's orders (None: any).

    ``expected_versions`` are those the caller has read (If-Match); None: whatever it is now.
    """

    order_id: str
    at: datetime
    customer_id: str | None = None
    expected_versions: frozenset[int] | None = None

    def apply(self, order: Order, releases: Mapping[str, datetime]) -> Change | None:
        """Make the change; None if there is nothing to change. Raises the domain's errors."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder(ChangeOrder):
    """New destination, dates or metadata; ``fields`` names those to replace, among the fields of Terms."""

    fields: Mapping[str, str | date | Mapping[str, MetadataValue] | None]

    def apply(self, order: Order, releases: Mapping[str, datetime]) -> Change | None:
        """See `Order.amend_terms`."""
        return order.amend_terms(replace(order.terms, **self.fields), self.at)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendLine(ChangeOrder):
    """Another quantity of a line."""

    line_id: str
    quantity: int

    def apply(self, order: Order, releases: Mapping[str, datetime]) -> Change | None:
        """See `Order.amend_quantity`."""
        return order.amend_quantity(self.line_id, self.quantity, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(ChangeOrder):
    """Cancel units per line; ``parts`` None: everything that has not left."""

    reason: str | None = None
    parts: Mapping[str, int] | None = None

    def apply(self, order: Order, releases: Mapping[str, datetime]) -> Change | None:
        """See `Order.cancel`."""
        return order.cancel(self.at, self.reason, self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder(ChangeOrder):
    """Report units that have left."""

    shipment: Shipment

    def apply(self, order: Order, releases: Mapping[str, datetime]) -> Change | None:
        """See `Order.ship`."""
        return order.ship(self.shipment, releases)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command carried out: the order's version and sequence after it (unchanged where nothing changed).

    ``at`` is when, by the wall clock.
    """

    order_id: str
    version: int
    sequence: int
    at: datetime
