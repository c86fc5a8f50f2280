"""What the order service tells: orders that are placed, amended, cancelled in part, shipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypedDict, Unpack

from tests.scenario.timeline import Timeline

from event_contracts import Event, OrderLine, OrderState, ShippedLine, new_event
from event_contracts.sources import ORDER_SOURCE

OrderEventName = Literal["OrderPlaced", "OrderAmended", "OrderCancelled", "OrderShipped"]


class OrderTerms(TypedDict, total=False):
    """What may be said of a whole order."""

    reference: str
    placed_at: datetime
    ship_complete: bool
    customer_id: str | None
    contact_id: str | None
    tier: str | None
    channel: str | None
    country: str | None
    region: str | None
    needed_by: date | None
    latest_acceptable_date: date | None
    location_preference: str | None


@dataclass
class OrderRecord:
    """An order as the order service keeps it."""

    state: OrderState

    @property
    def order_id(self) -> str:
        """The order's id."""
        return self.state.order_id

    def line(self, number: int = 1) -> OrderLine:
        """A line by its number, 1 for the first."""
        return self.state.lines[number - 1]


@dataclass(kw_only=True)
class OrderEvents(Timeline):
    """The order service's events: each has the whole order and its next sequence."""

    def order(
        self, order_id: str, *lines: tuple[str, int], unit_price: int = 0, **terms: Unpack[OrderTerms]
    ) -> tuple[OrderRecord, Event]:
        """A new order of (SKU, quantity) lines with ids order_id-1, order_id-2 ..., and its ``OrderPlaced``."""
        at = self.next_moment()
        stated: OrderTerms = {"reference": order_id, "placed_at": at, **terms}
        state = OrderState(
            order_id=order_id,
            sequence=1,
            updated_at=at,
            lines=tuple(
                OrderLine(line_id=f"{order_id}-{number}", sku=sku, quantity=quantity, unit_price=unit_price)
                for number, (sku, quantity) in enumerate(lines, start=1)
            ),
            **stated,
        )
        order = OrderRecord(state)
        return order, self._event("OrderPlaced", order)

    def amend(
        self, order: OrderRecord, line: int = 1, quantity: int | None = None, **terms: Unpack[OrderTerms]
    ) -> Event:
        """``OrderAmended`` with another quantity of a line or other terms, such as dates."""
        changed = order.line(line)
        if quantity is not None:
            changed = changed.model_copy(update={"quantity": quantity})
        order.state = order.state.model_copy(update=dict(terms))
        return self._change("OrderAmended", order, line, changed)

    def add_line(self, order: OrderRecord, sku: str, quantity: int) -> Event:
        """``OrderAmended`` with one more line, whose id follows those of the others."""
        number = len(order.state.lines) + 1
        line = OrderLine(
            line_id=f"{order.order_id}-{number}", sku=sku, quantity=quantity, added_at=self.now + self.tick
        )
        return self._change("OrderAmended", order, number, line)

    def cancel(self, order: OrderRecord, line: int = 1, units: int | None = None) -> Event:
        """``OrderCancelled`` with ``units`` more of a line cancelled, by default all that have not shipped."""
        known = order.line(line)
        whole = known.quantity - sum(known.shipped.values()) + sum(known.voided.values())
        cancelled = whole if units is None else known.cancelled + units
        return self._change("OrderCancelled", order, line, known.model_copy(update={"cancelled": cancelled}))

    def ship(
        self,
        order: OrderRecord,
        line: int,
        units: int,
        location: str | None = None,
        *,
        shipped_at: datetime | None = None,
    ) -> Event:
        """``OrderShipped`` with a shipment of ``units`` of a line, which left now if no moment is given."""
        location = location or self.location
        known = order.line(line)
        shipment = ShippedLine(
            shipment_id=f"{order.order_id}-shipment-{self.next_version('shipment', order.order_id)}",
            line_id=known.line_id,
            sku=known.sku,
            location=location,
            quantity=units,
            shipped_at=shipped_at or self.now + self.tick,
        )
        order.state = order.state.model_copy(update={"shipments": (*order.state.shipments, shipment)})
        shipped = {**known.shipped, location: known.shipped.get(location, 0) + units}
        return self._change("OrderShipped", order, line, known.model_copy(update={"shipped": shipped}))

    def void(self, order: OrderRecord, number: int = 1, *, voided_at: datetime | None = None) -> Event:
        """``OrderAmended`` after a shipment of the order was voided, 1 for the first."""
        shipment = order.state.shipments[number - 1].model_copy(update={"voided_at": voided_at or self.now + self.tick})
        shipments = (*order.state.shipments[: number - 1], shipment, *order.state.shipments[number:])
        order.state = order.state.model_copy(update={"shipments": shipments})
        line = next(n for n, one in enumerate(order.state.lines, start=1) if one.line_id == shipment.line_id)
        known = order.line(line)
        voided = {**known.voided, shipment.location: known.voided.get(shipment.location, 0) + shipment.quantity}
        return self._change("OrderAmended", order, line, known.model_copy(update={"voided": voided}))

    def _change(self, name: OrderEventName, order: OrderRecord, number: int, line: OrderLine) -> Event:
        lines = (*order.state.lines[: number - 1], line, *order.state.lines[number:])
        order.state = order.state.model_copy(
            update={"sequence": order.state.sequence + 1, "updated_at": self.next_moment(), "lines": lines}
        )
        return self._event(name, order)

    def _event(self, name: OrderEventName, order: OrderRecord) -> Event:
        return new_event(name, order.state, source=ORDER_SOURCE, sequence=order.state.sequence, now=self.wall())
