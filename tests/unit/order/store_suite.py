"""What the stores of the order service promise, for stores in memory and on PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from tests.scenario import Neighbours
from tests.unit.order.scenarios import NOW, entry, lines_of, new_order, shipment
from tests.unit.order.suite import EVERYBODY, WHY, Stores, Suite, allocated

from order_service.application.ports import ChangedOrder, OwnedLine
from order_service.application.queries import OrderFilter
from order_service.domain.lines import LocationUnits, PromisedDate, Reason
from order_service.domain.order import AddedLine
from order_service.domain.states import Totals


class StoreSuite(Suite):
    """Tests of the stores."""

    # Placing

    async def test_a_placed_order_is_stored_with_all_that_was_asked_for(self, stores: Stores) -> None:
        terms: dict[str, Any] = {
            "reference": "WEB-1",
            "customer_id": "c1",
            "contact_id": "p1",
            "tier": "gold",
            "channel": "web",
            "country": "DE",
            "region": "BE",
            "jurisdiction": "EU",
            "time_zone": "Europe/Berlin",
            "time_essential": True,
            "currency": "GBP",
            "charge_at": "deposit",
            "deposit_percent": 20,
            "needed_by": date(2026, 2, 1),
            "latest_acceptable_date": date(2026, 3, 1),
            "ship_complete": True,
            "location_preference": "A",
            "metadata": {"gift": True, "note": "ring twice", "n": 3, "none": None},
        }
        new = new_order("o1", ("lamp", 2), ("bulb", 4), **terms)
        new.order.lines["o1-0"].reference = "first"
        new.order.lines["o1-0"].unit_price = 4999
        new.order.lines["o1-0"].quoted_date = date(2026, 1, 20)
        assert await stores.place(new) == {}
        async with stores.units.reading() as uow:
            record = await uow.queries.order("o1", EVERYBODY)
        assert record is not None
        assert record.order == new.order
        assert (record.updated_at, record.answered) == (NOW, 0)
        assert list(record.order.lines) == ["o1-0", "o1-1"]
        assert await self.load(stores, "o1") == new.order

    async def test_a_placed_order_begins_its_history_and_its_event_is_sent(self, stores: Stores) -> None:
        new = new_order("o1", ("lamp", 2))
        await stores.place(new)
        async with stores.units.reading() as uow:
            [recorded] = await uow.queries.history("o1", EVERYBODY, after=0, limit=9)
        assert (recorded.entry, recorded.recorded_at) == (new.history_entry, NOW)
        assert await stores.published() == [("OrderPlaced", "o1")]

    async def test_an_order_whose_reference_is_taken_is_left_out_with_all_that_belongs_to_it(
        self, stores: Stores
    ) -> None:
        await stores.place(new_order("o1", ("lamp", 1), reference="taken"))
        holders = await stores.place(
            new_order("o2", ("lamp", 1)),
            new_order("o3", ("lamp", 1), reference="taken"),
            new_order("o4", ("lamp", 1), reference="twin"),
            new_order("o5", ("lamp", 1), reference="twin"),
        )
        winner = ({"o4", "o5"} - holders.keys()).pop()
        loser = ({"o4", "o5"} - {winner}).pop()
        assert holders == {"o3": "o1", loser: winner}
        assert await self.list(stores, OrderFilter()) == sorted(["o1", "o2", winner], reverse=True)
        assert sorted(await stores.published()) == [("OrderPlaced", each) for each in sorted(["o1", "o2", winner])]
        async with stores.units.reading() as uow:
            assert await uow.queries.history("o3", EVERYBODY, after=0, limit=9) == []
        async with stores.units.begin() as uow:
            assert (await uow.lines.find(["o3-0", "o2-0"])).keys() == {"o2-0"}

    async def test_a_sku_is_known_once_inventory_has_announced_it(self, stores: Stores) -> None:
        assert await stores.unknown("lamp", "bulb") == {"lamp", "bulb"}
        async with stores.units.begin() as uow:
            await uow.skus.save_policies([Neighbours().sku_policy("lamp")])
            await uow.commit()
        assert await stores.unknown("lamp", "Lamp", "bulb") == {"Lamp", "bulb"}
        assert await stores.unknown("lamp") == set()
        assert await stores.unknown() == set()

    # Changing whole orders

    async def test_orders_are_locked_only_for_those_who_may_see_them(self, stores: Stores) -> None:
        await stores.place(
            new_order("o1", ("lamp", 1), customer_id="c1"),
            new_order("o2", ("lamp", 1), customer_id="c2"),
            new_order("o3", ("lamp", 1)),
        )
        async with stores.units.begin() as uow:
            mine = await uow.orders.lock({"o1": ["c1"], "o2": ["c1"], "o3": ["c1"], "nope": ["c1"]})
            assert list(mine) == ["o1"]
            several = await uow.orders.lock({"o1": ["c2", None], "o2": ["c1", "c2"], "o3": [None]})
            assert sorted(several) == ["o1", "o2", "o3"]
            assert await uow.orders.lock({}) == {}

    async def test_a_changed_order_is_written_back_with_its_changed_lines_and_history(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5), ("bulb", 2), metadata={"a": 1}))
        stores.clock.advance(timedelta(hours=1))
        order = await self.load(stores, "o1")
        served: dict[str, Any] = {
            "customer_id": "c9",
            "contact_id": "k9",
            "tier": "gold",
            "channel": "shop",
            "ship_complete": True,
        }
        asked: dict[str, Any] = {"country": "FR", "region": "PA", "needed_by": date(2026, 2, 1), "metadata": {"b": 2}}
        order.amend_terms(replace(order.terms, **served, **asked), NOW)
        order.cancel(NOW + timedelta(minutes=1), "less", {"o1-0": 2})
        await self.change(stores, order, "o1-0")
        assert await self.load(stores, "o1") == order
        async with stores.units.reading() as uow:
            record = await uow.queries.order("o1", EVERYBODY)
            entries = await uow.queries.history("o1", EVERYBODY, after=1, limit=9)
        assert record is not None and record.updated_at == NOW + timedelta(hours=1)
        assert [(each.entry, each.recorded_at) for each in entries] == [(entry("o1", 3), NOW + timedelta(hours=1))]

    async def test_an_added_line_is_stored_behind_the_others(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5)))
        order = await self.load(stores, "o1")
        change = order.add_line(AddedLine("o1-new", "bulb", 3, "2", 399), NOW + timedelta(minutes=1))
        assert change.added_line_ids == change.line_ids == ("o1-new",)
        await self.change(stores, order, "o1-new", added=("o1-new",))
        loaded = await self.load(stores, "o1")
        assert loaded == order
        assert list(loaded.lines) == ["o1-0", "o1-new"]
        assert loaded.answered == 0

    async def test_a_voided_shipment_is_stored_with_the_units_that_came_back(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5)))
        order = await self.load(stores, "o1")
        parcels = [shipment("s1", ("o1-0", 2), reference="P1"), shipment("s2", ("o1-0", 1), reference="P2")]
        order.lines["o1-0"].locations = {"A": LocationUnits(3, 3)}
        order.shipments += parcels
        order.version += 1
        await self.change(stores, order, "o1-0", shipments=parcels)
        change = order.void_shipment("s1", NOW + timedelta(hours=1))
        await self.change(stores, order, "o1-0", voided=[change.voided])
        loaded = await self.load(stores, "o1")
        assert loaded == order
        assert loaded.lines["o1-0"].locations == {"A": LocationUnits(3, 1, voided=2)}
        assert [one.voided_at for one in loaded.shipments] == [NOW + timedelta(hours=1), None]
        async with stores.units.reading() as uow:
            assert await uow.shipments.ids_by_reference(["P1", "P2"]) == {"P2": "s2"}
        again = shipment("s3", ("o1-0", 1), reference="P1")
        loaded.lines["o1-0"].locations["A"].shipped += 1
        loaded.version += 1
        await self.change(stores, loaded, "o1-0", shipments=[again])

    async def test_a_reference_passes_from_a_voided_shipment_to_another_at_once(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5)))
        order = await self.load(stores, "o1")
        order.lines["o1-0"].locations, order.lines["o1-0"].basis = {"A": LocationUnits(5)}, 1
        first = order.ship(shipment("s1", ("o1-0", 1), reference="P1"), {}).shipment
        await self.change(stores, order, "o1-0", shipments=[first])
        voided = order.void_shipment("s1", NOW).voided
        order.ship(shipment("s2", ("o1-0", 1), reference="P1"), {})
        at_once = order.void_shipment("s2", NOW).voided
        kept = order.ship(shipment("s3", ("o1-0", 1), reference="P1"), {}).shipment
        await self.change(stores, order, "o1-0", shipments=[at_once, kept], voided=[voided])
        assert await self.load(stores, "o1") == order
        async with stores.units.reading() as uow:
            assert await uow.shipments.ids_by_reference(["P1"]) == {"P1": "s3"}

    async def test_only_lines_named_as_changed_are_written(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5), ("bulb", 2)))
        order = await self.load(stores, "o1")
        order.version, order.lines["o1-0"].waiting, order.lines["o1-1"].waiting = 2, 5, 2
        await self.change(stores, order, "o1-1")
        loaded = await self.load(stores, "o1")
        assert [line.waiting for line in loaded.lines.values()] == [0, 2]

    async def test_what_is_not_committed_leaves_no_trace(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5)))
        async with stores.units.begin() as uow:
            order = (await uow.orders.lock({"o1": [None]}))["o1"]
            order.cancel(NOW, None)
            await uow.orders.save([ChangedOrder(order, {"o1-0"}, [])], [entry("o1", 2)])
            assert (await uow.orders.lock({"o1": [None]}))["o1"] == order
        assert await self.load(stores, "o1") == new_order("o1", ("lamp", 5)).order
        async with stores.units.reading() as uow:
            assert len(await uow.queries.history("o1", EVERYBODY, after=0, limit=9)) == 1

    async def test_shipments_are_stored_with_their_order(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5), ("bulb", 5)), new_order("o2", ("lamp", 5)))
        first = shipment("s1", ("o1-0", 2), ("o1-1", 1), reference="P1", tracking_number="T1")
        second = shipment("s2", ("o1-0", 1), location="B", shipped_at=NOW + timedelta(days=1))
        order = await self.load(stores, "o1")
        allocated(order.lines["o1-0"], A=2, B=1)
        allocated(order.lines["o1-1"], A=1)
        order.ship(first, {})
        await self.change(stores, order, "o1-0", "o1-1", shipments=[first])
        order.ship(second, {})
        await self.change(stores, order, "o1-0", shipments=[second])
        assert (await self.load(stores, "o1")).shipments == [first, second]
        assert await self.load(stores, "o1") == order
        async with stores.units.reading() as uow:
            assert list(await uow.queries.shipments("o1")) == [first, second]
            assert list(await uow.queries.shipments("o2")) == []
            assert await uow.shipments.ids_by_reference(["P1", "P2"]) == {"P1": "s1"}
            assert await uow.shipments.ids_by_reference([]) == {}

    # Changing single lines

    async def test_lines_are_found_by_id_with_their_order(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5), ("bulb", 2)), new_order("o2", ("lamp", 1)))
        async with stores.units.begin() as uow:
            found = await uow.lines.find(["o1-1", "o2-0", "nope"])
            assert await uow.lines.find([]) == {}
        assert found == {
            "o1-1": OwnedLine("o1", lines_of("o1", ("lamp", 5), ("bulb", 2))[1]),
            "o2-0": OwnedLine("o2", lines_of("o2", ("lamp", 1))[0]),
        }

    async def test_all_of_a_lines_figures_are_kept(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 9)))
        line = (await self.load(stores, "o1")).lines["o1-0"]
        line.cancelled, line.cut_sequence, line.line_version, line.basis = 1, 4, 7, 3
        line.waiting, line.declined, line.reason = 2, 1, WHY
        line.promise = PromisedDate(date(2026, 2, 1), 3, "inbound")
        line.locations = {"A": LocationUnits(3, 1, 2, NOW), "B": LocationUnits(2, 0)}
        await self.save_lines(stores, line)
        assert (await self.load(stores, "o1")).lines["o1-0"] == line
        line.promise, line.reason = PromisedDate(None, 4, "no supply"), Reason("no supply")
        await self.save_lines(stores, line)
        assert (await self.load(stores, "o1")).lines["o1-0"] == line

    async def test_a_line_that_was_found_changes_nothing_until_it_is_saved(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 5)))
        async with stores.units.begin() as uow:
            allocated((await uow.lines.find(["o1-0"]))["o1-0"].line, A=5)
            assert (await uow.lines.find(["o1-0"]))["o1-0"].line.allocated == 0

    async def test_totals_are_the_sums_of_the_lines_as_saved(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 9), ("bulb", 4)), new_order("o2", ("lamp", 1)))
        order = await self.load(stores, "o1")
        first, second = order.lines.values()
        first.cancelled, first.declined, first.waiting, first.basis = 1, 2, 1, 3
        first.locations = {"A": LocationUnits(4, 2)}
        second.locations, second.basis = {"B": LocationUnits(9, 0)}, 2
        await self.save_lines(stores, first, second)
        async with stores.units.begin() as uow:
            totals = await uow.lines.totals(["o1", "o2"])
        assert totals["o1"].totals == order.totals
        assert totals["o1"].answered == 2
        assert totals["o2"] == (Totals(1, 0, 0, 0, 1, 0, 0), 0)

    async def test_orders_are_locked_without_their_lines_and_move_on(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 2)), new_order("o2", ("lamp", 1)))
        stores.clock.advance(timedelta(hours=1))
        line = allocated(lines_of("o1", ("lamp", 2))[0], A=2)
        await self.save_lines(stores, line)
        async with stores.units.begin() as uow:
            headers = await uow.lines.lock_orders(["o1", "o2", "nope"])
            assert {each: header.version for each, header in headers.items()} == {"o1": 2, "o2": 1}
        async with stores.units.reading() as uow:
            record = await uow.queries.order("o1", EVERYBODY)
            entries = await uow.queries.history("o1", EVERYBODY, after=1, limit=9)
            assert await uow.queries.versions(["o1", "o2", "nope"]) == {"o1": (2, 1), "o2": (1, 0)}
        assert record is not None
        assert (record.order.version, record.answered, record.updated_at) == (2, 1, NOW + timedelta(hours=1))
        assert [each.entry for each in entries] == [entry("o1", 2, "OrderAllocated")]
        assert await self.list(stores, OrderFilter(state="allocated")) == ["o1"]

    # SKUs

    async def test_only_preorders_have_a_release_date(self, stores: Stores) -> None:
        neighbours = Neighbours()
        policies = [
            neighbours.sku_policy("book", release_at=NOW),
            neighbours.sku_policy("lamp", "backorder", release_at=NOW),
            neighbours.sku_policy("soon", "preorder"),
        ]
        async with stores.units.begin() as uow:
            await uow.skus.save_policies(policies)
            assert await uow.skus.release_dates(["book", "lamp", "soon", "nope"]) == {"book": NOW}
            assert await uow.skus.release_dates([]) == {}

    @pytest.mark.parametrize("swapped", [False, True])
    async def test_a_sku_that_was_merged_is_released_when_the_one_it_is_now_is(
        self, stores: Stores, *, swapped: bool
    ) -> None:
        neighbours = Neighbours()
        merges = [("b", ["a"]), ("c", ["b", "a"])]
        async with stores.units.begin() as uow:
            await uow.skus.save_policies([neighbours.sku_policy("a"), neighbours.sku_policy("c", release_at=NOW)])
            for sku, merged in reversed(merges) if swapped else merges:
                await uow.skus.save_merge(sku, merged)
                await uow.skus.save_merge(sku, merged)
            await uow.skus.save_policies([neighbours.sku_policy("a", release_at=NOW + timedelta(days=1))])
            assert await uow.skus.release_dates(["a", "b", "c"]) == {"a": NOW, "b": NOW, "c": NOW}
            assert await uow.skus.unknown(["a", "b", "c", "d"]) == {"d"}

    async def test_an_older_policy_does_not_undo_a_newer_one(self, stores: Stores) -> None:
        neighbours, later = Neighbours(), NOW + timedelta(days=1)
        older, newer, newest = (neighbours.sku_policy("book", release_at=day) for day in (NOW, later, NOW))
        async with stores.units.begin() as uow:
            await uow.skus.save_policies([newer])
            await uow.skus.save_policies([older])
            assert await uow.skus.release_dates(["book"]) == {"book": later}
            await uow.skus.save_policies([newest])
            assert await uow.skus.release_dates(["book"]) == {"book": NOW}
