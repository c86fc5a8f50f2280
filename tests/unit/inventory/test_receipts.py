"""Receipts raise the stock and lower what is expected on purchase orders."""

import pytest
from tests.unit.inventory.scenario import at

from inventory_service.application.record_receipts import ReceivedLine, record_receipts
from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.errors import (
    BelowZero,
    LevelTooLarge,
    LinesRefused,
    NameFault,
    NameKind,
    NamesRefused,
    ReferenceTaken,
)
from inventory_service.domain.stock_level import MAX_UNITS
from service_kit.commands.execute import read


async def test_a_receipt_raises_on_hand_and_announces_the_absolute_level(inventory):
    receipt = await inventory.receive(12, hour=3)
    [line] = receipt.lines
    assert (line.line_no, line.quantity, line.on_hand_change) == (1, 12, 12)
    assert (receipt.type, receipt.kind, receipt.location_id) == (DocumentType.RECEIPT, "purchase", "main")
    assert (receipt.occurred_at, receipt.recorded_at) == (at(3), inventory.clock.now())
    assert await inventory.level() == (12, 0, 1)
    [event] = await inventory.published()
    assert (event.name, event.key, event.sequence, event.payload.reason) == ("StockReceived", "lamp", 1, "receipt")
    [level] = event.payload.levels
    assert (level.location, level.on_hand, level.shipped, level.version, level.priority) == ("main", 12, 0, 1, 10)
    assert (event.payload.occurred_at, event.payload.po_lines) == (at(3), ())
    inventory.check_ledger()


@pytest.mark.parametrize(
    ("kind", "reason", "entry"),
    [
        (ReceiptKind.PURCHASE, "receipt", "receipt"),
        (ReceiptKind.RETURN, "return", "return"),
        (ReceiptKind.OPENING, "opening", "opening"),
    ],
)
async def test_each_kind_of_receipt_raises_the_supply_and_says_why(inventory, kind, reason, entry):
    await inventory.receive(2, kind=kind)
    assert await inventory.level() == (2, 0, 1)
    assert (await inventory.published())[0].payload.reason == reason
    assert [stored.kind for stored in await inventory.ledger()] == [entry]


async def test_a_receipt_of_several_skus_is_one_event_for_each(inventory):
    lines = [ReceivedLine(sku, quantity) for sku, quantity in (("lamp", 2), ("chair", 3), ("lamp", 4))]
    await inventory.one(record_receipts, inventory.a_receipt(*lines))
    levels = {event.key: event.payload.levels[0] for event in await inventory.published()}
    assert {sku: (level.on_hand, level.version) for sku, level in levels.items()} == {"lamp": (6, 2), "chair": (3, 1)}


async def test_receipts_of_one_batch_are_announced_in_their_order_each_with_its_own_level(inventory):
    commands = [inventory.a_receipt(ReceivedLine("lamp", quantity)) for quantity in (1, 2, 3)]
    await inventory.all(record_receipts, commands)
    assert [(event.sequence, event.payload.levels[0].on_hand) for event in await inventory.published()] == [
        (1, 1),
        (2, 3),
        (3, 6),
    ]
    assert await inventory.level() == (6, 0, 3)


async def test_what_a_receipt_names_wrongly_is_refused_with_every_fault_and_nothing_is_stored(inventory):
    order = await inventory.order("lamp")
    await inventory.published()
    lines = [
        ReceivedLine("lamp", 1),
        ReceivedLine("Lamp", 1),
        ReceivedLine("lamp", 1, "none"),
        ReceivedLine("chair", 1, order.lines[0].line_id),
    ]
    with pytest.raises(NamesRefused) as refusal:
        await inventory.one(record_receipts, inventory.a_receipt(*lines, location="nowhere"))
    assert refusal.value.faults == (
        NameFault(NameKind.LOCATION),
        NameFault(NameKind.SKU, line=1),
        NameFault(NameKind.PURCHASE_ORDER_LINE, line=2),
        NameFault(NameKind.PURCHASE_ORDER_LINE, line=3, other_sku=True),
    )
    assert (inventory.units.state.documents, inventory.units.state.levels, await inventory.published()) == ({}, {}, [])


async def test_a_taken_reference_is_refused_and_names_its_holder(inventory):
    first, second = (inventory.a_receipt(ReceivedLine("lamp", 1), reference="grn") for _ in range(2))
    recorded, refusal = await inventory.all(record_receipts, [first, second])
    assert (recorded.document_id, refusal.holder_id) == (first.receipt_id, first.receipt_id)
    with pytest.raises(ReferenceTaken) as later:
        await inventory.one(record_receipts, second)
    assert later.value.holder_id == first.receipt_id
    assert await inventory.level() == (1, 0, 1)


async def test_a_refused_receipt_leaves_no_trace_and_its_neighbours_are_recorded(inventory):
    good, unknown, large, other = (
        inventory.a_receipt(ReceivedLine("lamp", 1)),
        inventory.a_receipt(ReceivedLine("no", 1)),
        inventory.a_receipt(ReceivedLine("chair", 5), ReceivedLine("lamp", MAX_UNITS), reference="large"),
        inventory.a_receipt(ReceivedLine("lamp", 2)),
    )
    results = await inventory.all(record_receipts, [good, unknown, large, other])
    assert [type(result).__name__ for result in results] == [
        "StockDocument",
        "NamesRefused",
        "LinesRefused",
        "StockDocument",
    ]
    assert [(broken.line, type(broken.rule)) for broken in results[2].lines] == [(1, LevelTooLarge)]
    assert not results[2].insufficient_stock
    assert (await inventory.level(), await inventory.level("chair")) == ((3, 0, 2), (0, 0, 0))
    assert await inventory.ledger("chair") == []
    assert await read(inventory.units, lambda uow: uow.queries.document(DocumentType.RECEIPT, large.receipt_id)) is None
    again = inventory.a_receipt(ReceivedLine("lamp", 1), reference="large")
    await inventory.one(record_receipts, again)
    inventory.check_ledger()


async def test_a_receipt_reported_after_the_count_that_included_it_leaves_on_hand(inventory):
    await inventory.receive(10, hour=1)
    await inventory.count(14, hour=5)
    late = await inventory.receive(4, hour=4)
    assert late.lines[0].on_hand_change == 0
    assert (await inventory.level())[0] == 14
    inventory.check_ledger()


async def test_a_partial_receipt_and_the_fall_of_its_inbound_are_one_event(inventory):
    [line] = (await inventory.order()).lines
    await inventory.published()
    await inventory.receive(4, on=line)
    line = await inventory.line(line)
    assert (line.received, line.cancelled, line.open, line.state) == (4, 0, 6, "partly_received")
    [event] = await inventory.published()
    assert event.name == "StockReceived"
    [po_line] = event.payload.po_lines
    assert (po_line.id, po_line.remaining, po_line.version) == (line.line_id, 6, 2)


async def test_an_over_receipt_is_taken_and_closes_the_inbound(inventory):
    [line] = (await inventory.order()).lines
    await inventory.receive(13, on=line)
    line = await inventory.line(line)
    assert (line.received, line.cancelled, line.open, line.state) == (13, 0, 0, "received")
    assert (await inventory.level())[0] == 13
    assert (await inventory.published())[-1].payload.po_lines[0].remaining == 0


async def test_two_lines_of_a_receipt_on_one_order_line_both_count(inventory):
    [line] = (await inventory.order()).lines
    received = ReceivedLine("lamp", 3, line.line_id)
    await inventory.one(record_receipts, inventory.a_receipt(received, received, location="south"))
    line = await inventory.line(line)
    assert (line.received, line.cancelled, line.open, line.state) == (6, 0, 4, "partly_received")
    assert (await inventory.published())[-1].payload.po_lines[0].version == 3


async def test_each_sku_is_announced_with_its_own_purchase_order_lines(inventory):
    lamp, chair = (await inventory.order("lamp", "chair")).lines
    await inventory.published()
    lines = [ReceivedLine(line.sku, 3, line.line_id) for line in (chair, lamp)]
    await inventory.one(record_receipts, inventory.a_receipt(*lines))
    announced = {event.key: [po_line.id for po_line in event.payload.po_lines] for event in await inventory.published()}
    assert announced == {"lamp": [lamp.line_id], "chair": [chair.line_id]}


async def test_units_that_arrive_after_the_close_are_stock_and_no_inbound(inventory):
    [line] = (await inventory.order()).lines
    await inventory.close(line)
    await inventory.receive(3, on=line)
    line = await inventory.line(line)
    assert (line.received, line.cancelled, line.open, line.state) == (3, 7, 0, "closed")
    assert (await inventory.level())[0] == 3
    assert (await inventory.published())[-1].payload.po_lines[0].remaining == 0


async def test_a_refused_receipt_deducts_nothing_from_its_purchase_order(inventory):
    [line] = (await inventory.order()).lines
    await inventory.count(MAX_UNITS, hour=0)
    with pytest.raises(LinesRefused) as refusal:
        await inventory.receive(1, hour=1, on=line)
    assert (refusal.value.document_type, isinstance(refusal.value.lines[0].rule, BelowZero)) == ("receipt", False)
    assert await inventory.line(line) == line
