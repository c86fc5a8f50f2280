"""The history of an order: one entry for each visible change, shown as a list and as a live stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.domain.lines import Line
from order_service.domain.order import Change, Order

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One visible change. ``version`` is the order's version after it, and the entry's id in the live stream.

    ``event`` and ``state`` are the name of the event and the order's state after it. ``occurred_at`` is business time.
    """

    order_id: str
    version: int
    event: str
    state: str
    occurred_at: datetime
    detail: Mapping[str, JsonValue]


def entry_of_change(order: Order, change: Change) -> HistoryEntry:
    """The history entry of a change just made to ``order``."""
    detail: dict[str, JsonValue] = {"lines": [line_figures(order.lines[line_id]) for line_id in change.line_ids]}
    if change.reason is not None:
        detail["reason"] = change.reason
    if change.shipment is not None:
        detail["shipment_id"] = change.shipment.shipment_id
        detail["tracking_number"] = change.shipment.tracking_number
    if change.voided is not None:
        detail["voided_shipment_id"] = change.voided.shipment_id
    return HistoryEntry(order.order_id, order.version, change.kind.value, order.state.value, change.at, detail)


def line_figures(line: Line) -> dict[str, JsonValue]:
    """A line's quantities under the names that the API gives them."""
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "state": line.state.value,
        "quantity": line.quantity,
        "quantity_allocated": line.allocated,
        "quantity_backordered": line.waiting,
        "quantity_shipped": line.shipped,
        "quantity_cancelled": line.cancelled,
        "quantity_declined": line.declined,
        "promise_date": line.promise.date.isoformat() if line.promise and line.promise.date else None,
        "reason": line.reason.words,
        "reason_code": line.reason.code,
        "reason_parameters": dict(line.reason.parameters),
    }
