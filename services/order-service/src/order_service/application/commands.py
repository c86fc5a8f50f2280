"""What callers ask for.

Ids of new orders, lines and shipments are made before a command is submitted, so that the idempotency record can
name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from order_service.domain.lines import Line
from order_service.domain.order import AddedLine, MetadataValue, Shipment, Terms
from order_service.domain.payments.payment import Payment

TermValue = str | bool | date | Mapping[str, MetadataValue] | None
"""The value of one field of `Terms`."""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Accept an order. Its lines have their ids and otherwise only what was asked for.

    ``payment`` is how it is paid, if this service is to see to that.
    """

    order_id: str
    terms: Terms
    placed_at: datetime
    lines: tuple[Line, ...]
    payment: Payment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCommand:
    """Base of the changes of one existing order, made ``at`` this business time.

    ``stated``: the caller says that it was then. Otherwise it is now, whatever the clocks of other hosts have dated.

    ``customer_id`` limits it to orders of that customer; None: any order. ``expected_versions`` are the versions that
    the change may be made on; None: any version.
    """

    order_id: str
    at: datetime
    stated: bool = False
    customer_id: str | None = None
    expected_versions: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder(OrderCommand):
    """Replace some of the order's terms. ``fields`` are the new values by name of the field of `Terms`."""

    fields: Mapping[str, TermValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendLine(OrderCommand):
    """Set the quantity or the price of a line; what is None stays."""

    line_id: str
    quantity: int | None = None
    unit_price: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLine(OrderCommand):
    """Add a line to an open order."""

    line: AddedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(OrderCommand):
    """Cancel ``parts``, units by line id, or without them everything that has not left.

    ``by_customer``: they changed their mind, and neither the law nor the merchant nor a missing payment is the cause.
    """

    reason: str | None = None
    parts: Mapping[str, int] | None = None
    by_customer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder(OrderCommand):
    """Report units that have left; ``unpaid``: although they are not paid for."""

    shipment: Shipment
    unpaid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidShipment(OrderCommand):
    """Take back a shipment that was reported by mistake."""

    shipment_id: str
    reason: str | None = None


ChangeOrder = AmendOrder | AmendLine | AddLine | CancelOrder | ShipOrder | VoidShipment


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command that was carried out: the order's version and sequence after it, unchanged if nothing changed.

    ``at`` is the wall-clock time of the write.
    """

    order_id: str
    version: int
    sequence: int
    at: datetime
