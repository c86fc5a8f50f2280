"""A small inventory in memory: tests tell what happens to it, and look at its levels, its ledger and its events."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.scenario import Neighbours
from tests.unit.inventory.in_memory_stores import InMemoryInventoryUnitOfWork, InMemoryUnits, in_memory_units

from event_contracts import Event, OrderState
from inventory_service.application.add_purchase_order_lines import AddPurchaseOrderLine
from inventory_service.application.apply_order_events import apply_order_events
from inventory_service.application.cancel_purchase_order import CancelPurchaseOrder, cancel_purchase_order
from inventory_service.application.change_purchase_order_line import (
    ChangePurchaseOrderLine,
    change_purchase_order_line,
)
from inventory_service.application.close_purchase_order_line import ClosePurchaseOrderLine, close_purchase_order_line
from inventory_service.application.place_purchase_orders import (
    OrderedLine,
    PlacePurchaseOrder,
    place_purchase_orders,
)
from inventory_service.application.queries import LedgerFilter, StoredEntry
from inventory_service.application.record_adjustments import AdjustedLine, RecordAdjustment, record_adjustments
from inventory_service.application.record_counts import CountedLine, RecordCount, record_counts
from inventory_service.application.record_receipts import ReceivedLine, RecordReceipt, record_receipts
from inventory_service.application.record_supplier_returns import (
    RecordSupplierReturn,
    ReturnedLine,
    record_supplier_returns,
)
from inventory_service.domain.catalogue import Location, SellingPolicy, Sku, Supplier
from inventory_service.domain.document_types import ReceiptKind
from inventory_service.domain.expected_version import ExpectedLineVersion, ExpectedOrderVersion, ExpectedVersion
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.domain.stock_document import StockDocument
from service_kit.commands.execute import execute, read
from service_kit.testing.clock import FakeClock

C = TypeVar("C")
R = TypeVar("R")

SKUS = ("lamp", "chair")
START = datetime(2010, 12, 1, tzinfo=UTC)
ETA = datetime(2010, 12, 20, tzinfo=UTC)
ANY_VERSION = ExpectedLineVersion(ExpectedVersion(any_version=True))


def new_neighbours() -> Neighbours:
    """The neighbours, of which inventory hears the orders; business time stands still at 8 o'clock of its first day."""
    return Neighbours(clock=FakeClock(at(8)), tick=timedelta(0), location="main")


def at(hour: int) -> datetime:
    """A moment of business time, in hours after 1 December 2010."""
    return START + timedelta(hours=hour)


def shipped_orders(neighbours: Neighbours) -> list[Event]:
    """Twelve orders of ten lamps, each with three shipments of 2, 3 and 4 in the hours of 5 December."""
    history = []
    for number in range(12):
        order, placed = neighbours.order(f"order-{number}", ("lamp", 10))
        history.append(placed)
        shipped = [(units, at(4 * 24 + units + number)) for units in (2, 3, 4)]
        history += [neighbours.ship(order, 1, units, shipped_at=moment) for units, moment in shipped]
    return history


def units_shipped_by(moment: datetime, history: Sequence[Event]) -> int:
    """Units that had left by a moment, of orders with three shipments each."""
    orders = [event.payload for event in history if isinstance(event.payload, OrderState) and event.sequence == 4]
    return sum(line.quantity for order in orders for line in order.shipments if line.shipped_at <= moment)


@dataclass
class InventoryScenario:
    """SKUs lamp and chair, locations main (priority 10) and south, supplier acme; no units and no events yet.

    A method that makes one thing happen raises its refusal. ``commands`` are recorded in one unit of work.
    """

    clock: FakeClock
    units: InMemoryUnits
    neighbours: Neighbours = field(default_factory=new_neighbours)
    _numbers: Any = field(default_factory=itertools.count)

    @classmethod
    async def create(cls) -> "InventoryScenario":
        clock = FakeClock()
        units = in_memory_units(clock)
        async with units.begin() as uow:
            await uow.catalogue.put_skus([Sku(sku, sku.title(), None, None, SellingPolicy()) for sku in SKUS])
            await uow.catalogue.put_location(Location("main", "Main", 10))
            await uow.catalogue.put_location(Location("south", "South"))
            await uow.catalogue.put_supplier(Supplier("acme", "Acme"))
            await uow.commit()
        return cls(clock, units)

    def new_id(self, name: str) -> str:
        """Ids that grow, as those of production do."""
        return f"{name}-{next(self._numbers):04}"

    # What happens

    def a_receipt(
        self,
        *lines: ReceivedLine,
        reference: str | None = None,
        location: str = "main",
        kind: ReceiptKind = ReceiptKind.PURCHASE,
        hour: int = 0,
    ) -> RecordReceipt:
        receipt_id = self.new_id("receipt")
        return RecordReceipt(receipt_id, reference or receipt_id, location, kind, at(hour), lines)

    def a_count(self, counted: int, *, sku: str = "lamp", location: str = "main", hour: int) -> RecordCount:
        count_id = self.new_id("count")
        return RecordCount(count_id, count_id, location, at(hour), (CountedLine(sku, counted),))

    def an_adjustment(
        self, *lines: AdjustedLine, reference: str | None = None, location: str | None = "main", hour: int = 0
    ) -> RecordAdjustment:
        adjustment_id = self.new_id("adjustment")
        return RecordAdjustment(adjustment_id, reference or adjustment_id, location, "lost or found", at(hour), lines)

    def a_purchase_order(
        self, *skus: str, quantity: int = 10, reference: str | None = None, supplier_id: str = "acme"
    ) -> PlacePurchaseOrder:
        order_id = self.new_id("order")
        lines = tuple(
            OrderedLine(f"{order_id}-{number}", sku, quantity, ETA) for number, sku in enumerate(skus, start=1)
        )
        return PlacePurchaseOrder(order_id, reference or order_id, supplier_id, "main", at(0), lines)

    async def receive(
        self,
        quantity: int,
        *,
        sku: str = "lamp",
        location: str = "main",
        hour: int = 0,
        kind: ReceiptKind = ReceiptKind.PURCHASE,
        on: PurchaseOrderLine | None = None,
    ) -> StockDocument:
        """Receive units, on the line of a purchase order if one is given."""
        line = ReceivedLine(sku, quantity, None if on is None else on.line_id)
        return await self.one(record_receipts, self.a_receipt(line, location=location, hour=hour, kind=kind))

    async def count(self, counted: int, *, sku: str = "lamp", location: str = "main", hour: int) -> StockDocument:
        return await self.one(record_counts, self.a_count(counted, sku=sku, location=location, hour=hour))

    async def adjust(self, *lines: AdjustedLine, location: str | None = "main", hour: int = 0) -> StockDocument:
        return await self.one(record_adjustments, self.an_adjustment(*lines, location=location, hour=hour))

    def a_supplier_return(
        self,
        *lines: tuple[str, int, PurchaseOrderLine | None],
        reference: str | None = None,
        location: str = "main",
        hour: int = 0,
    ) -> RecordSupplierReturn:
        """A return of lines of (SKU, quantity, purchase-order line)."""
        return_id = self.new_id("return")
        returned = tuple(ReturnedLine(sku, units, on.line_id if on else None) for sku, units, on in lines)
        return RecordSupplierReturn(return_id, reference or return_id, location, "wrong colour", at(hour), returned)

    async def give_back(
        self, quantity: int, *, sku: str = "lamp", on: PurchaseOrderLine | None = None, hour: int = 0
    ) -> StockDocument:
        """Return units to the supplier, on the line of a purchase order if one is given."""
        return await self.one(record_supplier_returns, self.a_supplier_return((sku, quantity, on), hour=hour))

    async def order(self, *skus: str, quantity: int = 10) -> PurchaseOrder:
        """Place a purchase order with a line of ``quantity`` for each SKU, by default the lamp."""
        return await self.one(place_purchase_orders, self.a_purchase_order(*(skus or ("lamp",)), quantity=quantity))

    async def change(
        self, line: PurchaseOrderLine, *, expected: ExpectedLineVersion | None = ANY_VERSION, **values: Any
    ) -> PurchaseOrderLine:
        command = ChangePurchaseOrderLine(line.purchase_order_id, line.line_id, expected, **values)
        return await execute(self.units, change_purchase_order_line, command)

    async def close(
        self, line: PurchaseOrderLine, *, expected: ExpectedLineVersion | None = None, hour: int | None = None
    ) -> PurchaseOrderLine:
        closed_at = None if hour is None else at(hour)
        command = ClosePurchaseOrderLine(line.purchase_order_id, line.line_id, expected, closed_at)
        return await execute(self.units, close_purchase_order_line, command)

    async def cancel(
        self, order: PurchaseOrder, *, expected: ExpectedOrderVersion | None = None, hour: int | None = None
    ) -> PurchaseOrder:
        cancelled_at = None if hour is None else at(hour)
        command = CancelPurchaseOrder(order.purchase_order_id, expected, cancelled_at)
        return await execute(self.units, cancel_purchase_order, command)

    def a_line_to_add(
        self,
        order: PurchaseOrder,
        sku: str,
        *,
        quantity: int = 10,
        hour: int = 0,
        expected: ExpectedOrderVersion | None = None,
    ) -> AddPurchaseOrderLine:
        line = OrderedLine(self.new_id("added"), sku, quantity, ETA)
        return AddPurchaseOrderLine(order.purchase_order_id, line, at(hour), expected)

    async def apply(self, *events: Event) -> None:
        """A consumer's turn with these order events."""
        await execute(self.units, apply_order_events, events)

    async def all(
        self,
        use_case: Callable[[InMemoryInventoryUnitOfWork, Sequence[C]], Awaitable[Sequence[R | Exception]]],
        commands: Sequence[C],
    ) -> Sequence[R | Exception]:
        """The result or the refusal of each command, recorded in one unit of work."""
        return await execute(self.units, use_case, commands)

    async def one(
        self,
        use_case: Callable[[InMemoryInventoryUnitOfWork, Sequence[C]], Awaitable[Sequence[R | Exception]]],
        command: C,
    ) -> R:
        [result] = await self.all(use_case, [command])
        if isinstance(result, Exception):
            raise result
        return result

    # What is there afterwards

    async def level(self, sku: str = "lamp", location: str = "main") -> tuple[int, int, int]:
        """On hand, shipped, version."""
        found = await read(
            self.units, lambda uow: uow.queries.levels(skus=[sku], location_id=location, after=None, limit=1)
        )
        return (found[0].on_hand, found[0].shipped, found[0].version) if found else (0, 0, 0)

    async def ledger(self, sku: str = "lamp", location: str = "main") -> list[StoredEntry]:
        """The entries of a level in the order in which they were recorded."""
        wanted = LedgerFilter(sku=sku, location_id=location)
        found = await read(self.units, lambda uow: uow.queries.ledger_entries(wanted, before=None, limit=1000))
        return sorted(found, key=lambda entry: entry.entry_id)

    async def line(self, line: PurchaseOrderLine) -> PurchaseOrderLine:
        """The purchase-order line as it is now."""
        return (await read(self.units, lambda uow: uow.purchase_orders.lines([line.line_id])))[line.line_id]

    async def published(self) -> list[Event]:
        """What was published since the last call."""
        events = list(self.units.outbox)
        self.units.outbox.clear()
        return events

    def check_ledger(self) -> None:
        """On hand and shipped of every level are the sums of its entries, and no entry is below zero."""
        for key, level in self.units.state.levels.items():
            entries = [
                entry
                for entry in self.units.state.ledger
                if (entry.sku, entry.location_id) == (key.sku, key.location_id)
            ]
            assert sum(entry.on_hand_delta for entry in entries) == level.on_hand
            assert sum(entry.shipped_delta for entry in entries) == level.shipped
            assert all(entry.on_hand_after >= 0 for entry in entries)
