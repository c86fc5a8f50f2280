"""Mutants of the inventory service."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant

_SERVICE = "services/inventory-service/src/inventory_service"
_UNIT = "tests/unit/inventory"

MUTANTS = (
    Mutant(
        "shipments-deduplicated-by-shipment",
        "Of a shipment with several lines only the last is booked",
        f"{_SERVICE}/application/apply_order_events.py",
        "reported[line.identity] = _Reported(line, event)",
        "reported[next((one for one in reported if one[0] == line.shipment_id), line.identity)] ="
        " _Reported(line, event)",
        (f"{_UNIT}/test_order_events.py",),
    ),
    Mutant(
        "reading-key-counts-stock",
        "A key that may only read stock may record counts",
        f"{_SERVICE}/entrypoints/http/dependencies.py",
        'InventoryWriter = Annotated[Principal, require("inventory:write")]',
        'InventoryWriter = Annotated[Principal, require("inventory:read")]',
        ("tests/contract/test_access.py",),
    ),
    Mutant(
        "shipped-at-the-count",
        "A shipment at the very moment of a count is taken off again, although the count no longer saw its units",
        f"{_SERVICE}/domain/stock_level.py",
        "shipped_at <= counted",
        "shipped_at < counted",
        (f"{_UNIT}/test_stock_level.py",),
    ),
    Mutant(
        "received-at-the-count",
        "Units received at the very moment of a count are taken to be counted",
        f"{_SERVICE}/domain/stock_level.py",
        "return self.counted_at is not None and moment < self.counted_at",
        "return self.counted_at is not None and moment <= self.counted_at",
        (f"{_UNIT}/test_stock_level.py",),
    ),
    Mutant(
        "missing-units-are-not-found",
        "A shipment of more than is on hand leaves a level below zero",
        f"{_SERVICE}/domain/stock_level.py",
        "elif quantity > self.on_hand:",
        "elif False:",
        (f"{_UNIT}/test_stock_level.py", f"{_UNIT}/test_order_events.py"),
    ),
    Mutant(
        "count-forgets-later-movements",
        "A count that is recorded late undoes what moved since it was taken",
        f"{_SERVICE}/domain/stock_level.py",
        "level = counted + later.total - min(0, counted + later.lowest)",
        "level = counted",
        (f"{_UNIT}/test_stock_level.py", f"{_UNIT}/test_counts.py"),
    ),
    Mutant(
        "older-count-replaces-newer",
        "A count replaces a newer one that is recorded already",
        f"{_SERVICE}/domain/stock_level.py",
        """        if self._counted_after(counted_at):
            self._append(EntryKind.SUPERSEDED""",
        """        if False:
            self._append(EntryKind.SUPERSEDED""",
        (f"{_UNIT}/test_stock_level.py", f"{_UNIT}/test_counts.py"),
    ),
    Mutant(
        "over-receipt-lowers-inbound",
        "A line that received more than was ordered expects a negative quantity",
        f"{_SERVICE}/domain/purchase_order.py",
        "return 0 if self.closed else max(0, self.quantity - self.received)",
        "return 0 if self.closed else self.quantity - self.received",
        (f"{_UNIT}/test_purchase_order_line.py", f"{_UNIT}/test_receipts.py"),
    ),
    Mutant(
        "closing-keeps-the-version",
        "Closing a purchase-order line keeps its version, so that readers take the news for known",
        f"{_SERVICE}/domain/purchase_order.py",
        "return replace(self, closed=True, version=self.version + 1)",
        "return replace(self, closed=True)",
        (f"{_UNIT}/test_purchase_order_line.py", f"{_UNIT}/test_purchase_orders.py"),
    ),
    Mutant(
        "oldest-demand-kept",
        "Of several events of an order in one batch the oldest tells the demand",
        f"{_SERVICE}/application/apply_order_events.py",
        "known.sequence < order.sequence",
        "known.sequence > order.sequence",
        (f"{_UNIT}/test_order_events.py",),
    ),
)
"""Mutants of the inventory service."""
