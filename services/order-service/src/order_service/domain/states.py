"""States are derived from quantities, never stored on their own account."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """One word for a line or an order; the quantities say more."""

    PENDING = "pending"
    ALLOCATED = "allocated"
    BACKORDERED = "backordered"
    PARTIALLY_ALLOCATED = "partially_allocated"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    DECLINED = "declined"


CLOSED = frozenset({State.SHIPPED, State.CANCELLED, State.DECLINED})
"""States in which no unit is open: nothing will be shipped any more unless the order changes."""


class Totals(NamedTuple):
    """Units of a line or summed over an order's lines.

    ``open`` = still to be shipped; ``allocated`` = the part of them that has stock.
    """

    quantity: int
    cancelled: int
    declined: int
    shipped: int
    open: int
    allocated: int
    waiting: int

    @property
    def complete(self) -> bool:
        """Something is open and all of it has stock."""
        return self.open > 0 and self.allocated >= self.open

    @property
    def state(self) -> State:
        """The state these quantities stand for."""
        if self.open <= 0:
            return self._closed_state()
        if self.shipped > 0:
            return State.PARTIALLY_SHIPPED
        if self.allocated >= self.open:
            return State.ALLOCATED
        if self.allocated > 0:
            return State.PARTIALLY_ALLOCATED
        return State.BACKORDERED if self.waiting > 0 else State.PENDING

    def _closed_state(self) -> State:
        if self.shipped > 0:
            return State.SHIPPED
        if self.declined > 0 and self.cancelled < self.quantity:
            return State.DECLINED
        return State.CANCELLED
