"""What every implementation of the catalogue does."""

from datetime import date, time
from typing import Any

from tests.unit.inventory.store_suite import Suite

from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import Location, Mode, SellingPolicy, Sku, Supplier
from inventory_service.domain.handling_calendar import HandlingCalendar, Weekday
from service_kit.commands.execute import read


class CatalogueSuite(Suite):
    """SKUs, locations and suppliers."""

    async def test_a_put_creates_changes_or_keeps_the_row_and_its_version(self, units: Any) -> None:
        changed = SellingPolicy(Mode.PREORDER, 5, date(2011, 1, 15))
        steps = [
            (Sku("lamp", "Lamp", "lights", 3, SellingPolicy()), (1, True, True)),
            (Sku("lamp", "Lamp", "lights", 3, SellingPolicy()), (1, False, False)),
            (Sku("lamp", "Lamp", "lights", 3, changed), (2, False, True)),
        ]
        for sku, expected in steps:
            async with units.begin() as uow:
                assert (await uow.catalogue.put_skus([sku]))["lamp"] == expected
                await uow.commit()
            assert await read(units, lambda uow: uow.queries.sku("lamp")) == Versioned(sku, expected[0])

    async def test_a_bulk_says_what_became_of_each_sku(self, units: Any) -> None:
        await self.put_catalogue(units)
        new, same = (Sku(sku, None, None, None, SellingPolicy()) for sku in ("table", "chair"))
        other = Sku("lamp", "Lamp", None, None, SellingPolicy())
        async with units.begin() as uow:
            stored = await uow.catalogue.put_skus([other, same, new])
        assert stored == {"lamp": (2, False, True), "chair": (1, False, False), "table": (1, True, True)}

    async def test_locations_and_suppliers_are_versioned_too(self, units: Any) -> None:
        await self.put_catalogue(units)
        async with units.begin() as uow:
            assert await uow.catalogue.put_location(Location("main", "Main", 10)) == (1, False, False)
            assert await uow.catalogue.put_location(Location("main", "Main", 3)) == (2, False, True)
            assert await uow.catalogue.put_supplier(Supplier("acme", "Acme")) == (1, False, False)
            assert await uow.catalogue.put_supplier(Supplier("acme", "Acme Ltd")) == (2, False, True)
            assert await uow.catalogue.lock_location("main") == Versioned(Location("main", "Main", 3), 2)
            assert await uow.catalogue.lock_supplier("acme") == 2
            assert (await uow.catalogue.lock_skus(["lamp"]))["lamp"].version == 1

    async def test_a_location_keeps_the_calendar_by_which_it_ships(self, units: Any) -> None:
        calendar = HandlingCalendar(
            "Asia/Kolkata", time(14, 30), 3, (Weekday.MONDAY, Weekday.SATURDAY), (date(2026, 1, 26), date(2026, 8, 15))
        )
        shipping = Location("main", "Main", 10, calendar=calendar)
        await self.put_catalogue(units)
        async with units.begin() as uow:
            assert await uow.catalogue.put_location(shipping) == (2, False, True)
            assert await uow.catalogue.put_location(shipping) == (2, False, False)
            assert await uow.catalogue.lock_location("main") == Versioned(shipping, 2)
            assert await uow.queries.location("main") == Versioned(shipping, 2)
            assert await uow.catalogue.put_location(Location("main", "Main", 10)) == (3, False, True)

    async def test_what_does_not_exist_is_unknown_and_has_no_version(self, units: Any) -> None:
        await self.put_catalogue(units)
        async with units.begin() as uow:
            catalogue = uow.catalogue
            assert await catalogue.unusable_skus({"lamp", "Lamp", "no"}) == {"Lamp": None, "no": None}
            assert await catalogue.unknown_suppliers({"acme", "no"}) == {"no"}
            await catalogue.put_location(Location("south", "South", 100, active=False))
            assert await catalogue.location_terms(["main", "south", "no"]) == {
                "main": (10, True),
                "south": (100, False),
            }
            assert await catalogue.lock_skus(["no"]) == {}
            assert [await catalogue.lock_location("no"), await catalogue.lock_supplier("no")] == [None, None]
            queries = uow.queries
            assert [await found("no") for found in (queries.sku, queries.location, queries.supplier)] == [None] * 3

    async def test_a_merged_sku_names_what_it_is_now_and_so_do_those_merged_before(self, units: Any) -> None:
        await self.put_catalogue(units)
        async with units.begin() as uow:
            catalogue = uow.catalogue
            await catalogue.put_skus([Sku(sku, None, None, None, SellingPolicy()) for sku in ("a", "b", "c")])
            assert await catalogue.merge("a", "b") == {"a"}
            assert await catalogue.merge("b", "c") == {"a", "b"}
            assert await catalogue.unusable_skus(["a", "b", "c", "no"]) == {"a": "c", "b": "c", "no": None}
            assert await catalogue.merged_names(["a", "c", "no"]) == {"a": ("c", uow.now)}
            await uow.commit()
        async with units.begin() as uow:
            assert {sku: found.item.merged_into for sku, found in (await uow.catalogue.lock_skus("abc")).items()} == {
                "a": "c",
                "b": "c",
                "c": None,
            }
            found = await uow.queries.sku("a")
        assert (found.item.merged_into, found.version) == ("c", 3)

    async def test_listings_are_in_the_order_of_names_byte_by_byte(self, units: Any) -> None:
        skus = [Sku(sku, None, "a" if sku < "a" else "b", None, SellingPolicy()) for sku in ("b", "B", "a", "é")]
        async with units.begin() as uow:
            await uow.catalogue.put_skus(skus)
            await uow.commit()

        async def listed(category: str | None, after: str | None, limit: int) -> list[str]:
            async with units.reading() as uow:
                found = await uow.queries.skus(category=category, after=after, limit=limit)
                return [sku.item.sku for sku in found]

        assert await listed(None, None, 9) == ["B", "a", "b", "é"]
        assert await listed(None, "B", 2) == ["a", "b"]
        assert await listed("b", None, 9) == ["a", "b", "é"]
        assert await listed("none", None, 9) == []

    async def test_locations_and_suppliers_are_listed_behind_a_name(self, units: Any) -> None:
        await self.put_catalogue(units)
        async with units.reading() as uow:
            locations = await uow.queries.locations(after=None, limit=1)
            suppliers = await uow.queries.suppliers(after="acme", limit=5)
        assert [location.item.location_id for location in locations] == ["main"]
        assert [supplier.item.supplier_id for supplier in suppliers] == ["zulu"]
