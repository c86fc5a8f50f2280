"""The size of an order's events: what is accepted can leave, and be voided, within what one event carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.order.scenarios import lines_of

from event_contracts.envelope import MAX_DATA_BYTES
from order_service.application.order_event import SMALL_EVENT_LINES, bytes_to_come, fits_one_event, order_event
from order_service.domain.lines import Line, LocationUnits
from order_service.domain.order import AddedLine, Change, Order, Shipment, ShippedUnits, Terms

AT = datetime(2026, 12, 31, 9, 59, 59, 999_999, UTC)
UUID = "0" * 36
MOST = 1_000_000
"""The most units of a line, see ``service_kit.http.fields.Units``."""

LAMP = "\N{COUCH AND LAMP}"
"""A character that takes four bytes."""


def placed(*lines: Line) -> tuple[Order, Change]:
    for line in lines:
        line.locations, line.basis = {"warehouse-of-the-north": LocationUnits(line.quantity)}, 1
    return Order.place(UUID, Terms("1001"), AT, lines)


def size(order: Order, change: Change) -> int:
    return len(order_event(order, change).value())


def parcel(order: Order, *line_ids: str) -> Shipment:
    units = tuple(ShippedUnits(line_id, order.lines[line_id].cancellable) for line_id in line_ids)
    return Shipment(UUID, "warehouse-of-the-north", AT, units)


def largest(fits: Callable[[int], bool]) -> int:
    """The largest number that fits, of those below 4,000."""
    low, high = 1, 4000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def named(number: int, sku: str = "lamp") -> list[Line]:
    return [Line(f"{place:036}", place, sku, MOST) for place in range(number)]


@pytest.mark.parametrize("sku", ["lamp", LAMP * 25, LAMP * 100])
def test_the_largest_order_can_leave_whole_and_be_voided_whole(sku: str) -> None:
    def fits(number: int) -> bool:
        order, change = placed(*named(number, sku))
        return fits_one_event(order_event(order, change), bytes_to_come(order))

    order, _ = placed(*named(largest(fits), sku))
    for change in (order.ship(parcel(order, *order.lines), {}), order.void_shipment(UUID, AT)):
        assert size(order, change) <= MAX_DATA_BYTES


def test_what_has_left_needs_no_more_room_to_leave() -> None:
    order, _ = placed(*named(100))
    before = bytes_to_come(order)
    [first, *rest] = order.lines
    order.ship(parcel(order, *rest), {})
    assert bytes_to_come(order) < before / 2, "room to leave for one line, to be voided for all"
    order.void_shipment(UUID, AT)
    assert bytes_to_come(order) == before, "they may leave once more"
    order.cancel(AT, None)
    assert bytes_to_come(order) == 0
    assert order.lines[first].cancelled == MOST


def test_an_order_that_has_left_takes_another_line_where_its_event_has_room() -> None:
    order, _ = placed(*named(900))
    order.ship(parcel(order, *list(order.lines)[1:]), {})
    change = order.add_line(AddedLine("new", "lamp", 1), AT)
    assert fits_one_event(order_event(order, change), bytes_to_come(order))


def test_an_event_of_few_lines_is_small_whatever_their_names() -> None:
    """The longest names everywhere, and each shipment of the one line from a location of its own, voided."""
    wide = LAMP * 100
    names: dict[str, Any] = {field.name: wide for field in fields(Terms) if field.type in ("str", "str | None")}
    [line] = lines_of("o1", (wide, MOST))
    line.line_id, line.cancelled, line.unit_price, line.added_at = UUID, MOST, 10**12, AT
    order, change = Order.place(wide, Terms(**names), AT, [line])
    for number in range(SMALL_EVENT_LINES - 1):
        location = LAMP * 99 + chr(ord(LAMP) + number)
        line.locations[location] = LocationUnits(shipped=MOST, voided=MOST)
        order.shipments.append(Shipment(UUID, location, AT, (ShippedUnits(UUID, MOST),), voided_at=AT))
    assert len(line.locations) == SMALL_EVENT_LINES - 1
    assert size(order, change) <= MAX_DATA_BYTES
