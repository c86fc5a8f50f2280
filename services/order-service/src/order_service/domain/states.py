"""The state of a line or an order, derived from its quantities and never set by itself."""

from __future__ import annotations

from collections.abc import Sequence
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
"""States in which no unit is open: nothing more ships unless the order is changed."""


class Totals(NamedTuple):
    """Units of a line, or summed over the lines of an order.

    ``open`` units are still to be shipped; ``allocated`` is the part of them that has stock, so that it leaves out
    shipped units. ``waiting`` units have no stock, or nothing has been decided about them because their
    SKU has no selling policy.
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
        """Whether something is open and all of it has stock."""
        return self.open > 0 and self.allocated >= self.open

    @property
    def state(self) -> State:
        """The state that follows from these quantities."""
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


_NOTHING = Totals(0, 0, 0, 0, 0, 0, 0)


def sum_totals(parts: Sequence[Totals]) -> Totals:
    """The sum of several lines' quantities."""
    return parts[0] if len(parts) == 1 else Totals(*map(sum, zip(_NOTHING, *parts, strict=True)))
