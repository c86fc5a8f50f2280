"""Orders, commands and events for tests of use cases and stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from event_contracts import AllocationLine, AllocationState, Event, new_event
from order_service.application.commands import PlaceOrder
from order_service.application.history import HistoryEntry, entry_of_change
from order_service.application.order_event import order_event
from order_service.application.ports import NewOrder
from order_service.domain.lines import Line
from order_service.domain.order import Order, Shipment, ShippedUnits, Terms

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def lines_of(order_id: str, *wanted: tuple[str, int]) -> tuple[Line, ...]:
    """Lines of (SKU, quantity); the first line of order o1 is o1-0."""
    return tuple(Line(f"{order_id}-{place}", place, sku, quantity) for place, (sku, quantity) in enumerate(wanted))


def place_command(order_id: str, *lines: tuple[str, int], at: datetime = NOW, **terms: Any) -> PlaceOrder:
    """A command to place an order of (SKU, quantity) lines; its reference is its id in capitals, if not given."""
    terms.setdefault("reference", order_id.upper())
    return PlaceOrder(order_id, Terms(**terms), at, lines_of(order_id, *lines))


def new_order(order_id: str, *lines: tuple[str, int], **terms: Any) -> NewOrder:
    """A new order as the use case hands it to its store."""
    command = place_command(order_id, *lines, **terms)
    order, change = Order.place(command.order_id, command.terms, command.placed_at, command.lines)
    return NewOrder(order, entry_of_change(order, change), order_event(order, change))


def shipment(shipment_id: str, *units: tuple[str, int], location: str = "A", **more: Any) -> Shipment:
    """A shipment of (line id, quantity)."""
    more.setdefault("shipped_at", NOW)
    return Shipment(shipment_id, location, lines=tuple(ShippedUnits(*each) for each in units), **more)


def reported_line(
    line_id: str,
    *,
    version: int = 1,
    allocated: dict[str, int] | None = None,
    waiting: int = 0,
    declined: int = 0,
) -> AllocationLine:
    """Allocation's state of one line."""
    return AllocationLine(
        line_id=line_id,
        sku="any",
        line_version=version,
        allocated=allocated or {},
        waiting=waiting,
        declined=declined,
        reason="",
        promise=None,
    )


def allocation_event(
    order_id: str, *lines: AllocationLine, name: str = "OrderAllocated", basis: int = 1, at: datetime = NOW
) -> Event:
    """An event of allocation about one order."""
    state = AllocationState(
        order_id=order_id, basis=basis, decision_id=f"decision-{order_id}", decided_at=at, lines=tuple(lines)
    )
    return new_event(name, state, source="/test", sequence=max((line.line_version for line in lines), default=0))


def entry(order_id: str, version: int, event: str = "OrderAmended", state: str = "pending") -> HistoryEntry:
    """A history entry without lines."""
    return HistoryEntry(order_id, version, event, state, NOW, {"lines": []})


def references(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Name and key of each event."""
    return [(event.name, event.key) for event in events]
