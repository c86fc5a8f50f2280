"""Counts replace the levels as of their moment; what moved later stays."""

import pytest
from tests.unit.inventory.scenario import at

from inventory_service.application.record_adjustments import AdjustedLine
from inventory_service.application.record_counts import CountedLine, RecordCount, record_counts
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import LevelTooLarge, LinesRefused, NameFault, NameKind, NamesRefused
from inventory_service.domain.stock_level import MAX_UNITS


async def test_a_count_replaces_the_level_as_of_its_time_and_keeps_what_moved_after_it(inventory):
    await inventory.receive(10, hour=0)
    await inventory.receive(4, hour=48)
    await inventory.published()
    document = await inventory.count(8, hour=24)
    assert (document.type, document.kind, document.lines[0].on_hand_change) == (DocumentType.COUNT, "count", -2)
    assert await inventory.level() == (12, 0, 3)
    [event] = await inventory.published()
    assert (event.name, event.payload.reason, event.sequence) == ("StockLevelChanged", "count", 3)
    assert event.payload.occurred_at == at(24)
    inventory.check_ledger()


async def test_a_count_has_seen_what_moved_at_its_very_moment(inventory):
    for quantity in (10, 4):
        await inventory.receive(quantity, hour=24)
    await inventory.count(8, hour=24)
    assert (await inventory.level())[0] == 8


async def test_a_count_reported_after_a_newer_one_changes_nothing(inventory):
    await inventory.receive(10, hour=0)
    await inventory.count(9, hour=96)
    await inventory.published()
    document = await inventory.count(1, hour=48)
    assert document.lines[0].on_hand_change == 0
    assert (await inventory.level())[:2] == (9, 0)
    assert await inventory.published() == []


async def test_a_count_that_confirms_the_level_announces_nothing(inventory):
    await inventory.receive(10)
    await inventory.published()
    await inventory.count(10, hour=1)
    assert await inventory.published() == []
    assert await inventory.level() == (10, 0, 1)
    assert [entry.kind for entry in await inventory.ledger()] == ["receipt", "count"]


async def test_a_shipment_up_to_the_last_count_leaves_on_hand(inventory, order):
    await inventory.receive(10, hour=0)
    await inventory.count(6, hour=4 * 24 + 5)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4, shipped_at=at(4 * 24 + 5)))
    assert (await inventory.level())[:2] == (6, 4)
    await inventory.apply(inventory.neighbours.ship(order, 1, 1, shipped_at=at(4 * 24 + 6)))
    assert (await inventory.level())[:2] == (5, 5)
    inventory.check_ledger()


async def test_a_count_dated_before_shipments_keeps_them_on_top(inventory, order):
    await inventory.receive(10, hour=0)
    inventory.neighbours.ship(order, 1, 4, shipped_at=at(4 * 24 + 3))
    await inventory.apply(inventory.neighbours.ship(order, 1, 2, shipped_at=at(4 * 24 + 7)))
    await inventory.count(5, hour=4 * 24 + 5)
    assert (await inventory.level())[:2] == (3, 6)
    inventory.check_ledger()


async def test_a_count_drops_the_found_units_that_it_has_disproved(inventory, order):
    await inventory.receive(3, hour=0)
    await inventory.apply(inventory.neighbours.ship(order, 1, 5, shipped_at=at(4 * 24 + 10)))
    await inventory.count(5, hour=4 * 24 + 9)
    assert (await inventory.level())[:2] == (0, 5)
    inventory.check_ledger()


async def test_each_count_of_a_batch_sees_the_movements_after_its_own_moment(inventory):
    for hour in (10, 20, 30):
        await inventory.receive(1, hour=hour)
    counts = [inventory.a_count(counted, hour=hour) for counted, hour in ((5, 15), (9, 25))]
    first, second = await inventory.all(record_counts, counts)
    assert (first.lines[0].on_hand_change, second.lines[0].on_hand_change) == (4, 3)
    assert (await inventory.level())[0] == 10
    inventory.check_ledger()


async def test_names_that_do_not_exist_are_refused_before_anything_is_locked(inventory):
    lines = (CountedLine("no", 1), CountedLine("lamp", 1))
    command = RecordCount("count", "count", "nowhere", at(1), lines)
    with pytest.raises(NamesRefused) as refusal:
        await inventory.one(record_counts, command)
    assert refusal.value.faults == (NameFault(NameKind.LOCATION), NameFault(NameKind.SKU, line=0))
    assert inventory.units.state.levels == {}


async def test_a_count_that_makes_a_level_too_large_is_refused_whole(inventory):
    await inventory.adjust(AdjustedLine("lamp", 1), hour=9)
    command = RecordCount("count", "count", "main", at(1), (CountedLine("chair", 3), CountedLine("lamp", MAX_UNITS)))
    with pytest.raises(LinesRefused) as refusal:
        await inventory.one(record_counts, command)
    [broken] = refusal.value.lines
    assert (refusal.value.document_type, broken.line, type(broken.rule)) == (DocumentType.COUNT, 1, LevelTooLarge)
    assert (await inventory.level("chair"), await inventory.level()) == ((0, 0, 0), (1, 0, 1))
