"""Orders, commands and events for tests of use cases and stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.scenario import Neighbours

from event_contracts import Event
from order_service.application.commands import PlaceOrder
from order_service.application.history import HistoryEntry, entry_of_change
from order_service.application.order_event import order_event
from order_service.application.ports import PlacedOrder
from order_service.domain.lines import Line
from order_service.domain.order import Order, Shipment, ShippedUnits, Terms
from service_kit.testing import FakeClock

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def neighbours_at(clock: FakeClock) -> Neighbours:
    """The order service's neighbours, which tell things at location A. Their clock moves only where a test moves it."""
    return Neighbours(clock=clock, tick=timedelta(0), location="A")


def lines_of(order_id: str, *wanted: tuple[str, int]) -> tuple[Line, ...]:
    """Lines of (SKU, quantity); the first line of order o1 is o1-0."""
    return tuple(Line(f"{order_id}-{place}", place, sku, quantity) for place, (sku, quantity) in enumerate(wanted))


def place_command(order_id: str, *lines: tuple[str, int], at: datetime = NOW, **terms: Any) -> PlaceOrder:
    """A command to place an order of (SKU, quantity) lines; its reference is its id in capitals, if not given."""
    terms.setdefault("reference", order_id.upper())
    return PlaceOrder(order_id, Terms(**terms), at, lines_of(order_id, *lines))


def new_order(order_id: str, *lines: tuple[str, int], **terms: Any) -> PlacedOrder:
    """A new order as the use case hands it to its store."""
    command = place_command(order_id, *lines, **terms)
    order, change = Order.place(command.order_id, command.terms, command.placed_at, command.lines)
    return PlacedOrder(order, entry_of_change(order, change), order_event(order, change))


def shipment(shipment_id: str, *units: tuple[str, int], location: str = "A", **more: Any) -> Shipment:
    """A shipment of (line id, quantity)."""
    more.setdefault("shipped_at", NOW)
    return Shipment(shipment_id, location, lines=tuple(ShippedUnits(*each) for each in units), **more)


def entry(order_id: str, version: int, event: str = "OrderAmended", state: str = "pending") -> HistoryEntry:
    """A history entry without lines."""
    return HistoryEntry(order_id, version, event, state, NOW, {"lines": []})


def references(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Name and key of each event."""
    return [(event.name, event.key) for event in events]
