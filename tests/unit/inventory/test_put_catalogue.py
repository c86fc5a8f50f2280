"""SKUs, locations and suppliers are put; what changes is announced, what expects another version is refused."""

from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from tests.unit.inventory.scenario import at

from inventory_service.application.put_location import PutLocation, put_location
from inventory_service.application.put_sku import PutSku, put_sku
from inventory_service.application.put_skus import PutSkus, put_skus
from inventory_service.application.put_supplier import PutSupplier, put_supplier
from inventory_service.application.queries import Versioned
from inventory_service.application.record_adjustments import AdjustedLine
from inventory_service.domain.catalogue import Location, Mode, SellingPolicy, Sku, Supplier
from inventory_service.domain.document_types import ReceiptKind
from inventory_service.domain.errors import NameFault, NameKind, NamesRefused, VersionMismatch
from inventory_service.domain.expected_version import ExpectedVersion
from inventory_service.domain.handling_calendar import HandlingCalendar, Weekday
from service_kit.commands.execute import execute, read

TABLE = Sku("table", "Table", "furniture", 14, SellingPolicy(Mode.BACKORDER, backorder_cap=50))
MAIN = Location("main", "Main", 10)


async def test_a_new_sku_is_announced_with_its_whole_policy(inventory):
    assert await execute(inventory.units, put_sku, PutSku(TABLE, changed_at=at(5))) == (TABLE, (1, True, True))
    [event] = await inventory.published()
    assert (event.name, event.key, event.sequence) == ("SkuPolicyChanged", "table", 1)
    policy = event.payload
    assert (policy.mode, policy.cap, policy.lead_time_days, policy.category) == ("backorder", 50, 14, "furniture")
    assert (policy.name, policy.version, policy.occurred_at) == ("Table", 1, at(5))


async def test_a_real_change_is_announced_with_the_next_version(inventory):
    await execute(inventory.units, put_sku, PutSku(TABLE))
    await inventory.published()
    changed = replace(TABLE, policy=SellingPolicy(Mode.PREORDER, release_date=date(2011, 1, 15)))
    assert await execute(inventory.units, put_sku, PutSku(changed)) == (changed, (2, False, True))
    [event] = await inventory.published()
    assert event.sequence == event.payload.version == 2
    assert event.payload.release_at.isoformat() == "2011-01-15T00:00:00+00:00"
    assert event.payload.occurred_at == inventory.clock.now(), "without a stated time the change happens now"


async def test_putting_what_is_there_already_announces_nothing_and_keeps_the_version(inventory):
    await execute(inventory.units, put_sku, PutSku(TABLE))
    await inventory.published()
    assert await execute(inventory.units, put_sku, PutSku(TABLE)) == (TABLE, (1, False, False))
    assert await inventory.published() == []


async def test_a_put_that_keeps_something_returns_the_sku_as_it_is_stored(inventory):
    await execute(inventory.units, put_sku, PutSku(TABLE))
    renamed = Sku("table", "Desk", None, None, SellingPolicy())
    kept = replace(TABLE, name="Desk")
    command = PutSku(renamed, kept=("category", "lead_time_days", "policy"))
    assert await execute(inventory.units, put_sku, command) == (kept, (2, False, True))
    assert await read(inventory.units, lambda uow: uow.queries.sku("table")) == Versioned(kept, 2)


async def test_a_bulk_announces_what_it_created_or_changed(inventory):
    same, changed = (Sku(sku, name, None, None, SellingPolicy()) for sku, name in (("lamp", "Lamp"), ("chair", "New")))
    stored = await execute(inventory.units, put_skus, PutSkus((same, TABLE, changed), at(1)))
    assert stored == {"lamp": (1, False, False), "table": (1, True, True), "chair": (2, False, True)}
    assert [(event.key, event.sequence) for event in await inventory.published()] == [("table", 1), ("chair", 2)]


async def test_a_sku_is_put_only_on_the_version_that_is_expected(inventory):
    other = Sku("lamp", "Mine", None, None, SellingPolicy())
    for versions, any_version, accepted in (({2, 3}, False, False), (set(), False, False), ({1, 7}, False, True)):
        expected = ExpectedVersion(frozenset(versions), any_version)
        if accepted:
            assert (await execute(inventory.units, put_sku, PutSku(other, expected)))[1].version == 2
        else:
            with pytest.raises(VersionMismatch) as refusal:
                await execute(inventory.units, put_sku, PutSku(other, expected))
            assert refusal.value.current == 1
    assert len(await inventory.published()) == 1


async def test_nothing_is_created_where_a_version_is_expected(inventory):
    anything = ExpectedVersion(frozenset({1}), any_version=True)
    puts: list[tuple[Any, Any]] = [
        (put_sku, PutSku(TABLE, anything)),
        (put_location, PutLocation(Location("east", "East"), anything)),
        (put_supplier, PutSupplier(Supplier("zulu", "Zulu"), anything)),
    ]
    for use_case, command in puts:
        with pytest.raises(VersionMismatch) as refusal:
            await execute(inventory.units, use_case, command)
        assert refusal.value.current is None
    assert await read(inventory.units, lambda uow: uow.queries.location("east")) is None
    assert await inventory.published() == []


async def test_a_location_or_supplier_is_put_only_on_the_version_that_is_expected(inventory):
    first, second = (ExpectedVersion(frozenset({version})) for version in (1, 2))
    assert await execute(inventory.units, put_location, PutLocation(replace(MAIN, name="Big"), first)) == (
        2,
        False,
        True,
    )
    assert await execute(inventory.units, put_supplier, PutSupplier(Supplier("acme", "A"), first)) == (2, False, True)
    with pytest.raises(VersionMismatch):
        await execute(inventory.units, put_location, PutLocation(MAIN, first))
    with pytest.raises(VersionMismatch):
        await execute(inventory.units, put_supplier, PutSupplier(Supplier("acme", "Acme"), first))
    assert (await execute(inventory.units, put_location, PutLocation(MAIN, second))).version == 3


async def test_a_new_priority_is_announced_with_every_level_at_the_location(inventory):
    await inventory.receive(5)
    await inventory.receive(3, sku="chair")
    await inventory.receive(2, location="south")
    await inventory.published()
    await execute(inventory.units, put_location, PutLocation(Location("main", "Main", 1), changed_at=at(9)))
    events = await inventory.published()
    assert [(event.key, event.name, event.sequence) for event in events[:1]] == [("main", "LocationChanged", 2)]
    events = events[1:]
    assert sorted((event.key, event.name, event.sequence) for event in events) == [
        ("chair", "StockLevelChanged", 2),
        ("lamp", "StockLevelChanged", 2),
    ]
    assert {event.payload.reason for event in events} == {"location"}
    assert {event.payload.occurred_at for event in events} == {at(9)}
    assert all(level.priority == 1 for event in events for level in event.payload.levels)
    await execute(inventory.units, put_location, PutLocation(Location("main", "Renamed", 1)))
    assert [event.name for event in await inventory.published()] == ["LocationChanged"]


async def test_a_location_created_after_its_stock_is_announced_with_its_priority(inventory, order):
    await inventory.apply(inventory.neighbours.ship(order, 1, 2, "east"))
    await inventory.published()
    await execute(inventory.units, put_location, PutLocation(Location("east", "East", 5)))
    _, event = await inventory.published()
    [level] = event.payload.levels
    assert (level.location, level.priority, level.version) == ("east", 5, 2)


async def test_a_location_created_with_the_default_priority_announces_no_level(inventory, order):
    await inventory.apply(inventory.neighbours.ship(order, 1, 2, "east"))
    await inventory.published()
    await execute(inventory.units, put_location, PutLocation(Location("east", "East")))
    assert [event.name for event in await inventory.published()] == ["LocationChanged"]


async def test_a_location_that_is_not_active_is_published_with_all_of_its_levels(inventory):
    await inventory.receive(3)
    await inventory.receive(4, sku="chair")
    await inventory.published()
    inactive = replace(MAIN, active=False)
    await execute(inventory.units, put_location, PutLocation(inactive, changed_at=at(9)))
    told = {event.key: event.payload for event in await inventory.published() if event.name == "StockLevelChanged"}
    assert {sku: [(one.on_hand, one.active) for one in change.levels] for sku, change in told.items()} == {
        "lamp": [(3, False)],
        "chair": [(4, False)],
    }
    await execute(inventory.units, put_location, PutLocation(inactive))
    assert await inventory.published() == [], "it was so already"
    await execute(inventory.units, put_location, PutLocation(MAIN))
    first, *levels = await inventory.published()
    assert (first.key, first.payload.active) == ("main", True)
    assert [event.payload.levels[0].active for event in levels] == [True, True]


async def test_a_location_is_announced_with_the_calendar_by_which_it_ships(inventory):
    calendar = HandlingCalendar(
        "Europe/Berlin", time(14, 30), 2, tuple(Weekday)[:5], (date(2026, 4, 3), date(2026, 4, 6))
    )
    berlin = Location("berlin", "Berlin", 5, calendar=calendar)
    assert await execute(inventory.units, put_location, PutLocation(berlin, changed_at=at(9))) == (1, True, True)
    [event] = await inventory.published()
    assert (event.name, event.key, event.sequence) == ("LocationChanged", "berlin", 1)
    told = event.payload
    assert (told.time_zone, told.cut_off, told.handling_days) == ("Europe/Berlin", time(14, 30), 2)
    assert (told.working_days, told.holidays) == (calendar.working_days, calendar.holidays)
    assert (told.name, told.priority, told.active, told.version, told.occurred_at) == ("Berlin", 5, True, 1, at(9))
    assert (await execute(inventory.units, put_location, PutLocation(berlin))).version == 1
    assert await inventory.published() == [], "it was so already"
    other = replace(berlin, calendar=replace(calendar, holidays=()))
    assert (await execute(inventory.units, put_location, PutLocation(other))).version == 2
    assert [one.payload.holidays for one in await inventory.published()] == [()]


async def test_nothing_is_received_at_a_location_that_is_not_active(inventory):
    await inventory.receive(3)
    await execute(inventory.units, put_location, PutLocation(replace(MAIN, active=False)))
    await inventory.published()
    for kind in ReceiptKind:
        with pytest.raises(NamesRefused) as refused:
            await inventory.receive(1, kind=kind)
        assert refused.value.faults == (NameFault(NameKind.LOCATION, inactive=True),)
    with pytest.raises(NamesRefused) as refused:
        await inventory.order("lamp")
    assert refused.value.faults == (NameFault(NameKind.LOCATION, inactive=True),)
    assert await inventory.published() == []


async def test_stock_at_a_location_that_is_not_active_may_be_counted_adjusted_given_back_and_shipped(inventory, order):
    await inventory.receive(9)
    await execute(inventory.units, put_location, PutLocation(replace(MAIN, active=False)))
    await inventory.published()
    await inventory.count(8, hour=1)
    await inventory.adjust(AdjustedLine("lamp", -1), hour=2)
    await inventory.give_back(1, hour=3)
    await inventory.apply(inventory.neighbours.ship(order, 1, 1, shipped_at=at(4)))
    assert (await inventory.level())[:2] == (5, 1)
    assert all(not level.active for event in await inventory.published() for level in event.payload.levels)
