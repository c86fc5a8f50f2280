"""A SKU is renamed, or merged into another: what it had belongs to that one, and whoever names it is understood."""

import pytest
from tests.unit.inventory.scenario import ETA, InventoryScenario, at

from event_contracts import SkuMerge
from inventory_service.application.merge_sku import MergeSku, merge_sku
from inventory_service.application.put_skus import PutSkus, put_skus
from inventory_service.domain.catalogue import SellingPolicy, Sku
from inventory_service.domain.errors import (
    MergedIntoItself,
    MergeTooLarge,
    NamesRefused,
    SkuMerged,
    SkuNotFound,
    TooManyOpenLines,
    VersionMismatch,
)
from inventory_service.domain.expected_version import ExpectedVersion
from service_kit.commands.execute import execute

ANY = ExpectedVersion(any_version=True)


async def merge(inventory: InventoryScenario, sku: str = "lamp", into: str = "chair", expected=ANY):
    return await execute(inventory.units, merge_sku, MergeSku(sku, into, expected))


async def test_stock_and_what_was_shipped_of_it_belong_to_the_other(inventory, order):
    await inventory.receive(10)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4))
    await inventory.receive(3, sku="chair")
    await inventory.published()
    await merge(inventory)
    assert (await inventory.level("lamp"))[:2] == (0, 0)
    assert (await inventory.level("chair"))[:2] == (9, 4)
    inventory.check_ledger()
    [event] = await inventory.published()
    assert isinstance(event.payload, SkuMerge)
    assert (event.key, event.payload.merged) == ("chair", ("lamp",))
    [level] = event.payload.levels
    assert (level.on_hand, level.shipped, level.priority) == (9, 4, 10)


async def test_a_new_name_is_sold_as_the_old_one_was(inventory):
    await inventory.receive(10)
    await inventory.published()
    merged = await merge(inventory, into="lamp/2")
    assert (merged.item.name, merged.version) == ("Lamp", 1)
    assert (await inventory.level("lamp/2"))[:2] == (10, 0)
    assert [event.name for event in await inventory.published()] == ["SkuPolicyChanged", "SkuMerged"]


async def test_a_merge_that_was_made_before_changes_and_tells_nothing(inventory):
    await merge(inventory)
    await inventory.published()
    assert (await merge(inventory, expected=None)).item.sku == "chair"
    assert await inventory.published() == []


async def test_names_are_followed_to_the_last_one(inventory):
    await inventory.receive(5)
    await merge(inventory)
    await inventory.published()
    await merge(inventory, "chair", "stool")
    event = (await inventory.published())[-1]
    assert event.payload.merged == ("chair", "lamp")
    with pytest.raises(SkuMerged) as refusal:
        await merge(inventory, "lamp", "chair")
    assert refusal.value.into == "stool"


async def test_what_cannot_be_merged_is_refused_and_nothing_changes(inventory):
    for sku, into, expected, error in (
        ("lamp", "lamp", ANY, MergedIntoItself),
        ("nope", "lamp", ANY, SkuNotFound),
        ("lamp", "chair", ExpectedVersion(frozenset({9})), VersionMismatch),
    ):
        with pytest.raises(error):
            await merge(inventory, sku, into, expected)
    await merge(inventory)
    await inventory.published()
    with pytest.raises(SkuMerged):
        await merge(inventory, "chair", "lamp")
    assert await inventory.published() == []


async def test_documents_and_changes_that_name_the_old_one_are_told_the_new_one(inventory):
    await merge(inventory)
    with pytest.raises(NamesRefused) as refusal:
        await inventory.receive(1)
    assert [fault.merged_into for fault in refusal.value.faults] == ["chair"]
    with pytest.raises(SkuMerged):
        await execute(inventory.units, put_skus, PutSkus((Sku("lamp", "Lamp", None, None, SellingPolicy()),)))


@pytest.mark.parametrize("shipped_first", [False, True])
async def test_shipments_and_voids_that_name_the_old_one_are_of_the_new_one_once(inventory, order, *, shipped_first):
    neighbours = inventory.neighbours
    await inventory.receive(10)
    shipped = neighbours.ship(order, 1, 4)
    if shipped_first:
        await inventory.apply(shipped)
    await merge(inventory)
    await inventory.published()
    await inventory.apply(shipped)
    await inventory.apply(shipped)
    assert (await inventory.level("chair"))[:2] == (6, 4)
    await inventory.apply(neighbours.void(order))
    await inventory.apply(shipped)
    assert (await inventory.level("chair"))[:2] == (10, 0)
    assert (await inventory.level("lamp"))[:2] == (0, 0)
    assert {event.key for event in await inventory.published()} == {"chair"}
    inventory.check_ledger()


async def test_a_late_shipment_is_judged_by_the_count_of_the_name_under_which_it_left(inventory, order):
    await inventory.receive(10)
    counted = inventory.neighbours.ship(order, 1, 4, shipped_at=at(10))
    not_counted = inventory.neighbours.ship(order, 1, 1, shipped_at=at(30))
    await inventory.count(6, hour=20)
    await inventory.count(5, sku="chair", hour=40)
    await merge(inventory)
    await inventory.apply(counted, not_counted)
    assert (await inventory.level("chair"))[:2] == (10, 5), "6 - 1 of those that were lamps, and 5"
    inventory.check_ledger()


async def test_purchase_order_lines_are_of_the_other_and_go_on(inventory):
    purchase = await inventory.order("lamp", "chair", quantity=10)
    await inventory.published()
    await merge(inventory)
    line = await inventory.line(purchase.lines[0])
    assert (line.sku, line.version) == ("chair", 2)
    [event] = await inventory.published()
    [told] = event.payload.po_lines
    assert (told.id, told.remaining, told.eta, told.supplier, told.version) == (line.line_id, 10, ETA, "acme", 2)
    await inventory.receive(4, sku="chair", on=line)
    [received] = await inventory.published()
    assert [(one.id, one.remaining) for one in received.payload.po_lines] == [(line.line_id, 6)]


async def test_what_would_be_too_much_at_one_location_is_refused_and_nothing_changes(inventory):
    await inventory.receive(600_000_000)
    await inventory.receive(600_000_000, sku="chair")
    await inventory.published()
    with pytest.raises(MergeTooLarge):
        await merge(inventory)
    assert (await inventory.level("lamp"))[:2] == (600_000_000, 0)
    assert await inventory.published() == []


async def test_more_open_purchase_order_lines_than_one_event_tells_of_are_refused(inventory, monkeypatch):
    monkeypatch.setattr("inventory_service.application.merge_sku.MAX_OPEN_LINES", 1)
    first = await inventory.order("lamp")
    await inventory.order("lamp")
    with pytest.raises(TooManyOpenLines):
        await merge(inventory)
    await inventory.close(first.lines[0])
    assert (await merge(inventory)).item.sku == "chair"


async def test_a_shipment_that_was_booked_between_two_merges_is_voided_once(inventory, order):
    neighbours = inventory.neighbours
    await inventory.receive(10)
    await merge(inventory)
    await inventory.apply(neighbours.ship(order, 1, 4))
    await merge(inventory, "chair", "stool")
    await inventory.apply(neighbours.void(order))
    assert (await inventory.level("stool"))[:2] == (10, 0)
    inventory.check_ledger()
