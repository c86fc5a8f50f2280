"""The order aggregate: each change is one method, which checks everything first and then changes all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from order_service.domain.dates import (
    DateFault,
    find_date_faults,
    find_order_of_times_fault,
    find_quoted_date_fault,
)
from order_service.domain.errors import (
    IllegalMove,
    InvalidDates,
    LineNotFound,
    OtherCurrency,
    ShipmentNotFound,
    UnknownLines,
    Violation,
)
from order_service.domain.line_violations import Departure, why_not_cancellable, why_not_shippable
from order_service.domain.lines import Line, LocationUnits
from order_service.domain.states import CLOSED, State, Totals, sum_totals

MetadataValue = str | int | float | bool | None

MAX_LINES = 1000
"""The most lines of an order; closed ones count."""

VOIDABLE = timedelta(hours=24)
"""How long after it left a shipment may be voided. Later, the parcel is with the carrier whatever was meant."""


class ChangeKind(StrEnum):
    """What happened to the order, named like the public event that reports it."""

    PLACED = "OrderPlaced"
    AMENDED = "OrderAmended"
    CANCELLED = "OrderCancelled"
    SHIPPED = "OrderShipped"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller asked for, apart from the lines. ``deposit_percent`` belongs to ``charge_at`` "deposit".

    ``time_zone`` is the IANA zone in which the order's days end; ``time_essential``: a delivery that is late is of no
    use, which the customer said before they ordered. ``payment_provider`` takes the money; None: it is paid elsewhere.
    """

    reference: str
    customer_id: str | None = None
    contact_id: str | None = None
    tier: str | None = None
    channel: str | None = None
    country: str | None = None
    region: str | None = None
    jurisdiction: str | None = None
    time_zone: str | None = None
    time_essential: bool = False
    currency: str = "EUR"
    charge_at: str = "shipment"
    deposit_percent: int | None = None
    needed_by: date | None = None
    latest_acceptable_date: date | None = None
    ship_complete: bool = False
    location_preference: str | None = None
    payment_provider: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShippedUnits:
    """Units of one line that left in a shipment."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class AddedLine:
    """A line to add to an order. ``unit_price`` is in minor units of ``currency``; None: the order's."""

    line_id: str
    sku: str
    quantity: int
    reference: str | None = None
    unit_price: int = 0
    currency: str | None = None
    quoted_date: date | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    """Units that left one location together, unless it was ``voided_at`` some time: then they never left."""

    shipment_id: str
    location_id: str
    shipped_at: datetime
    lines: tuple[ShippedUnits, ...]
    reference: str | None = None
    tracking_number: str | None = None
    voided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made. If it is not ``published``, only readers of this service learn of it.

    ``line_ids`` are the lines that it changed, ``added_line_ids`` those of them that were not there before;
    ``shipment`` is a new one, ``voided`` one that was there.
    """

    kind: ChangeKind
    at: datetime
    line_ids: tuple[str, ...]
    reason: str | None = None
    shipment: Shipment | None = None
    voided: Shipment | None = None
    added_line_ids: tuple[str, ...] = ()
    published: bool = True


@dataclass(slots=True)
class Order:
    """An order with its lines.

    ``sequence`` counts the changes of the order that are published: placing is 1, and every event is one more.
    ``version`` counts every visible change, those that allocation decides included.

    ``changed_at`` is the business time of the last change that was made in this service; it never moves back.
    ``completed_at`` is when the order was complete, which takes a valid payment; None: as it was placed.
    """

    order_id: str
    terms: Terms
    placed_at: datetime
    changed_at: datetime
    lines: dict[str, Line]
    sequence: int = 1
    version: int = 1
    shipments: list[Shipment] = field(default_factory=list)
    completed_at: datetime | None = None

    @classmethod
    def place(cls, order_id: str, terms: Terms, placed_at: datetime, lines: Sequence[Line]) -> tuple[Order, Change]:
        """Make a new order, of which allocation has answered nothing yet."""
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
        """Replace who ordered and how it is served, destination, dates or metadata; None if nothing differs.

        Metadata means something to the caller only and may change at any time; everything else, only while the
        order is open. New dates must be ones that an order placed ``at`` this time could name. Raises IllegalMove and
        InvalidDates.
        """
        self._check_time("amended_at", at)
        if terms == self.terms:
            return None
        only_metadata = replace(terms, metadata=self.terms.metadata) == self.terms
        if not only_metadata and self.state in CLOSED:
            raise self._illegal("order_closed", f"The order is {self.state}: only its metadata may still change.")
        faults = list(find_date_faults(terms, at, self.terms))
        if faults:
            raise InvalidDates(faults)
        self.terms = terms
        return self._changed(ChangeKind.AMENDED, at, (), published=not only_metadata)

    def add_line(self, added: AddedLine, at: datetime) -> Change:
        """Add a line behind the others; it is a demand of its own, which joins the queue ``at`` this business time.

        Of a ship-complete order it must have stock too before anything ships. Raises IllegalMove for a closed order,
        which takes no more lines, and for one that has MAX_LINES; OtherCurrency for a price in another currency;
        InvalidDates for a time before the order was placed, and for a quoted date that has passed.
        """
        self._check_time("added_at", at)
        if self.state in CLOSED:
            raise self._illegal("order_closed", f"The order is {self.state}: place another order.")
        if len(self.lines) >= MAX_LINES:
            raise self._illegal("too_many_lines", f"An order has at most {MAX_LINES} lines: place another order.")
        if added.currency not in (None, self.terms.currency):
            raise OtherCurrency(self.terms.currency)
        if (fault := find_quoted_date_fault("quoted_date", added.quoted_date, at)) is not None:
            raise InvalidDates([fault])
        self.lines[added.line_id] = Line(
            line_id=added.line_id,
            position=max(line.position for line in self.lines.values()) + 1,
            sku=added.sku,
            quantity=added.quantity,
            reference=added.reference,
            unit_price=added.unit_price,
            quoted_date=added.quoted_date,
            added_at=max(self.changed_at, at),
            charged=None if self.terms.payment_provider is None else 0,
        )
        return self._changed(ChangeKind.AMENDED, at, (added.line_id,), added_line_ids=(added.line_id,))

    def complete(self, at: datetime) -> Change:
        """Note that the order was complete only ``at`` this moment, which takes a valid payment."""
        self.completed_at = at
        return self._changed(ChangeKind.AMENDED, at, ())

    def amend_line(
        self, line_id: str, quantity: int | None, at: datetime, *, price: int | None = None
    ) -> Change | None:
        """Set the quantity ordered of a line, cancelled units included, or its price; None if nothing differs.

        The quantity cannot fall below what was shipped and cancelled, and the price cannot rise; neither changes on a
        line that is wholly shipped or cancelled. Raises LineNotFound, InvalidDates and IllegalMove.
        """
        self._check_time("amended_at", at)
        line = self.lines.get(line_id)
        if line is None:
            raise LineNotFound(line_id)
        quantity = line.quantity if quantity is None else quantity
        price = line.unit_price if price is None else price
        if (quantity, price) == (line.quantity, line.unit_price):
            return None
        if line.state in (State.SHIPPED, State.CANCELLED):
            raise self._illegal_lines([Violation(line.copy(), "line_closed", f"The line is {line.state}.")])
        if quantity < line.shipped + line.cancelled:
            gone = f"{line.shipped} units are shipped and {line.cancelled} cancelled"
            detail = f"{gone}: the quantity cannot be {quantity}."
            raise self._illegal_lines([Violation(line.copy(), "below_shipped", detail)])
        if price > line.unit_price:
            detail = f"The customer agreed to {line.unit_price}: a price may fall while they wait, and never rises."
            raise self._illegal_lines([Violation(line.copy(), "dearer_price", detail)])
        if quantity < line.quantity:
            line.cut_sequence = self.sequence + 1
        line.quantity, line.unit_price = quantity, price
        return self._changed(ChangeKind.AMENDED, at, (line_id,))

    def cancel(
        self, at: datetime, reason: str | None, parts: Mapping[str, int] | None = None, *, by_customer: bool = False
    ) -> Change:
        """Cancel units by line, or without ``parts`` everything that has not left yet.

        What the customer cancels may forfeit a deposit; what anybody else cancels does not. Shipped units cannot be
        cancelled. Raises InvalidDates, UnknownLines and IllegalMove.
        """
        self._check_time("cancelled_at", at)
        if parts is None:
            parts = {line.line_id: line.cancellable for line in self.lines.values() if line.cancellable > 0}
            if not parts:
                state = self.state
                code = "already_cancelled" if state is State.CANCELLED else "already_shipped"
                raise self._illegal(code, f"The order is {state}: nothing is left to cancel.")
        self._check_known(list(parts))
        too_many = [
            Violation(line.copy(), "not_cancellable", why_not_cancellable(line, quantity))
            for line, quantity in ((self.lines[line_id], quantity) for line_id, quantity in parts.items())
            if quantity > line.cancellable
        ]
        if too_many:
            raise self._illegal_lines(too_many)
        for line_id, quantity in parts.items():
            line = self.lines[line_id]
            line.cancelled += quantity
            line.forfeited += quantity if by_customer else 0
            line.cut_sequence = self.sequence + 1
        return self._changed(ChangeKind.CANCELLED, at, tuple(parts), reason=reason)

    def ship(self, shipment: Shipment, release_dates: Mapping[str, datetime], *, unpaid: bool = False) -> Change:
        """Record units as having left a location. ``release_dates``: the earliest time each preorder SKU may ship.

        ``unpaid``: they have left although money for them was neither taken nor held, which is otherwise refused.

        Only units that are allocated at that location ship; not before the SKU's release date, not while allocation
        has yet to answer a cut of the line, and of a ship-complete order only once all open units have stock.
        Nothing ships before the order was placed. Raises InvalidDates, UnknownLines and IllegalMove.
        """
        self._check_time("shipped_at", shipment.shipped_at)
        self._check_known([units.line_id for units in shipment.lines])
        if self.terms.ship_complete and not self._may_leave_complete(shipment):
            raise self._illegal("order_incomplete", "The order ships complete, and not all open units have stock.")
        departure = Departure(shipment.location_id, shipment.shipped_at, release_dates, unpaid)
        refused = [
            violation
            for units in shipment.lines
            if (violation := why_not_shippable(self.lines[units.line_id], units.quantity, departure))
        ]
        if refused:
            raise self._illegal_lines(refused)
        for units in shipment.lines:
            locations = self.lines[units.line_id].locations
            locations.setdefault(shipment.location_id, LocationUnits()).shipped += units.quantity
        self.shipments.append(shipment)
        line_ids = tuple(units.line_id for units in shipment.lines)
        return self._changed(ChangeKind.SHIPPED, shipment.shipped_at, line_ids, shipment=shipment)

    def present(self, at: datetime) -> datetime:
        """The moment of a shipment that leaves now, at ``at`` by this host's clock.

        Whatever is known of the order came before it, even if another host's clock has dated it later.
        """
        recalls = [
            units.recalled_at
            for line in self.lines.values()
            for units in line.locations.values()
            if units.recalled_at is not None
        ]
        return max([at, self.placed_at, *recalls])

    def void_shipment(self, shipment_id: str, at: datetime, reason: str | None = None) -> Change:
        """Take back the report that a shipment left: it was a mistake, and its units are where they were.

        Its lines are open again, with those units allocated at the same location. Raises ShipmentNotFound, IllegalMove
        for a shipment that was voided before or left longer ago than VOIDABLE, InvalidDates if it left after ``at``.
        """
        number = next((n for n, one in enumerate(self.shipments) if one.shipment_id == shipment_id), None)
        if number is None:
            raise ShipmentNotFound
        shipment = self.shipments[number]
        if shipment.voided_at is not None:
            raise self._illegal("already_voided", f"The shipment was voided at {shipment.voided_at.isoformat()}.")
        if at < shipment.shipped_at:
            left = shipment.shipped_at.isoformat()
            raise InvalidDates([DateFault("voided_at", f"It lies before the shipment left, {left}.")])
        if at - shipment.shipped_at > VOIDABLE:
            detail = "The shipment left more than 24 hours ago. What comes back is received as a return."
            raise self._illegal("void_too_late", detail)
        for units in shipment.lines:
            here = self.lines[units.line_id].locations[shipment.location_id]
            here.shipped -= units.quantity
            here.voided += units.quantity
        self.shipments[number] = voided = replace(shipment, voided_at=at)
        line_ids = tuple(units.line_id for units in voided.lines)
        return self._changed(ChangeKind.AMENDED, at, line_ids, reason=reason, voided=voided)

    def _may_leave_complete(self, shipment: Shipment) -> bool:
        """Every open unit has stock, or had it when the shipment left, before a deallocation."""
        at = shipment.shipped_at
        return all(
            sum(units.shippable(at) for units in line.locations.values()) >= line.totals.open
            for line in self.lines.values()
        )

    def _check_time(self, field: str, at: datetime) -> None:
        fault = find_order_of_times_fault(field, at, self.placed_at)
        if fault is not None:
            raise InvalidDates([fault])

    def _check_known(self, line_ids: Sequence[str]) -> None:
        unknown = {index: line_id for index, line_id in enumerate(line_ids) if line_id not in self.lines}
        if unknown:
            raise UnknownLines(unknown)

    def _illegal(self, code: str, detail: str) -> IllegalMove:
        return IllegalMove(code, detail, state=self.state, version=self.version)

    def _illegal_lines(self, violations: Sequence[Violation]) -> IllegalMove:
        """The refusal of a change because of its lines; the first of them gives code and detail."""
        first = violations[0]
        return IllegalMove(first.code, first.detail, state=self.state, version=self.version, violations=violations)

    def _changed(
        self,
        kind: ChangeKind,
        at: datetime,
        line_ids: tuple[str, ...],
        *,
        reason: str | None = None,
        shipment: Shipment | None = None,
        voided: Shipment | None = None,
        added_line_ids: tuple[str, ...] = (),
        published: bool = True,
    ) -> Change:
        self.version += 1
        self.sequence += 1 if published else 0
        self.changed_at = max(self.changed_at, at)
        return Change(kind, self.changed_at, line_ids, reason, shipment, voided, added_line_ids, published)
