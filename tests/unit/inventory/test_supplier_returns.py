"""Units that go back to the supplier leave the stock, and are expected once more where a purchase order names them."""

import pytest

from inventory_service.application.record_supplier_returns import record_supplier_returns
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import BelowZero, BeyondReceived, LinesRefused, NameFault, NameKind, NamesRefused
from service_kit.commands.execute import read


async def test_returned_units_leave_the_stock_and_reopen_their_purchase_order_line(inventory):
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await inventory.receive(10, on=line)
    await inventory.published()
    document = await inventory.give_back(4, on=line)
    assert (document.type, document.kind, document.reason) == (
        DocumentType.SUPPLIER_RETURN,
        "supplier_return",
        "wrong colour",
    )
    reopened = await inventory.line(line)
    assert (reopened.open, reopened.received, reopened.state, reopened.version) == (4, 6, "partly_received", 3)
    assert (await inventory.level())[:2] == (6, 0)
    [event] = await inventory.published()
    assert (event.name, event.payload.reason) == ("StockLevelChanged", "supplier_return")
    assert [(level.on_hand, level.shipped) for level in event.payload.levels] == [(6, 0)]
    assert [(one.id, one.remaining, one.version) for one in event.payload.po_lines] == [(line.line_id, 4, 3)]
    assert (await inventory.ledger())[-1].kind == "supplier_return"
    inventory.check_ledger()


async def test_a_return_that_names_no_purchase_order_line_expects_nothing_in_its_place(inventory):
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await inventory.receive(10, on=line)
    await inventory.give_back(4)
    assert (await inventory.line(line)).open == 0
    assert (await inventory.published())[-1].payload.po_lines == ()


async def test_a_line_that_was_closed_short_stays_closed(inventory):
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await inventory.receive(6, on=line)
    await inventory.close(line)
    await inventory.give_back(2, on=line)
    after = await inventory.line(line)
    assert (after.open, after.received, after.cancelled, after.state) == (0, 4, 6, "closed")


async def test_an_over_receipt_that_goes_back_is_not_expected_again(inventory):
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await inventory.receive(12, on=line)
    await inventory.give_back(2, on=line)
    assert (await inventory.line(line)).open == 0


async def test_more_than_is_on_hand_or_than_came_is_refused_whole(inventory):
    [line] = (await inventory.order("lamp", quantity=10)).lines
    await inventory.receive(3, on=line)
    await inventory.receive(9, sku="chair")
    await inventory.published()
    for lines, broken_line, rule, flag in (
        ([("chair", 1, None), ("lamp", 4, None)], 1, BelowZero, "insufficient_stock"),
        ([("chair", 1, None), ("lamp", 2, line), ("lamp", 2, line)], 2, BeyondReceived, "beyond_received"),
    ):
        with pytest.raises(LinesRefused) as refusal:
            await inventory.one(record_supplier_returns, inventory.a_supplier_return(*lines, reference="a"))
        [broken] = refusal.value.lines
        assert (broken.line, type(broken.rule), getattr(refusal.value, flag)) == (broken_line, rule, True)
    assert (await inventory.level(), await inventory.level("chair")) == ((3, 0, 1), (9, 0, 1))
    assert (await inventory.line(line)).version == 2
    assert await inventory.published() == []


async def test_names_that_do_not_fit_are_refused(inventory):
    [line] = (await inventory.order("lamp")).lines
    command = inventory.a_supplier_return(("chair", 1, line), ("nothing", 1, None))
    [refused] = await inventory.all(record_supplier_returns, [command])
    assert isinstance(refused, NamesRefused)
    assert set(refused.faults) == {
        NameFault(NameKind.PURCHASE_ORDER_LINE, 0, other_sku=True),
        NameFault(NameKind.SKU, 1),
    }


async def test_units_that_had_gone_before_the_last_count_were_missing_from_it_already(inventory):
    await inventory.receive(10, hour=0)
    await inventory.count(7, hour=5)
    await inventory.give_back(3, hour=4)
    assert (await inventory.level())[:2] == (7, 0)
    inventory.check_ledger()


async def test_a_recorded_return_is_read_as_one(inventory):
    await inventory.receive(5)
    document = await inventory.give_back(2)
    found = await read(
        inventory.units, lambda uow: uow.queries.document(DocumentType.SUPPLIER_RETURN, document.document_id)
    )
    assert found == document
    assert [line.on_hand_change for line in found.lines] == [-2]
