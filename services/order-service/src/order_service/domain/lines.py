"""One order line: what was ordered, cancelled and shipped here, and what allocation last decided about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from order_service.domain.states import State, Totals


@dataclass(frozen=True, slots=True)
class PromisedDate:
    """The date that waiting units are promised for; ``date`` is None if no date can be named.

    What follows is known while the promise is news, and kept in the record of what was told: the days on which the
    units leave and are with the customer, ``confidence`` from 0 to 1, and the version of the table it was named by.
    """

    date: dt.date | None
    revision: int
    cause: str
    ship_by: dt.date | None = field(default=None, compare=False)
    deliver_by: dt.date | None = field(default=None, compare=False)
    confidence: float | None = field(default=None, compare=False)
    table_version: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why allocation decided as it did: in English words, and as a ``code`` with its ``parameters``.

    Without a code: nothing was decided yet, or it was before allocation's answers had codes.
    """

    words: str = ""
    code: str | None = None
    parameters: Mapping[str, str | bool | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineAllocation:
    """What allocation reports of one line: its whole state, not a difference.

    ``basis`` is the order sequence that allocation had applied when it decided. ``granted`` holds units by location,
    counted from the line's beginning, so that shipped units are among them (the event calls it ``allocated``).
    ``waiting`` holds also the units that allocation has not decided about yet.
    """

    line_id: str
    line_version: int
    basis: int
    decided_at: datetime
    granted: Mapping[str, int]
    waiting: int
    declined: int
    reason: Reason
    promise: PromisedDate | None


@dataclass(slots=True)
class LocationUnits:
    """Units of a line at one location.

    ``granted`` and ``shipped`` count from the line's beginning, and shipped units stay granted (the column of
    ``granted`` is called ``allocated``); what is granted and not shipped is ``open``. ``recalled`` units were
    deallocated at ``recalled_at``: a shipment that left before then may still be reported. ``voided`` units were
    reported as shipped by mistake: they do not count as shipped any more, and this counter never falls.
    """

    granted: int = 0
    shipped: int = 0
    recalled: int = 0
    recalled_at: datetime | None = None
    voided: int = 0

    @property
    def open(self) -> int:
        """Units granted here that have not left yet: what the line calls ``allocated``."""
        return max(0, self.granted - self.shipped)

    def shippable(self, shipped_at: datetime) -> int:
        """Units that a shipment of ``shipped_at`` may contain: before a deallocation, also the units it took."""
        if self.recalled_at is not None and shipped_at < self.recalled_at:
            return max(0, self.granted + self.recalled - self.shipped)
        return self.open


@dataclass(slots=True)
class Line:
    """A demand for units of one SKU. ``added_at`` is when it joined the order, None if it was placed with it.

    ``quoted_date`` is the day that the merchant stated for it when the order was taken.
    ``cut_sequence`` is the order sequence of the line's last cut, which is a cancellation or a reduction of its
    quantity; 0 if there was none. ``basis`` is the order sequence that allocation has answered.

    ``charged`` units were paid in full and ``held`` ones are covered by a hold until ``held_until``; shipped ones are
    among them. ``charged`` is None where the order is paid elsewhere. ``forfeited`` units the customer cancelled.
    """

    line_id: str
    position: int
    sku: str
    quantity: int
    reference: str | None = None
    unit_price: int = 0
    quoted_date: date | None = None
    added_at: datetime | None = None
    cancelled: int = 0
    cut_sequence: int = 0
    line_version: int = 0
    basis: int = 0
    waiting: int = 0
    declined: int = 0
    reason: Reason = Reason()
    promise: PromisedDate | None = None
    locations: dict[str, LocationUnits] = field(default_factory=dict)
    charged: int | None = None
    held: int = 0
    held_until: datetime | None = None
    forfeited: int = 0

    def secured(self, at: datetime) -> int | None:
        """Units for which money was taken or is held ``at`` this moment, shipped ones included; None: all may leave."""
        if self.charged is None:
            return None
        holds = self.held_until is None or at < self.held_until
        return self.charged + (self.held if holds else 0)

    @property
    def unpaid(self) -> int:
        """Allocated units that must not leave: neither paid nor covered by a hold. 0 where it is paid elsewhere."""
        if self.charged is None:
            return 0
        return max(0, self.allocated - max(0, self.charged + self.held - self.shipped))

    def payable(self, at: datetime) -> int | None:
        """Units that may still leave as far as payment is concerned; None: payment is no concern of this order."""
        secured = self.secured(at)
        return None if secured is None else max(0, secured - self.shipped)

    @property
    def shipped(self) -> int:
        """Units that have left, from all locations together."""
        return sum(units.shipped for units in self.locations.values()) if self.locations else 0

    @property
    def allocated(self) -> int:
        """Units granted that have not left yet, over all locations; shipped units are not among them."""
        return sum(units.open for units in self.locations.values()) if self.locations else 0

    @property
    def cancellable(self) -> int:
        """Units that can still be cancelled: all but the shipped ones, because a cancellation clears declined ones."""
        return self.quantity - self.cancelled - self.shipped

    @property
    def totals(self) -> Totals:
        """The line's quantities; ``allocated`` never exceeds what is open."""
        shipped = self.shipped
        still_open = max(0, self.quantity - self.cancelled - self.declined - shipped)
        return Totals(
            self.quantity,
            self.cancelled,
            self.declined,
            shipped,
            still_open,
            min(still_open, self.allocated),
            self.waiting,
        )

    @property
    def state(self) -> State:
        """The line's derived state."""
        return self.totals.state

    @property
    def cut_is_answered(self) -> bool:
        """Whether allocation knows of the last cut, so that what it allocated no longer includes the units cut."""
        return self.basis >= self.cut_sequence

    def copy(self) -> Line:
        """A copy that later changes of this line do not reach."""
        return replace(self, locations={location: replace(units) for location, units in self.locations.items()})

    def apply(self, allocation: LineAllocation) -> bool:
        """Take over a newer line version as it is; True if anything visible changed.

        A report of the same version only confirms a newer basis. Older ones change nothing, so that reports may
        arrive repeatedly and in any order.
        """
        if allocation.line_version < self.line_version:
            return False
        changed = allocation.basis > self.basis
        self.basis = max(self.basis, allocation.basis)
        if allocation.line_version == self.line_version:
            return changed
        self.line_version = allocation.line_version
        self.waiting = allocation.waiting
        self.declined = allocation.declined
        self.reason = allocation.reason
        self.promise = allocation.promise
        for location in {*self.locations, *allocation.granted}:
            self._set_granted(location, allocation.granted.get(location, 0), allocation.decided_at)
        return True

    def _set_granted(self, location: str, granted: int, decided_at: datetime) -> None:
        units = self.locations.setdefault(location, LocationUnits())
        deallocated = units.granted - granted
        if deallocated > 0:
            units.recalled, units.recalled_at = deallocated, decided_at
        elif deallocated < 0:
            units.recalled, units.recalled_at = 0, None
        units.granted = granted
