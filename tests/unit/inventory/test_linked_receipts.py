"""Units that came before their purchase order was entered: once linked, they are not expected again."""

import pytest
from tests.unit.inventory.scenario import at

from inventory_service.application.link_receipt_line import LinkReceiptLine, link_receipt_line
from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.errors import NotLinkable, PurchaseOrderLineNotFound, ReceiptLineNotFound
from service_kit.commands.execute import execute, read


async def test_linked_units_fall_from_the_inbound_in_an_event_that_leaves_the_level(inventory):
    receipt = await inventory.receive(6, hour=3)
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await inventory.published()
    linked = await execute(inventory.units, link_receipt_line, LinkReceiptLine(receipt.document_id, 1, line.line_id))
    assert linked.lines[0].purchase_order_line_id == line.line_id
    after = await inventory.line(line)
    assert (after.received, after.open, after.version) == (6, 4, 2)
    [event] = await inventory.published()
    assert (event.name, event.payload.reason, event.payload.occurred_at) == (
        "StockLevelChanged",
        "receipt_linked",
        at(3),
    )
    assert [(level.on_hand, level.version) for level in event.payload.levels] == [(6, 1)], "no unit moved"
    assert [(one.id, one.remaining, one.version) for one in event.payload.po_lines] == [(line.line_id, 4, 2)]
    stored = await read(inventory.units, lambda uow: uow.queries.document(DocumentType.RECEIPT, receipt.document_id))
    assert stored == linked


async def test_linking_again_to_the_same_line_changes_nothing_and_to_another_is_refused(inventory):
    receipt = await inventory.receive(6)
    order = await inventory.order("lamp", "lamp", quantity=10)
    first, second = order.lines
    command = LinkReceiptLine(receipt.document_id, 1, first.line_id)
    once = await execute(inventory.units, link_receipt_line, command)
    await inventory.published()
    assert await execute(inventory.units, link_receipt_line, command) == once
    with pytest.raises(NotLinkable) as refused:
        await execute(inventory.units, link_receipt_line, LinkReceiptLine(receipt.document_id, 1, second.line_id))
    assert refused.value.code == "already_linked"
    assert await inventory.published() == []
    assert [(await inventory.line(line)).received for line in order.lines] == [6, 0]


async def test_more_units_than_ordered_are_linked_as_they_would_be_received(inventory):
    receipt = await inventory.receive(12)
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await execute(inventory.units, link_receipt_line, LinkReceiptLine(receipt.document_id, 1, line.line_id))
    after = await inventory.line(line)
    assert (after.received, after.open, after.state) == (12, 0, "received")


async def test_what_does_not_fit_is_refused_and_changes_nothing(inventory):
    receipt = await inventory.receive(6)
    returned = await inventory.receive(1, kind=ReceiptKind.RETURN)
    lamp, chair = (await inventory.order("lamp", "chair")).lines
    await inventory.published()

    async def refusal(command, error):
        with pytest.raises(error) as refused:
            await execute(inventory.units, link_receipt_line, command)
        return refused.value

    assert (await refusal(LinkReceiptLine(receipt.document_id, 1, chair.line_id), NotLinkable)).code == "other_sku"
    kind = await refusal(LinkReceiptLine(returned.document_id, 1, lamp.line_id), NotLinkable)
    assert kind.code == "not_a_purchase"
    await refusal(LinkReceiptLine(receipt.document_id, 2, lamp.line_id), ReceiptLineNotFound)
    await refusal(LinkReceiptLine("none", 1, lamp.line_id), ReceiptLineNotFound)
    await refusal(LinkReceiptLine(receipt.document_id, 1, "none"), PurchaseOrderLineNotFound)
    assert await inventory.published() == []
