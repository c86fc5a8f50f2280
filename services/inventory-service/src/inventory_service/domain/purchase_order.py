"""Purchase orders: the units that a supplier will still deliver, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from inventory_service.domain.errors import BelowReceived, BeyondReceived, LineClosed, TooManyOrderLines


@dataclass(frozen=True, slots=True)
class PurchaseOrderLine:
    """One line of a purchase order. ``version`` counts its changes; quantities are units.

    Only the ordered and received quantities and the closing are stored; everything else follows from them. More units
    than ordered may arrive, and units may arrive on a closed line: a receipt states a fact, and the state of the
    line never refuses it.
    """

    line_id: str
    purchase_order_id: str
    supplier_id: str
    location_id: str
    sku: str
    quantity: int
    eta: datetime
    received: int = 0
    closed: bool = False
    version: int = 1
    ordered_at: datetime | None = None
    """When its purchase order was placed."""

    @property
    def open(self) -> int:
        """Units that are still expected."""
        return 0 if self.closed else max(0, self.quantity - self.received)

    @property
    def cancelled(self) -> int:
        """Units that are no longer expected, because the line was closed short."""
        return max(0, self.quantity - self.received) if self.closed else 0

    @property
    def state(self) -> str:
        """``open``, ``partly_received``, ``received`` or ``closed`` (short)."""
        if self.received >= self.quantity:
            return "received"
        if self.closed:
            return "closed"
        return "partly_received" if self.received else "open"

    def receive(self, quantity: int) -> PurchaseOrderLine:
        """The line after ``quantity`` units have arrived; over-receipt is accepted."""
        return replace(self, received=self.received + quantity, version=self.version + 1)

    def give_back(self, quantity: int) -> PurchaseOrderLine:
        """The line after ``quantity`` received units went back to the supplier: they are expected once more.

        Not on a line that was closed short: there nothing is expected any more. Raises BeyondReceived.
        """
        if quantity > self.received:
            raise BeyondReceived(self.received)
        return replace(self, received=self.received - quantity, version=self.version + 1)

    def change(self, *, eta: datetime | None = None, quantity: int | None = None) -> PurchaseOrderLine:
        """The line with a new date or quantity; the same object if nothing differs.

        Raises LineClosed for a closed line and BelowReceived for a quantity below the units that have arrived.
        """
        changed = replace(
            self,
            eta=self.eta if eta is None else eta,
            quantity=self.quantity if quantity is None else quantity,
        )
        if changed == self:
            return self
        if self.closed:
            raise LineClosed(self.state)
        if changed.quantity < self.received:
            raise BelowReceived(self.received)
        return replace(changed, version=self.version + 1)

    def close(self) -> PurchaseOrderLine:
        """The line with nothing more expected; the same object if that is the case already."""
        if self.open == 0:
            return self
        return replace(self, closed=True, version=self.version + 1)


MAX_ORDER_LINES = 1000
"""The most lines of a purchase order; closed ones count."""


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """A purchase order with its lines in their current state."""

    purchase_order_id: str
    reference: str
    supplier_id: str
    location_id: str
    ordered_at: datetime
    created_at: datetime
    lines: tuple[PurchaseOrderLine, ...]

    @property
    def version(self) -> int:
        """The sum of the versions of the lines, so that it grows with every change of any line."""
        return sum(line.version for line in self.lines)

    def add(self, line: PurchaseOrderLine) -> PurchaseOrder:
        """The order with one more line behind the others. Raises TooManyOrderLines."""
        if len(self.lines) >= MAX_ORDER_LINES:
            raise TooManyOrderLines(MAX_ORDER_LINES)
        return replace(self, lines=(*self.lines, line))

    def cancel(self) -> PurchaseOrder:
        """The order with nothing more expected on any line."""
        return replace(self, lines=tuple(line.close() for line in self.lines))
