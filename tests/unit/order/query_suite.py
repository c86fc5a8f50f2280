"""What the order service's queries promise, in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.scenario import Neighbours
from tests.unit.order.scenarios import NOW, lines_of, new_order, shipment
from tests.unit.order.suite import EVERYBODY, Stores, Suite, allocated

from order_service.application.queries import OrderFilter, Visibility


class QuerySuite(Suite):
    """Tests of the queries."""

    async def test_a_page_ends_with_the_order_in_which_it_has_enough_lines(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("service_kit.persistence.page_lines.PAGE_LINES", 4)
        for number in range(4):
            await stores.place(new_order(f"o{number}", ("lamp", 1), ("bulb", 1), ("fuse", 1)))
        async with stores.units.reading() as uow:
            page = await uow.queries.orders(OrderFilter(), EVERYBODY, after=None, limit=9)
            rest = await uow.queries.orders(OrderFilter(), EVERYBODY, after=("o2",), limit=9)
        assert [record.order.order_id for record in page] == ["o3", "o2"]
        assert [record.order.order_id for record in rest] == ["o1", "o0"]

    async def test_orders_are_listed_by_any_filter_newest_first(self, stores: Stores) -> None:
        for number in range(5):
            sku = "lamp" if number % 2 else "bulb"
            await stores.place(new_order(f"o{number}", (sku, 1), (sku, 2), customer_id=f"c{number % 2}"))
        waiting = [allocated(line, waiting=line.quantity) for line in lines_of("o1", ("lamp", 1), ("lamp", 2))]
        await self.save_lines(stores, *waiting)
        assert await self.list(stores, OrderFilter()) == ["o4", "o3", "o2", "o1", "o0"]
        assert await self.list(stores, OrderFilter(reference="O3")) == ["o3"]
        assert await self.list(stores, OrderFilter(customer_id="c0")) == ["o4", "o2", "o0"]
        assert await self.list(stores, OrderFilter(state="backordered")) == ["o1"]
        assert await self.list(stores, OrderFilter(state="pending", sku="lamp")) == ["o3"]
        assert await self.list(stores, OrderFilter(sku="bulb", customer_id="c0")) == ["o4", "o2", "o0"]
        assert await self.list(stores, OrderFilter(sku="Bulb")) == []

    async def test_orders_changed_since_are_listed_in_order_of_change(self, stores: Stores) -> None:
        for number in range(5):
            stores.clock.advance(timedelta(minutes=1 if number < 4 else 0))
            await stores.place(new_order(f"o{number}", ("lamp", 1)))
        stores.clock.advance(timedelta(minutes=1))
        await self.save_lines(stores, allocated(lines_of("o2", ("lamp", 1))[0], waiting=1))
        since = NOW + timedelta(minutes=1)
        assert await self.list(stores, OrderFilter(updated_after=since), limit=1) == ["o1", "o3", "o4", "o2"]
        assert await self.list(stores, OrderFilter(updated_after=since, state="backordered")) == ["o2"]

    async def test_nothing_is_found_of_orders_that_the_caller_may_not_see(self, stores: Stores) -> None:
        await stores.place(
            new_order("o1", ("lamp", 1), customer_id="c1"),
            new_order("o2", ("lamp", 1), customer_id="c2"),
            new_order("o3", ("lamp", 1)),
        )
        customer, link = Visibility(customer_id="c1"), Visibility(order_id="o2")
        assert await self.list(stores, OrderFilter(), customer) == ["o1"]
        assert await self.list(stores, OrderFilter(customer_id="c2"), customer) == []
        assert await self.list(stores, OrderFilter(), link) == ["o2"]
        async with stores.units.reading() as uow:
            queries = uow.queries
            for visibility, visible in ((customer, "o1"), (link, "o2")):
                for order_id in ("o1", "o2", "o3", "nope"):
                    record = await queries.order(order_id, visibility)
                    assert (record is not None) == (order_id == visible)
                    version = await queries.order_version(order_id, visibility)
                    assert version == (1 if order_id == visible else None)
                    entries = await queries.history(order_id, visibility, after=0, limit=9)
                    assert len(entries) == (order_id == visible)
            assert await queries.order_version("o3", EVERYBODY) == 1

    async def test_the_history_is_read_in_pages_oldest_first(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 1)), new_order("o2", ("lamp", 1)))
        order = await self.load(stores, "o1")
        for version in (2, 3, 4):
            order.version = version
            await self.change(stores, order)
        async with stores.units.reading() as uow:

            async def versions(after: int, limit: int) -> Sequence[int]:
                found = await uow.queries.history("o1", EVERYBODY, after=after, limit=limit)
                return [each.entry.version for each in found]

            assert await versions(0, 2) == [1, 2]
            assert await versions(2, 2) == [3, 4]
            assert await versions(4, 2) == []
            assert await versions(2**62, 2) == []

    async def test_what_can_ship_is_listed_by_location(self, stores: Stores) -> None:
        terms: dict[str, Any] = {"tier": "gold", "country": "DE", "region": "BE", "needed_by": date(2026, 2, 1)}
        await stores.place(
            new_order("o1", ("lamp", 2), ("bulb", 3), customer_id="c1", **terms),
            new_order("o2", ("lamp", 5)),
            new_order("o3", ("lamp", 4)),
        )
        shipped, whole = lines_of("o1", ("lamp", 2), ("bulb", 3))
        allocated(shipped, A=2).locations["A"].shipped = 2
        split = allocated(lines_of("o2", ("lamp", 5))[0], A=1, B=2, waiting=2)
        cut = allocated(lines_of("o3", ("lamp", 4))[0], A=4)
        cut.cancelled, cut.cut_sequence = 1, 2
        await self.save_lines(stores, shipped, allocated(whole, A=3), split, cut)
        async with stores.units.reading() as uow:

            async def listed(location: str, who: Visibility = EVERYBODY, after: str = "", limit: int = 9) -> Any:
                found = await uow.queries.shippable_units(location, NOW, who, after=after, limit=limit)
                return [(each.line_id, each.quantity) for each in found]

            assert await listed("A") == [("o1-1", 3), ("o2-0", 1)], "shipped units and unanswered cuts are left out"
            assert await listed("B") == [("o2-0", 2)]
            assert await listed("C") == []
            assert await listed("A", limit=1) == [("o1-1", 3)]
            assert await listed("A", after="o1-1") == [("o2-0", 1)]
            assert await listed("A", Visibility(customer_id="c1")) == [("o1-1", 3)]
            [units] = await uow.queries.shippable_units("A", NOW, EVERYBODY, after="", limit=1)
        assert (units.order_id, units.order_reference, units.sku, units.location_id) == ("o1", "O1", "bulb", "A")
        assert (units.placed_at, units.needed_by, units.promise_date) == (NOW, date(2026, 2, 1), None)
        assert (units.ship_complete, units.tier, units.country, units.region) == (False, "gold", "DE", "BE")
        assert units.reference is None

    async def test_a_ship_complete_order_can_ship_once_all_of_it_has_stock(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 2), ("bulb", 2), ship_complete=True))
        first, second = lines_of("o1", ("lamp", 2), ("bulb", 2))

        async def listed() -> list[str]:
            async with stores.units.reading() as uow:
                found = await uow.queries.shippable_units("A", NOW, EVERYBODY, after="", limit=9)
                return [each.line_id for each in found]

        await self.save_lines(stores, allocated(first, A=2), allocated(second, waiting=2))
        assert await listed() == []
        await self.save_lines(stores, allocated(second, version=2, A=2))
        assert await listed() == ["o1-0", "o1-1"]

    async def test_a_preorder_can_ship_from_its_release_date_on(self, stores: Stores) -> None:
        release = NOW + timedelta(days=3)
        async with stores.units.begin() as uow:
            neighbours = Neighbours()
            policies = [neighbours.sku_policy("book", release_at=release), neighbours.sku_policy("soon", "preorder")]
            await uow.skus.save_policies(policies)
            await uow.commit()
        await stores.place(new_order("o1", ("book", 1), ("soon", 1)))
        await self.save_lines(stores, *(allocated(line, A=1) for line in lines_of("o1", ("book", 1), ("soon", 1))))
        async with stores.units.reading() as uow:
            for moment, expected in ((release - timedelta(seconds=1), ["o1-1"]), (release, ["o1-0", "o1-1"])):
                found = await uow.queries.shippable_units("A", moment, EVERYBODY, after="", limit=9)
                assert [each.line_id for each in found] == expected

    async def test_times_are_kept_to_the_microsecond(self, stores: Stores) -> None:
        at = datetime(2010, 12, 1, 8, 26, 0, 123456, tzinfo=UTC)
        new = new_order("o1", ("lamp", 1), at=at)
        await stores.place(new)
        order = await self.load(stores, "o1")
        assert (order.placed_at, order.changed_at) == (at, at)
        parcel = shipment("s1", ("o1-0", 1), shipped_at=at)
        order.version = 2
        await self.change(stores, order, shipments=[parcel])
        assert (await self.load(stores, "o1")).shipments == [parcel]
