"""The one place where an order becomes an event of the public contract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic_core import to_json

from event_contracts import Event, OrderLine, OrderState, ShippedLine, new_event
from event_contracts.envelope import MAX_DATA_BYTES
from event_contracts.sources import ORDER_SOURCE
from order_service.domain.lines import Line, LocationUnits
from order_service.domain.order import Change, Order

_LOCATION_BYTES = 24
"""What is reserved for the name of the location that a line ships from, which is not known when it is ordered."""

SMALL_EVENT_LINES = 250
"""Lines and shipped lines together whose event is below the limit whatever their names: at most 1.9 KB each, with the
names of their locations."""


def order_event(order: Order, change: Change, now: datetime | None = None) -> Event:
    """The event that reports a change just made: the order, with all lines and shipments, as it is afterwards.

    ``now`` is this service's clock: whoever reads the event can tell by how much it differs from their own.
    """
    return new_event(change.kind.value, _state(order, change), source=ORDER_SOURCE, sequence=order.sequence, now=now)


def fits_one_event(event: Event, to_come: int = 0) -> bool:
    """Whether one event can carry this one with ``to_come`` bytes more.

    The outbox would refuse a larger one, so the command that leads to it is refused.
    """
    return len(event.value()) + to_come <= MAX_DATA_BYTES


def bytes_to_come(order: Order) -> int:
    """What later events of the order have in addition if each line leaves in one piece and is voided, or is cancelled.

    An order that could be placed but never shipped whole is refused when it is placed.
    """
    return sum(_line_bytes_to_come(line) for line in order.lines.values())


def _line_bytes_to_come(line: Line) -> int:
    if line.cancellable:
        return _SHIPPED_LINE_BYTES + len(to_json(line.sku)) + 2 * _LOCATION_BYTES + _SHIPPED_UNITS_BYTES + _VOID_BYTES
    return _VOID_BYTES if line.shipped else 0


_SHIPPED_UNITS_BYTES = len('"":1000000000,') + len("1000000000")
"""The location and its units in the line, and the line's units as cancelled ones."""

_VOID_BYTES = _LOCATION_BYTES + len('"":1000000000,') + len(',"voided_at":"2026-12-31T23:59:59.999999Z"')
"""The location and its units in the line, and the time in the shipment."""

_SHIPPED_LINE_BYTES = 1 + len(
    ShippedLine(
        shipment_id="0" * 36, line_id="0" * 36, sku="s", location="l", quantity=1_000_000_000,
        shipped_at=datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC),
    ).model_dump_json()
)  # fmt: skip


def _state(order: Order, change: Change) -> OrderState:
    terms = order.terms
    return OrderState(
        order_id=order.order_id,
        sequence=order.sequence,
        reference=terms.reference,
        placed_at=order.placed_at,
        updated_at=order.changed_at,
        ship_complete=terms.ship_complete,
        customer_id=terms.customer_id,
        contact_id=terms.contact_id,
        tier=terms.tier,
        channel=terms.channel,
        country=terms.country,
        region=terms.region,
        jurisdiction=terms.jurisdiction,
        time_zone=terms.time_zone,
        completed_at=order.completed_at,
        currency=terms.currency,
        needed_by=terms.needed_by,
        latest_acceptable_date=terms.latest_acceptable_date,
        location_preference=terms.location_preference,
        # Not change.reason: it is free text, which may be personal, and an event is kept for ever. History has it.
        reason=None,
        lines=tuple(
            OrderLine(
                line_id=line.line_id,
                sku=line.sku,
                quantity=line.quantity,
                cancelled=line.cancelled,
                unit_price=line.unit_price,
                added_at=line.added_at,
                shipped=_units(line, lambda at: at.shipped + at.voided),
                voided=_units(line, lambda at: at.voided),
            )
            for line in order.lines.values()
        ),
        shipments=tuple(
            ShippedLine(
                shipment_id=shipment.shipment_id,
                line_id=units.line_id,
                sku=order.lines[units.line_id].sku,
                location=shipment.location_id,
                quantity=units.quantity,
                shipped_at=shipment.shipped_at,
                voided_at=shipment.voided_at,
            )
            for shipment in order.shipments
            for units in shipment.lines
        ),
    )


def _units(line: Line, counted: Callable[[LocationUnits], int]) -> dict[str, int]:
    """Units by location, without those where none are counted."""
    units = ((name, counted(at)) for name, at in sorted(line.locations.items()))
    return {name: number for name, number in units if number}
