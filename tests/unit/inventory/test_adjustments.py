"""Adjustments change on hand by signed units, all lines or none."""

import pytest

from inventory_service.application.record_adjustments import AdjustedLine, record_adjustments
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import BelowZero, LinesRefused, NameFault, NameKind, NamesRefused
from service_kit.commands.execute import read


async def test_an_adjustment_changes_on_hand_by_its_delta(inventory):
    await inventory.receive(10)
    await inventory.published()
    document = await inventory.adjust(AdjustedLine("lamp", -3), AdjustedLine("lamp", 4, "south"))
    assert [line.key.location_id for line in document.lines] == ["main", "south"]
    assert (document.type, document.kind, document.reason) == (DocumentType.ADJUSTMENT, "adjustment", "lost or found")
    [event] = await inventory.published()
    assert (event.name, event.payload.reason, event.sequence) == ("StockLevelChanged", "adjustment", 2)
    assert [(level.location, level.on_hand) for level in event.payload.levels] == [("main", 7), ("south", 4)]
    assert (await inventory.ledger())[-1].reason == "lost or found"
    inventory.check_ledger()


async def test_an_adjustment_below_zero_is_refused_whole_with_its_lines(inventory):
    await inventory.receive(10)
    await inventory.published()
    lines = [AdjustedLine("chair", 5), AdjustedLine("lamp", -6), AdjustedLine("lamp", -5)]
    with pytest.raises(LinesRefused) as refusal:
        await inventory.one(record_adjustments, inventory.an_adjustment(*lines, reference="a"))
    [broken] = refusal.value.lines
    assert (broken.line, type(broken.rule), refusal.value.insufficient_stock) == (2, BelowZero, True)
    assert str(broken.rule) == "only 4 units are on hand"
    assert (await inventory.level(), await inventory.level("chair")) == ((10, 0, 1), (0, 0, 0))
    assert await inventory.published() == []
    repeated = await inventory.one(record_adjustments, inventory.an_adjustment(*lines[:2], reference="a"))
    assert repeated.reference == "a", "the reference of a refused document is free"
    inventory.check_ledger()


async def test_units_lost_before_the_last_count_were_missing_from_it_already(inventory):
    await inventory.count(5, hour=10)
    document = await inventory.adjust(AdjustedLine("lamp", -7), hour=9)
    assert document.lines[0].on_hand_change == 0
    assert await inventory.level() == (5, 0, 2)
    inventory.check_ledger()


async def test_a_location_is_refused_where_it_was_stated(inventory):
    adjustment = inventory.an_adjustment(
        AdjustedLine("lamp", 1), AdjustedLine("no", 1, "nowhere"), AdjustedLine("lamp", 1, "main"), location="elsewhere"
    )
    with pytest.raises(NamesRefused) as refusal:
        await inventory.one(record_adjustments, adjustment)
    assert refusal.value.faults == (
        NameFault(NameKind.LOCATION),
        NameFault(NameKind.LOCATION, line=1),
        NameFault(NameKind.SKU, line=1),
    )


async def test_a_document_without_a_location_of_its_own_has_that_of_its_lines(inventory):
    document = await inventory.adjust(AdjustedLine("lamp", 2, "south"), location=None)
    stored = await read(
        inventory.units, lambda uow: uow.queries.document(DocumentType.ADJUSTMENT, document.document_id)
    )
    assert (stored, stored.location_id, stored.lines[0].key.location_id) == (document, None, "south")


async def test_a_line_without_any_location_is_an_error_of_the_caller(inventory):
    with pytest.raises(ValueError, match="neither the line nor its adjustment"):
        await inventory.adjust(AdjustedLine("lamp", 2), location=None)
