"""The orders of a replay, assembled from the order lines of a retailer's export.

Rows come from a file (`order_file`) or from the seeded generator (`generator`). Both go through `assemble`, so both
have the same quirks: service codes among the goods, a SKU twice in one order, guests, invoices too long for one order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

LINES_PER_ORDER = 1_000
"""The API's limit; a longer invoice is split into several orders."""

LARGEST_QUANTITY = 1_000_000
"""The API's limit for a line."""

_SERVICE_CODES = frozenset(
    {"POST", "DOT", "M", "D", "S", "B", "C2", "CRUK", "AMAZONFEE", "BANK CHARGES", "ADJUST", "ADJUST2"}
)
_SERVICE_PREFIXES = ("GIFT_",)


def is_service(code: str) -> bool:
    """Whether a code means postage, a fee, a manual entry or a voucher: nothing that is stocked."""
    name = code.upper()
    return name in _SERVICE_CODES or name.startswith(_SERVICE_PREFIXES)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the export; the price is in minor units."""

    invoice: str
    sku: str
    quantity: int
    placed_at: datetime
    unit_price: int
    customer: str | None
    country: str | None


@dataclass(frozen=True, slots=True)
class StreamLine:
    """An order line to place."""

    sku: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """An order to place; `customer` is None for a guest."""

    reference: str
    placed_at: datetime
    customer: str | None
    country: str | None
    lines: tuple[StreamLine, ...]

    @property
    def units(self) -> int:
        """Units of all lines."""
        return sum(line.quantity for line in self.lines)


@dataclass(slots=True)
class StreamReport:
    """What was in the rows besides orders of goods."""

    rows: int = 0
    service_lines: Counter[str] = field(default_factory=Counter)
    returned_lines: int = 0
    oversized_lines: int = 0
    invoices_of_services_only: int = 0
    split_invoices: int = 0
    orders_naming_a_sku_twice: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """Orders sorted by business time, and what was left out."""

    orders: tuple[StreamOrder, ...]
    report: StreamReport

    def first(self, limit: int | None = None, days: int | None = None) -> Stream:
        """The stream limited to its first orders or to those of its first days."""
        orders = self.orders[:limit]
        if days is not None and orders:
            end = orders[0].placed_at.toordinal() + days
            orders = tuple(order for order in orders if order.placed_at.toordinal() < end)
        return Stream(orders, self.report)


def assemble(rows: Iterable[Row]) -> Stream:
    """Group rows into orders by invoice. The lines of an invoice keep their order and need not be adjacent."""
    report = StreamReport()
    invoices: dict[str, list[Row]] = {}
    goods: dict[str, list[StreamLine]] = {}
    for row in rows:
        report.rows += 1
        invoices.setdefault(row.invoice, []).append(row)
        lines = goods.setdefault(row.invoice, [])
        if row.quantity <= 0:
            report.returned_lines += 1
        elif is_service(row.sku):
            report.service_lines[row.sku] += 1
        elif row.quantity > LARGEST_QUANTITY:
            report.oversized_lines += 1
        else:
            lines.append(StreamLine(row.sku, row.quantity, row.unit_price))
    orders: list[StreamOrder] = []
    for invoice, members in invoices.items():
        orders.extend(_orders_of(invoice, members, goods[invoice], report))
    orders.sort(key=lambda order: (order.placed_at, order.reference))
    return Stream(tuple(orders), report)


def _orders_of(
    invoice: str, members: list[Row], lines: list[StreamLine], report: StreamReport
) -> Iterable[StreamOrder]:
    if not lines:
        report.invoices_of_services_only += 1
        return
    if len({line.sku for line in lines}) < len(lines):
        report.orders_naming_a_sku_twice += 1
    first = members[0]
    parts = [lines[start : start + LINES_PER_ORDER] for start in range(0, len(lines), LINES_PER_ORDER)]
    if len(parts) > 1:
        report.split_invoices += 1
    for number, part in enumerate(parts, start=1):
        reference = invoice if len(parts) == 1 else f"{invoice}-{number}"
        yield StreamOrder(reference, first.placed_at, first.customer, first.country, tuple(part))
