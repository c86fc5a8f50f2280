"""What the suites of the order service's stores and queries need: both run on memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from tests.unit.order.scenarios import NOW, entry

from order_service.application.ports import ChangedOrder, OrderUnitOfWork, PlacedOrder
from order_service.application.queries import OrderFilter, OrderKey, Visibility
from order_service.domain.lines import Line, LineAllocation, Reason
from order_service.domain.order import Order
from service_kit.persistence.unit_of_work import UnitOfWorkFactory
from service_kit.testing import FakeClock

EVERYBODY = Visibility()
WHY = Reason("held back", "held_back", {"tier": "gold", "or_better": True, "kept": 3})
Rest = Callable[[OrderUnitOfWork], Coroutine[Any, Any, Any]]


class Stores(Protocol):
    """The stores under test, empty at first."""

    clock: FakeClock

    @property
    def units(self) -> UnitOfWorkFactory[OrderUnitOfWork]:
        """Opens units of work."""
        ...

    async def place(self, *new_orders: PlacedOrder) -> Mapping[str, str]:
        """`NewOrderStore.add` in a unit of work of its own."""
        ...

    async def unknown(self, *skus: str) -> set[str]:
        """`SkuCatalogue.unknown`."""
        ...

    async def published(self) -> list[tuple[str, str]]:
        """Name and key of the events that were sent, in order."""
        ...


def allocated(line: Line, *, version: int = 1, waiting: int = 0, **units: int) -> Line:
    """The line after allocation reported ``units`` by location."""
    line.apply(LineAllocation(line.line_id, version, 1, NOW, units, waiting, 0, WHY, None))
    return line


class Suite:
    """What the suites of stores and queries share; a subclass that runs one has the fixture ``stores``."""

    async def load(self, stores: Stores, order_id: str) -> Order:
        """The order with its shipments."""
        async with stores.units.begin() as uow:
            return (await uow.orders.lock({order_id: [None]}))[order_id]

    async def change(self, stores: Stores, order: Order, *line_ids: str, **changed: Any) -> None:
        """Save changes of an order with one history entry."""
        async with stores.units.begin() as uow:
            one = ChangedOrder(
                order,
                set(line_ids),
                changed.get("shipments", []),
                set(changed.get("added", ())),
                changed.get("voided", []),
            )
            await uow.orders.save([one], [entry(order.order_id, order.version)])
            await uow.commit()

    async def save_lines(self, stores: Stores, *lines: Line) -> None:
        """Save lines, and what follows from them for their orders."""
        async with stores.units.begin() as uow:
            await uow.lines.save(lines)
            order_ids = sorted(
                {owned.order_id for owned in (await uow.lines.find([x.line_id for x in lines])).values()}
            )
            headers, totals = await uow.lines.lock_orders(order_ids), await uow.lines.totals(order_ids)
            for header in headers.values():
                header.version += 1
            history = [entry(each.order_id, each.version, "OrderAllocated") for each in headers.values()]
            await uow.lines.save_orders([(headers[each], totals[each]) for each in order_ids], history)
            await uow.commit()

    async def list(
        self, stores: Stores, wanted: OrderFilter, visibility: Visibility = EVERYBODY, limit: int = 2
    ) -> list[str]:
        """The ids of all orders listed, read in pages of ``limit``."""
        found: list[str] = []
        after: OrderKey | None = None
        async with stores.units.reading() as uow:
            while True:
                page = await uow.queries.orders(wanted, visibility, after=after, limit=limit)
                found += [record.order.order_id for record in page]
                if len(page) < limit:
                    return found
                after = wanted.key_of(page[-1])
