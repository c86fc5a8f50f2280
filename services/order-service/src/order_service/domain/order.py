"""The order aggregate: every change in one checked method, which changes all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from order_service.domain.dates import faults_of_dates
from order_service.domain.errors import IllegalMove, UnknownLine, UnsoundTerms, Violation
from order_service.domain.lines import Line, Standing
from order_service.domain.states import CLOSED, State, Totals

MetadataValue = str | int | float | bool | None


class ChangeKind(StrEnum):
    """What happened to the order, in the words of its public events."""

    PLACED = "OrderPlaced"
    AMENDED = "OrderAmended"
    CANCELLED = "OrderCancelled"
    SHIPPED = "OrderShipped"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller asked for beside the lines. ``charge_at`` deposit goes with ``deposit_percent``."""

    reference: str
    customer_id: str | None = None
    contact_id: str | None = None
    tier: str | None = None
    channel: str | None = None
    country: str | None = None
    region: str | None = None
    jurisdiction: str | None = None
    currency: str = "EUR"
    charge_at: str = "shipment"
    deposit_percent: int | None = None
    needed_by: date | None = None
    latest_acceptable_date: date | None = None
    ship_complete: bool = False
    location_preference: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShippedUnits:
    """Units of one line in a shipment."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """Units that left one location together."""

    shipment_id: str
    location_id: str
    shipped_at: datetime
    lines: tuple[ShippedUnits, ...]
    reference: str | None = None
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change that was made. ``published``: others are told; else only this service's readers see it."""

    kind: ChangeKind
    at: datetime
    line_ids: tuple[str, ...]
    reason: str | None = None
    shipment: Shipment | None = None
    published: bool = True


@dataclass(slots=True)
class Order:
    """An order with its lines. ``sequence`` counts published changes, ``version`` every visible one.

    ``changed_at`` is the business time of the last change made here; it never moves back.
    """

    order_id: str
    terms: Terms
    placed_at: datetime
    changed_at: datetime
    lines: dict[str, Line]
    sequence: int = 1
    version: int = 1
    shipments: list[Shipment] = field(default_factory=list)

    @classmethod
    def place(cls, order_id: str, terms: Terms, placed_at: datetime, lines: Sequence[Line]) -> tuple[Order, Change]:
        """A new order, nothing of it answered yet."""
        order = cls(order_id, terms, placed_at, placed_at, {line.line_id: line for line in lines})
        return order, Change(ChangeKind.PLACED, placed_at, tuple(order.lines))

    @property
    def totals(self) -> Totals:
        """The order's quantities, summed over its lines."""
        return sum_totals([line.totals for line in self.lines.values()])

    @property
    def state(self) -> State:
        """The order's derived state."""
        return self.totals.state

    @property
    def answered(self) -> int:
        """The order sequence up to which allocation has answered for every line."""
        return min((line.basis for line in self.lines.values()), default=self.sequence)

    def amend_terms(self, terms: Terms, at: datetime) -> Change | None:
        """Replace destination, dates or metadata; None if nothing differs.

        Only metadata is the caller's own affair and may change at any time; the rest moves an open order only.
        New dates must be ones that an order placed ``at`` this time could name.
        """
        if terms == self.terms:
            return None
        only_metadata = replace(terms, metadata=self.terms.metadata) == self.terms
        if not only_metadata and self.state in CLOSED:
            raise IllegalMove("order_closed", f"The order is {self.state}: its destination and dates are final.")
        faults = list(faults_of_dates(terms, at, self.terms))
        if faults:
            raise UnsoundTerms(faults)
        self.terms = terms
        return self._changed(ChangeKind.AMENDED, at, (), published=not only_metadata)

    def amend_quantity(self, line_id: str, quantity: int, at: datetime) -> Change | None:
        """Set the quantity ordered of a line (cancelled units included); None if it is that already.

        Never below what was shipped and cancelled, never on a line that is shipped or cancelled whole.
        """
        line = self._line(line_id)
        if quantity == line.quantity:
            return None
        if line.state in (State.SHIPPED, State.CANCELLED):
            raise _refused(line, "line_closed", f"The line is {line.state}.")
        if quantity < line.shipped + line.cancelled:
            gone = f"{line.shipped} units are shipped and {line.cancelled} cancelled"
            raise _refused(line, "below_shipped", f"{gone}: the quantity cannot be {quantity}.")
        if quantity < line.quantity:
            line.cut_sequence = self.sequence + 1
        line.quantity = quantity
        return self._changed(ChangeKind.AMENDED, at, (line_id,))

    def cancel(self, at: datetime, reason: str | None, parts: Mapping[str, int] | None = None) -> Change:
        """Cancel units per line, or everything that has not left yet. Shipped units cannot be cancelled."""
        if parts is None:
            parts = {line.line_id: line.cancellable for line in self.lines.values() if line.cancellable > 0}
            if not parts:
                state = self.state
                code = "already_cancelled" if state is State.CANCELLED else "already_shipped"
                raise IllegalMove(code, f"The order is {state}: nothing is left to cancel.")
        self._known(list(parts))
        too_many = [
            Violation(line_id, "not_cancellable", _why_not_cancellable(self.lines[line_id], quantity))
            for line_id, quantity in parts.items()
            if quantity > self.lines[line_id].cancellable
        ]
        if too_many:
            raise IllegalMove.of_lines(too_many)
        for line_id, quantity in parts.items():
            line = self.lines[line_id]
            line.cancelled += quantity
            line.cut_sequence = self.sequence + 1
        return self._changed(ChangeKind.CANCELLED, at, tuple(parts), reason=reason)

    def ship(self, shipment: Shipment, releases: Mapping[str, datetime]) -> Change:
        """Book units as having left a location. ``releases``: when each preorder SKU may ship, at the earliest.

        Only units allocated at that location, not before the release date, not while a cut is unanswered, and
        of a ship-complete order only once everything open has stock.
        """
        self._known([units.line_id for units in shipment.lines])
        if self.terms.ship_complete and not self._may_leave_complete(shipment):
            raise IllegalMove("order_incomplete", "The order ships complete, and not all open units have stock.")
        refused = [
            violation
            for units in shipment.lines
            if (violation := self._shipping_violation(self.lines[units.line_id], units.quantity, shipment, releases))
        ]
        if refused:
            raise IllegalMove.of_lines(refused)
        for units in shipment.lines:
            standings = self.lines[units.line_id].locations
            standings.setdefault(shipment.location_id, Standing()).shipped += units.quantity
        self.shipments.append(shipment)
        line_ids = tuple(units.line_id for units in shipment.lines)
        return self._changed(ChangeKind.SHIPPED, shipment.shipped_at, line_ids, shipment=shipment)

    def _may_leave_complete(self, shipment: Shipment) -> bool:
        """Every open unit has stock; or all that was complete left before a take-back."""
        at = shipment.shipped_at
        return all(
            sum(standing.shippable(at) for standing in line.locations.values()) >= line.totals.open
            for line in self.lines.values()
        )

    def _shipping_violation(
        self, line: Line, quantity: int, shipment: Shipment, releases: Mapping[str, datetime]
    ) -> Violation | None:
        if not line.cut_is_answered():
            return Violation(line.line_id, "line_pending", "A cut of this line is not answered by allocation yet.")
        release_at = releases.get(line.sku)
        if release_at is not None and shipment.shipped_at < release_at:
            return Violation(line.line_id, "before_release_date", f"The SKU is released at {release_at.isoformat()}.")
        location = shipment.location_id
        here = line.locations.get(location, Standing()).shippable(shipment.shipped_at)
        shippable = min(here, line.cancellable)
        if quantity <= shippable:
            return None
        if shippable == 0 and line.allocated > 0:
            elsewhere = ", ".join(sorted(name for name, standing in line.locations.items() if standing.open))
            return Violation(line.line_id, "other_location", f"The line is allocated at {elsewhere}, not {location}.")
        detail = f"{shippable} units are allocated at {location}, {quantity} were to ship."
        return Violation(line.line_id, "not_allocated", detail)

    def _line(self, line_id: str) -> Line:
        self._known([line_id])
        return self.lines[line_id]

    def _known(self, line_ids: Sequence[str]) -> None:
        unknown = [line_id for line_id in line_ids if line_id not in self.lines]
        if unknown:
            raise UnknownLine(unknown)

    def _changed(
        self,
        kind: ChangeKind,
        at: datetime,
        line_ids: tuple[str, ...],
        *,
        reason: str | None = None,
        shipment: Shipment | None = None,
        published: bool = True,
    ) -> Change:
        self.version += 1
        self.sequence += 1 if published else 0
        self.changed_at = max(self.changed_at, at)
        return Change(kind, self.changed_at, line_ids, reason, shipment, published)


_NOTHING = Totals(0, 0, 0, 0, 0, 0, 0)


def sum_totals(parts: Sequence[Totals]) -> Totals:
    """The sum of several lines' quantities."""
    return parts[0] if len(parts) == 1 else Totals(*map(sum, zip(_NOTHING, *parts, strict=True)))


def _refused(line: Line, code: str, detail: str) -> IllegalMove:
    return IllegalMove.of_lines([Violation(line.line_id, code, detail)])


def _why_not_cancellable(line: Line, quantity: int) -> str:
    return (
        f"{quantity} units cannot be cancelled: of {line.quantity}, {line.shipped} are shipped "
        f"and {line.cancelled} cancelled already."
    )
