"""Purchase orders: place them, move their dates and quantities, close them short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from inventory_service.application.commands import PlacePurchaseOrder, PurchaseOrder
from inventory_service.application.events import inbound_changed
from inventory_service.application.ports import Purchasing
from inventory_service.application.problems import reference_taken
from inventory_service.domain.purchasing import BelowReceived, InboundLine, LineClosed
from service_kit.http.problems import FieldError, Problem, conflict, not_found, unprocessable

Expectation = Callable[[int, int], None]
"""Judges the versions of the line and of its purchase order before a change; raises Problem 412 or 428."""


async def place_purchase_orders(
    purchasing: Purchasing, commands: Sequence[PlacePurchaseOrder], now: datetime
) -> list[PurchaseOrder | Problem]:
    """Place the orders and announce their lines; one answer for each command, in the same order."""
    outcomes: dict[str, PurchaseOrder | Problem] = await _refuse_unknown(purchasing, commands)
    valid = [command for command in commands if command.purchase_order_id not in outcomes]
    claimed = await purchasing.claim_orders(valid, now)
    lost = [command for command in valid if command.purchase_order_id not in claimed]
    if lost:
        holders = await purchasing.order_holders({command.reference for command in lost})
        outcomes.update({c.purchase_order_id: reference_taken(holders.get(c.reference)) for c in lost})
    events = []
    for command in valid:
        if command.purchase_order_id in claimed:
            order = _new_order(command, now)
            outcomes[order.purchase_order_id] = order
            events += [inbound_changed("InboundScheduled", line, command.ordered_at) for line in order.lines]
    placed = [outcome for outcome in outcomes.values() if isinstance(outcome, PurchaseOrder)]
    await purchasing.store_inbound([line for order in placed for line in order.lines], now)
    await purchasing.publish(events)
    return [outcomes[command.purchase_order_id] for command in commands]


async def _refuse_unknown(
    purchasing: Purchasing, commands: Sequence[PlacePurchaseOrder]
) -> dict[str, PurchaseOrder | Problem]:
    skus = await purchasing.unknown_skus({line.sku for command in commands for line in command.lines})
    locations = await purchasing.unknown_locations({command.location_id for command in commands})
    suppliers = await purchasing.unknown_suppliers({command.supplier_id for command in commands})
    refused: dict[str, PurchaseOrder | Problem] = {}
    for command in commands:
        errors = []
        if command.supplier_id in suppliers:
            errors.append(FieldError("/supplier_id", "there is no such supplier"))
        if command.location_id in locations:
            errors.append(FieldError("/location_id", "there is no such location"))
        for number, line in enumerate(command.lines):
            if line.sku in skus:
                errors.append(FieldError(f"/lines/{number}/sku", "there is no such SKU"))
        if errors:
            refused[command.purchase_order_id] = unprocessable(errors)
    return refused


def _new_order(command: PlacePurchaseOrder, now: datetime) -> PurchaseOrder:
    lines = tuple(
        InboundLine(
            line_id=line.line_id,
            purchase_order_id=command.purchase_order_id,
            supplier_id=command.supplier_id,
            location_id=command.location_id,
            sku=line.sku,
            quantity=line.quantity,
            eta=line.eta,
        )
        for line in command.lines
    )
    return PurchaseOrder(
        command.purchase_order_id,
        command.reference,
        command.supplier_id,
        command.location_id,
        command.ordered_at,
        now,
        lines,
    )


async def change_line(
    purchasing: Purchasing,
    purchase_order_id: str,
    line_id: str,
    *,
    expect: Expectation,
    eta: datetime | None,
    quantity: int | None,
    changed_at: datetime,
    now: datetime,
) -> InboundLine:
    """Move the line's date or quantity where ``expect`` allows it.

    Problem 404 for another line, 409 for one that is closed or has received more; nothing is announced
    where nothing differs.
    """
    line = await _locked_line(purchasing, purchase_order_id, line_id)
    expect(line.version, await purchasing.order_version(purchase_order_id))
    try:
        changed = line.change(eta=eta, quantity=quantity)
    except LineClosed as closed:
        raise conflict("purchase_order_line_closed", str(closed), state=line.state) from closed
    except BelowReceived as below:
        raise Problem(
            409,
            "quantity_below_received",
            "Conflict with the current state",
            str(below),
            errors=[FieldError("/quantity", str(below))],
            extra={"quantity_received": line.received},
        ) from below
    return await _keep(purchasing, line, changed, changed_at, now)


async def close_line(
    purchasing: Purchasing,
    purchase_order_id: str,
    line_id: str,
    *,
    expect: Expectation,
    closed_at: datetime,
    now: datetime,
) -> InboundLine:
    """Close the line short: the rest will not come. Closing again changes nothing. Problem 404."""
    line = await _locked_line(purchasing, purchase_order_id, line_id)
    expect(line.version, await purchasing.order_version(purchase_order_id))
    return await _keep(purchasing, line, line.close(), closed_at, now)


async def _locked_line(purchasing: Purchasing, purchase_order_id: str, line_id: str) -> InboundLine:
    line = (await purchasing.inbound_lines([line_id], lock=True)).get(line_id)
    if line is None or line.purchase_order_id != purchase_order_id:
        raise not_found("purchase order line")
    return line


async def _keep(
    purchasing: Purchasing, before: InboundLine, after: InboundLine, occurred_at: datetime, now: datetime
) -> InboundLine:
    if after != before:
        await purchasing.save_inbound([after], now)
        name = "InboundRescheduled" if after.open else "InboundCancelled"
        await purchasing.publish([inbound_changed(name, after, occurred_at)])
    return after
