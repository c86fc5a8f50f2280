"""What every implementation of the stores of purchase orders and of customer orders does."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests.unit.inventory.store_suite import Suite, at

from inventory_service.application.queries import PurchaseOrderFilter
from inventory_service.domain.customer_orders import DemandLine, ShipmentLine
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.domain.stock_level import LevelKey
from service_kit.testing.clock import FakeClock


def an_order(order_id: str, *skus: str, reference: str = "", supplier_id: str = "acme") -> PurchaseOrder:
    lines = tuple(
        PurchaseOrderLine(f"{order_id}-{number}", order_id, supplier_id, "main", sku, 10, at(48), ordered_at=at(1))
        for number, sku in enumerate(skus, start=1)
    )
    return PurchaseOrder(order_id, reference or order_id, supplier_id, "main", at(1), at(1), lines)


class PurchaseOrderSuite(Suite):
    """Purchase orders and their lines."""

    async def place(self, units: Any, *orders: PurchaseOrder) -> None:
        await self.put_catalogue(units)
        async with units.begin() as uow:
            assert len(await uow.purchase_orders.claim(orders)) == len(orders)
            await uow.purchase_orders.add_lines(orders)
            await uow.commit()

    async def test_a_reference_is_claimed_once(self, units: Any) -> None:
        await self.put_catalogue(units)
        orders = [an_order("1", reference="r"), an_order("2", reference="r"), an_order("3", reference="s")]
        async with units.begin() as uow:
            assert await uow.purchase_orders.claim(orders) == {"1", "3"}
            assert await uow.purchase_orders.claim([]) == set()
            assert await uow.purchase_orders.holders({"r", "s", "t"}) == {"r": "1", "s": "3"}

    async def test_an_order_is_read_as_it_was_placed(self, units: Any, clock: FakeClock) -> None:
        order = replace(an_order("1", "lamp", "chair", "lamp"), created_at=clock.now())
        await self.place(units, order)
        async with units.reading() as uow:
            assert await uow.queries.purchase_order("1") == order
            assert await uow.queries.purchase_order("2") is None

    async def test_changed_lines_are_stored_and_locked_in_the_order_of_their_ids(self, units: Any) -> None:
        order = an_order("1", "lamp", "chair")
        await self.place(units, order)
        changed = order.lines[0].receive(4).close().change(quantity=order.lines[0].quantity)
        async with units.begin() as uow:
            await uow.purchase_orders.save_lines([changed])
            await uow.purchase_orders.save_lines([])
            await uow.commit()
        async with units.begin() as uow:
            locked = await uow.purchase_orders.lock_lines({"1-2", "1-1", "none"})
            assert list(locked.items()) == [("1-1", changed), ("1-2", order.lines[1])]
            assert await uow.purchase_orders.lines(["1-2"]) == {"1-2": order.lines[1]}

    async def test_a_line_is_added_behind_the_others_of_a_locked_order(self, units: Any, clock: FakeClock) -> None:
        first, second = an_order("1", "lamp", "chair"), an_order("2", "lamp")
        await self.place(units, first, second)
        added = PurchaseOrderLine("1-0", "1", "acme", "main", "chair", 7, at(72), ordered_at=at(1))
        async with units.begin() as uow:
            locked = await uow.purchase_orders.lock_orders({"2", "1", "none"})
            assert list(locked) == ["1", "2"]
            assert locked["1"] == replace(first, created_at=clock.now())
            await uow.purchase_orders.append_lines([(3, added)])
            await uow.purchase_orders.append_lines([])
            await uow.commit()
        async with units.begin() as uow:
            found = (await uow.purchase_orders.lock_orders(["1"]))["1"]
        assert found.lines == (*first.lines, added)
        assert found.version == 3

    async def test_the_version_of_an_order_is_the_sum_of_its_lines_versions(self, units: Any) -> None:
        order = an_order("1", "lamp", "chair")
        await self.place(units, order)
        async with units.begin() as uow:
            assert await uow.purchase_orders.version("1") == 2
            await uow.purchase_orders.save_lines([order.lines[0].receive(1)])
            assert await uow.purchase_orders.version("1") == 3
            assert await uow.purchase_orders.version("none") == 0

    async def test_orders_are_listed_newest_first_and_by_what_is_open(self, units: Any) -> None:
        orders = [an_order("1", "lamp"), an_order("2", "chair", supplier_id="zulu"), an_order("3", "lamp", "chair")]
        await self.place(units, *orders)
        async with units.begin() as uow:
            await uow.purchase_orders.save_lines([orders[0].lines[0].receive(10), orders[1].lines[0].close()])
            await uow.purchase_orders.save_lines([orders[2].lines[0].receive(12)])
            await uow.commit()

        async def listed(wanted: PurchaseOrderFilter, before: str | None = None, limit: int = 9) -> list[str]:
            async with units.reading() as uow:
                found = await uow.queries.purchase_orders(wanted, before=before, limit=limit)
                return [order.purchase_order_id for order in found]

        assert await listed(PurchaseOrderFilter()) == ["3", "2", "1"]
        assert await listed(PurchaseOrderFilter(), before="3", limit=1) == ["2"]
        assert await listed(PurchaseOrderFilter(sku="lamp")) == ["3", "1"]
        assert await listed(PurchaseOrderFilter(supplier_id="zulu")) == ["2"]
        assert await listed(PurchaseOrderFilter(reference="3", is_open=True)) == ["3"]
        assert await listed(PurchaseOrderFilter(is_open=True)) == ["3"]
        assert await listed(PurchaseOrderFilter(is_open=False)) == ["2", "1"]


class CustomerOrderSuite(Suite):
    """Shipped units and demand of customer orders."""

    async def stored_demand(self, units: Any) -> Iterable[DemandLine]:
        """All demand that is stored, in any order: no port reads it yet."""
        raise NotImplementedError

    async def test_shipped_units_are_new_once(self, units: Any) -> None:
        one, other = (
            ShipmentLine("shipment", line, "order", LevelKey("lamp", "main"), 3, at(1)) for line in ("1", "2")
        )
        async with units.begin() as uow:
            assert await uow.shipments.add_new([one]) == {one.identity}
            await uow.commit()
        async with units.begin() as uow:
            assert await uow.shipments.add_new([other, one]) == {other.identity}

    async def test_shipped_units_are_voided_once(self, units: Any) -> None:
        one, other = (
            ShipmentLine("shipment", line, "order", LevelKey("lamp", "main"), 3, at(1), voided_at=at(2))
            for line in ("1", "2")
        )
        async with units.begin() as uow:
            await uow.shipments.add_new([one, other])
            assert await uow.shipments.void_new([one]) == [one]
            await uow.commit()
        async with units.begin() as uow:
            assert await uow.shipments.add_new([one]) == set()
            assert await uow.shipments.void_new([replace(other, quantity=9), one]) == [other], "as it is stored"

    async def test_a_batch_keeps_its_promptest_and_its_slowest_report(self, units: Any, clock: FakeClock) -> None:
        """However many lines a backlog has, it does not crowd out what was reported before it."""
        told = clock.now()
        lines = [
            ShipmentLine("s", str(number), "o", LevelKey("lamp", "main"), 3, at(1), told - timedelta(minutes=number))
            for number in range(9)
        ]
        for batch in ([lines[1]], lines[:6], [replace(lines[0], shipment_id="late"), *lines]):
            clock.advance(timedelta(minutes=1))
            async with units.begin() as uow:
                await uow.shipments.add_new(batch)
                await uow.commit()
        clock.advance(timedelta(minutes=1))
        async with units.reading() as uow:
            delays = sorted(await uow.shipments.recent_delays())
        assert delays == [timedelta(minutes=minutes) for minutes in (2, 2, 3, 7, 11)]

    async def test_demand_keeps_its_newest_state_only(self, units: Any) -> None:
        newer = DemandLine("order", "1", "lamp", date(2010, 12, 1), 7, 2, 3)
        other = replace(newer, line_id="2")
        for lines in ([newer, other], [replace(newer, quantity=9, sequence=2)], [replace(newer, quantity=8)], []):
            async with units.begin() as uow:
                await uow.demand.save(lines)
                await uow.commit()
        assert sorted(await self.stored_demand(units), key=lambda line: line.line_id) == [newer, other]
