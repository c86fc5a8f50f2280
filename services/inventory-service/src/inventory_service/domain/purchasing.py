"""Purchase-order lines: what a supplier will still bring, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


class PurchaseRuleBroken(Exception):
    """A change that the line does not allow; the text can be shown to the caller."""


class LineClosed(PurchaseRuleBroken):
    """The line was closed short: nothing more is expected on it."""


class BelowReceived(PurchaseRuleBroken):
    """The quantity would fall below what has arrived."""


@dataclass(frozen=True, slots=True)
class InboundLine:
    """One line of a purchase order. ``version`` counts its changes; quantities are units.

    Ordered, received and closed are stored; everything else follows from them. More may arrive than
    was ordered, and units may still arrive on a closed line: they are facts.
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

    @property
    def open(self) -> int:
        """Units still to come."""
        return 0 if self.closed else max(0, self.quantity - self.received)

    @property
    def cancelled(self) -> int:
        """Units that will not come."""
        return max(0, self.quantity - self.received) if self.closed else 0

    @property
    def state(self) -> str:
        """``open``, ``partly_received``, ``received`` or ``closed`` (short)."""
        if self.received >= self.quantity:
            return "received"
        if self.closed:
            return "closed"
        return "partly_received" if self.received else "open"

    def receive(self, quantity: int) -> InboundLine:
        """The line after ``quantity`` units have arrived; over-receipt is accepted."""
        return replace(self, received=self.received + quantity, version=self.version + 1)

    def change(self, *, eta: datetime | None = None, quantity: int | None = None) -> InboundLine:
        """The line with a new date or quantity; itself where nothing differs. LineClosed, BelowReceived."""
        changed = replace(
            self,
            eta=self.eta if eta is None else eta,
            quantity=self.quantity if quantity is None else quantity,
        )
        if changed == self:
            return self
        if self.closed:
            raise LineClosed("the line is closed")
        if changed.quantity < self.received:
            raise BelowReceived(f"{self.received} units have been received already")
        return replace(changed, version=self.version + 1)

    def close(self) -> InboundLine:
        """The line with nothing more to come; itself where that is so already."""
        if self.open == 0:
            return self
        return replace(self, closed=True, version=self.version + 1)
