"""Purchase orders: inbound is announced, moved and closed; what expects another version is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.inventory.scenario import ETA, at

from inventory_service.application.add_purchase_order_lines import add_purchase_order_lines
from inventory_service.application.cancel_purchase_order import CancelPurchaseOrder, cancel_purchase_order
from inventory_service.application.close_purchase_order_line import ClosePurchaseOrderLine, close_purchase_order_line
from inventory_service.application.place_purchase_orders import place_purchase_orders
from inventory_service.application.put_location import PutLocation, put_location
from inventory_service.domain.catalogue import Location
from inventory_service.domain.errors import (
    BelowReceived,
    LineClosed,
    NameFault,
    NameKind,
    NamesRefused,
    OrderLocationInactive,
    PurchaseOrderLineNotFound,
    PurchaseOrderNotFound,
    TooManyOrderLines,
    VersionMismatch,
    VersionRequired,
)
from inventory_service.domain.expected_version import ExpectedLineVersion, ExpectedOrderVersion, ExpectedVersion
from service_kit.commands.execute import execute, read


def expecting(*versions: int, order: int | None = None) -> ExpectedLineVersion:
    order_versions = frozenset() if order is None else frozenset({order})
    return ExpectedLineVersion(ExpectedVersion(frozenset(versions)), order_versions)


async def test_each_line_of_a_new_order_is_announced_as_inbound(inventory):
    order = await inventory.order("lamp", "chair", quantity=10)
    assert (order.created_at, order.version) == (inventory.clock.now(), 2)
    events = await inventory.published()
    assert [(event.name, event.key, event.sequence) for event in events] == [
        ("InboundScheduled", "lamp", 1),
        ("InboundScheduled", "chair", 1),
    ]
    inbound = events[0].payload
    assert (inbound.remaining, inbound.supplier, inbound.location, inbound.version) == (10, "acme", "main", 1)
    assert (inbound.ordered, inbound.ordered_at) == (10, at(0))
    assert (inbound.po_line, inbound.eta, inbound.occurred_at) == (order.lines[0].line_id, ETA, at(0))
    assert await read(inventory.units, lambda uow: uow.queries.purchase_order(order.purchase_order_id)) == order


async def test_a_refused_order_leaves_no_trace_and_its_neighbours_are_placed(inventory):
    good, unknown, repeated, other = (
        inventory.a_purchase_order("lamp", reference="a"),
        inventory.a_purchase_order("lamp", "no", supplier_id="nobody"),
        inventory.a_purchase_order("chair", reference="a"),
        inventory.a_purchase_order("chair"),
    )
    placed, names, reference, last = await inventory.all(place_purchase_orders, [good, unknown, repeated, other])
    assert isinstance(names, NamesRefused)
    assert names.faults == (NameFault(NameKind.SUPPLIER), NameFault(NameKind.SKU, line=1))
    assert reference.holder_id == placed.purchase_order_id == good.purchase_order_id
    assert last.purchase_order_id == other.purchase_order_id
    assert inventory.units.state.purchase_orders.keys() == {good.purchase_order_id, other.purchase_order_id}
    assert [event.key for event in await inventory.published()] == ["lamp", "chair"]


async def test_a_slip_is_announced_with_the_next_version(inventory):
    [line] = (await inventory.order()).lines
    await inventory.published()
    moved = await inventory.change(line, eta=ETA + timedelta(days=7), changed_at=at(9))
    assert (moved.version, moved.eta) == (2, ETA + timedelta(days=7))
    [event] = await inventory.published()
    assert (event.name, event.sequence, event.payload.remaining) == ("InboundRescheduled", 2, 10)
    assert (event.payload.eta, event.payload.occurred_at) == (moved.eta, at(9))
    assert await inventory.line(line) == moved


async def test_a_change_that_changes_nothing_announces_nothing(inventory):
    [line] = (await inventory.order()).lines
    await inventory.published()
    assert await inventory.change(line, eta=ETA, quantity=10) == line
    assert await inventory.published() == []


async def test_a_change_must_expect_the_version_of_the_line_or_of_its_order(inventory):
    line, _ = (await inventory.order("lamp", "chair")).lines
    with pytest.raises(VersionRequired):
        await inventory.change(line, expected=None, quantity=11)
    assert (await inventory.change(line, expected=expecting(order=2), quantity=11)).version == 2
    for stale in (expecting(order=2), expecting(1), expecting()):
        with pytest.raises(VersionMismatch) as refusal:
            await inventory.change(line, expected=stale, quantity=12)
        assert refusal.value.current == 2
    assert (await inventory.change(line, expected=expecting(2), quantity=12)).version == 3
    assert (await inventory.change(line, expected=expecting(9, order=4), quantity=13)).version == 4


async def test_a_quantity_below_what_arrived_is_refused_and_down_to_it_ends_the_inbound(inventory):
    [line] = (await inventory.order()).lines
    await inventory.receive(4, on=line)
    await inventory.published()
    with pytest.raises(BelowReceived) as refusal:
        await inventory.change(line, quantity=3)
    assert refusal.value.received == 4
    await inventory.change(line, quantity=4)
    [event] = await inventory.published()
    assert (event.name, event.payload.remaining) == ("InboundCancelled", 0)


async def test_a_short_close_ends_the_inbound_once(inventory):
    [line] = (await inventory.order()).lines
    await inventory.receive(4, on=line)
    await inventory.published()
    for hour in (9, 10):
        closed = await inventory.close(line, hour=hour)
        assert (closed.received, closed.cancelled, closed.open, closed.state) == (4, 6, 0, "closed")
    [event] = await inventory.published()
    assert (event.name, event.payload.remaining, event.payload.version) == ("InboundCancelled", 0, 3)
    assert event.payload.occurred_at == at(9)
    with pytest.raises(LineClosed) as refusal:
        await inventory.change(line, eta=at(1))
    assert refusal.value.state == "closed"


async def test_a_close_may_expect_a_version(inventory):
    [line] = (await inventory.order()).lines
    with pytest.raises(VersionMismatch):
        await inventory.close(line, expected=expecting(2, order=7))
    assert (await inventory.close(line, expected=expecting(order=1))).closed


async def test_a_line_of_another_order_is_not_found(inventory):
    one, other = await inventory.order(), await inventory.order()
    for order_id, line_id in ((one.purchase_order_id, other.lines[0].line_id), ("none", "none")):
        with pytest.raises(PurchaseOrderLineNotFound):
            await execute(inventory.units, close_purchase_order_line, ClosePurchaseOrderLine(order_id, line_id))
    [line] = other.lines
    assert await inventory.line(line) == line


async def test_a_cancelled_order_expects_nothing_more_and_keeps_what_has_come(inventory):
    order = await inventory.order("lamp", "chair", "lamp", quantity=10)
    came, waiting, closed = order.lines
    await inventory.receive(4, on=came)
    await inventory.close(closed)
    await inventory.published()
    cancelled = await inventory.cancel(order, hour=9)
    assert [(line.open, line.received, line.cancelled) for line in cancelled.lines] == [
        (0, 4, 6),
        (0, 0, 10),
        (0, 0, 10),
    ]
    events = await inventory.published()
    assert [(event.name, event.payload.po_line, event.payload.remaining) for event in events] == [
        ("InboundCancelled", came.line_id, 0),
        ("InboundCancelled", waiting.line_id, 0),
    ]
    assert [event.payload.occurred_at for event in events] == [at(9)] * 2
    assert await read(inventory.units, lambda uow: uow.queries.purchase_order(order.purchase_order_id)) == cancelled
    assert await inventory.cancel(order) == cancelled
    assert await inventory.published() == []


async def test_an_order_is_cancelled_on_the_version_that_was_seen(inventory):
    order = await inventory.order("lamp", "chair")
    with pytest.raises(VersionMismatch):
        await inventory.cancel(order, expected=ExpectedOrderVersion(frozenset({1})))
    await inventory.cancel(order, expected=ExpectedOrderVersion(frozenset({2})))
    await inventory.cancel(order, expected=ExpectedOrderVersion(any_version=True))
    with pytest.raises(PurchaseOrderNotFound):
        await execute(inventory.units, cancel_purchase_order, CancelPurchaseOrder("none"))


async def test_lines_are_added_behind_the_others_and_announced(inventory):
    order = await inventory.order("lamp")
    await inventory.published()
    added, refused, last = await inventory.all(
        add_purchase_order_lines,
        [
            inventory.a_line_to_add(order, "chair", quantity=7, hour=2),
            inventory.a_line_to_add(order, "nothing"),
            inventory.a_line_to_add(order, "lamp"),
        ],
    )
    assert isinstance(refused, NamesRefused)
    assert refused.faults == (NameFault(NameKind.SKU),)
    stored = await read(inventory.units, lambda uow: uow.queries.purchase_order(order.purchase_order_id))
    assert stored.lines == (*order.lines, added, last)
    assert (stored.version, added.supplier_id, added.location_id) == (3, "acme", "main")
    first, _ = await inventory.published()
    assert (first.name, first.key, first.payload.remaining, first.payload.version) == (
        "InboundScheduled",
        "chair",
        7,
        1,
    )
    assert (first.payload.po_line, first.payload.occurred_at) == (added.line_id, at(2))


async def test_what_cannot_be_added_is_refused(inventory, monkeypatch):
    order = await inventory.order("lamp")
    outdated = inventory.a_line_to_add(order, "chair", expected=ExpectedOrderVersion(frozenset({9})))
    unknown = replace(inventory.a_line_to_add(order, "chair"), purchase_order_id="none")
    refusals = await inventory.all(add_purchase_order_lines, [outdated, unknown])
    assert [type(refusal) for refusal in refusals] == [VersionMismatch, PurchaseOrderNotFound]
    monkeypatch.setattr("inventory_service.domain.purchase_order.MAX_ORDER_LINES", 1)
    [full] = await inventory.all(add_purchase_order_lines, [inventory.a_line_to_add(order, "chair")])
    assert isinstance(full, TooManyOrderLines)


async def test_no_more_is_ordered_to_a_location_that_is_not_active(inventory):
    order = await inventory.order("lamp", quantity=10)
    await execute(inventory.units, put_location, PutLocation(Location("main", "Main", 10, active=False)))
    await inventory.published()
    [refused] = await inventory.all(add_purchase_order_lines, [inventory.a_line_to_add(order, "chair")])
    assert isinstance(refused, OrderLocationInactive)
    [line] = order.lines
    with pytest.raises(OrderLocationInactive):
        await inventory.change(line, quantity=11)
    assert await inventory.published() == []
    later = await inventory.change(line, quantity=9, eta=ETA + timedelta(days=1))
    assert (later.quantity, later.version) == (9, 2), "what is on its way there may come later, and be less"
