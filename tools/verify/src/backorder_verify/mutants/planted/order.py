"""Mutants of the order service."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant

_SERVICE = "services/order-service/src/order_service"

MUTANTS = (
    Mutant(
        "customer-bound-ignored-on-changes",
        "A customer's key changes another customer's order, if both are changed in one batch",
        f"{_SERVICE}/application/change_orders.py",
        "if order is None or command.customer_id not in (None, order.terms.customer_id):",
        "if order is None:",
        ("tests/unit/order/test_change_orders.py",),
    ),
    Mutant(
        "old-allocations-applied",
        "A state of allocation that is older than the known one replaces it",
        f"{_SERVICE}/domain/lines.py",
        "if allocation.line_version < self.line_version:",
        "if allocation.line_version < 0:",
        ("tests/unit/order/test_allocation_events.py", "tests/unit/order/test_apply_events.py"),
    ),
    Mutant(
        "ships-what-is-not-allocated",
        "A shipment may contain units that are allocated nowhere",
        f"{_SERVICE}/domain/line_violations.py",
        "shippable = min(here, line.cancellable)",
        "shippable = line.cancellable",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_change_requests.py"),
    ),
    Mutant(
        "ships-while-a-cut-is-pending",
        "Units ship before allocation has answered that some of them were cancelled",
        f"{_SERVICE}/domain/line_violations.py",
        "if not line.cut_is_answered:",
        "if False:",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_change_requests.py"),
    ),
    Mutant(
        "preorders-ship-early",
        "A preorder ships before its release date",
        f"{_SERVICE}/domain/line_violations.py",
        "departure.at < release_at:",
        "departure.at > release_at:",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_change_requests.py"),
    ),
    Mutant(
        "ship-complete-ships-in-parts",
        "An order that ships complete ships a part of itself",
        f"{_SERVICE}/domain/order.py",
        "if self.terms.ship_complete and not self._may_leave_complete(shipment):",
        "if False:",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_change_requests.py"),
    ),
    Mutant(
        "unpublished-changes-are-counted",
        "A change that is not published raises the sequence of those that are: readers wait for an event in vain",
        f"{_SERVICE}/domain/order.py",
        "self.sequence += 1 if published else 0",
        "self.sequence += 1",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_change_orders.py"),
    ),
    Mutant(
        "cancelling-is-no-cut",
        "A line may ship although allocation has not answered its cancellation",
        f"{_SERVICE}/domain/order.py",
        """by_customer else 0
            line.cut_sequence = self.sequence + 1""",
        "by_customer else 0",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_change_requests.py"),
    ),
    Mutant(
        "shipment-references-repeat-in-a-batch",
        "Two shipments with one reference are booked when they come in one batch",
        f"{_SERVICE}/application/change_orders.py",
        "if shipment.reference is not None:\n            self.shipment_references",
        "if shipment.reference is None:\n            self.shipment_references",
        ("tests/unit/order/test_change_orders.py",),
    ),
    Mutant(
        "recalled-units-ship-later",
        "Units that allocation took back may still ship, however late",
        f"{_SERVICE}/domain/lines.py",
        "if self.recalled_at is not None and shipped_at < self.recalled_at:",
        "if self.recalled_at is not None:",
        ("tests/unit/order/test_order.py", "tests/unit/order/test_allocation_events.py"),
    ),
)
"""Mutants of the order service."""
