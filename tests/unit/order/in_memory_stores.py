"""The order service's stores in memory; `store_suite` holds them to the same behaviour as those on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from tests.unit.order.in_memory_payments import InMemoryPayments, PaymentRecords
from tests.unit.order.in_memory_promises import InMemoryPromises, StoredPromises

from event_contracts import SellingMode, SkuPolicy
from order_service.application.history import HistoryEntry
from order_service.application.ports import ChangedOrder, OrderHeader, OrderTotals, OwnedLine, PlacedOrder
from order_service.application.queries import (
    OrderFilter,
    OrderKey,
    OrderRecord,
    OrderVersion,
    RecordedEntry,
    ShippableUnits,
    Visibility,
)
from order_service.domain.lines import Line, LocationUnits
from order_service.domain.order import Order, Shipment
from order_service.domain.promises.recording import LegalTerms
from service_kit.persistence.page_lines import within_lines
from service_kit.runtime.clock import Clock
from service_kit.testing.in_memory_unit_of_work import InMemoryUnitOfWork, InMemoryUnitOfWorkFactory


@dataclass
class StoredOrder:
    """An order and when it was written last."""

    order: Order
    updated_at: datetime


@dataclass
class OrderState:
    """All that the order service stores."""

    orders: dict[str, StoredOrder] = field(default_factory=dict)
    history: list[RecordedEntry] = field(default_factory=list)
    policies: dict[str, SkuPolicy] = field(default_factory=dict)
    payments: PaymentRecords = field(default_factory=PaymentRecords)
    merged: dict[str, str] = field(default_factory=dict)
    promises: StoredPromises = field(default_factory=StoredPromises)

    def lines(self) -> Iterator[tuple[Order, Line]]:
        """Every line with its order."""
        for stored in self.orders.values():
            for line in stored.order.lines.values():
                yield stored.order, line

    def record(self, entries: Sequence[HistoryEntry], now: datetime) -> None:
        """Add to the history. Details are kept as JSON; a version that an order has already is an error."""
        recorded = {(each.entry.order_id, each.entry.version) for each in self.history}
        for entry in entries:
            if (entry.order_id, entry.version) in recorded:
                raise ValueError(f"order {entry.order_id} has a history entry of version {entry.version}")
            detail = orjson.loads(orjson.dumps(entry.detail))
            stored = HistoryEntry(entry.order_id, entry.version, entry.event, entry.state, entry.occurred_at, detail)
            self.history.append(RecordedEntry(stored, now))


def has_payment(order: Order) -> bool:
    """Whether this service sees to the payment of the order."""
    return order.terms.payment_provider is not None


class InMemoryNewOrders:
    """`NewOrderStore` in memory."""

    def __init__(self, uow: InMemoryOrderUnitOfWork, state: OrderState) -> None:
        self._uow = uow
        self._state = state

    async def add(self, new_orders: Sequence[PlacedOrder]) -> Mapping[str, str]:
        """See NewOrderStore."""
        holders: dict[str, str] = {}
        by_reference = {each.order.terms.reference: order_id for order_id, each in self._state.orders.items()}
        for new_order in new_orders:
            order = deepcopy(new_order.order)
            holder = by_reference.setdefault(order.terms.reference, order.order_id)
            if holder != order.order_id:
                holders[order.order_id] = holder
                continue
            self._state.orders[order.order_id] = StoredOrder(order, self._uow.now)
            self._state.record([new_order.history_entry], self._uow.now)
            await self._uow.publish([new_order.event])
            if new_order.payment is not None:
                await self._uow.payments.add([new_order.payment])
        return holders


class InMemoryOrders:
    """`OrderStore` in memory."""

    def __init__(self, state: OrderState, now: datetime) -> None:
        self._state = state
        self._now = now

    async def lock(self, visible_to: Mapping[str, Collection[str | None]]) -> dict[str, Order]:
        """See OrderStore."""
        return {
            order_id: deepcopy(stored.order)
            for order_id, asking in visible_to.items()
            if (stored := self._state.orders.get(order_id)) is not None
            and (None in asking or stored.order.terms.customer_id in asking)
        }

    async def save(self, changed: Sequence[ChangedOrder], history: Sequence[HistoryEntry]) -> None:
        """See OrderStore."""
        for one in changed:
            stored = self._state.orders[one.order.order_id]
            kept, new = stored.order, deepcopy(one.order)
            kept.terms, kept.changed_at, kept.completed_at = new.terms, new.changed_at, new.completed_at
            kept.sequence, kept.version = new.sequence, new.version
            kept.lines.update((line_id, new.lines[line_id]) for line_id in one.line_ids)
            kept.shipments.extend(deepcopy(one.shipments))
            voided = {shipment.shipment_id: shipment for shipment in one.voided}
            kept.shipments = [voided.get(shipment.shipment_id, shipment) for shipment in kept.shipments]
            stored.updated_at = self._now
        self._state.record(history, self._now)
        self._state.payments.touch([one.order.order_id for one in changed], self._now)


class InMemoryOrderLines:
    """`OrderLineStore` in memory."""

    def __init__(self, state: OrderState, now: datetime) -> None:
        self._state = state
        self._now = now

    async def lock_orders(self, order_ids: Collection[str]) -> dict[str, OrderHeader]:
        """See OrderLineStore."""
        known = [order_id for order_id in order_ids if order_id in self._state.orders]
        orders = [self._state.orders[order_id].order for order_id in known]
        return {
            one.order_id: OrderHeader(one.order_id, one.version, LegalTerms.of(one), has_payment(one)) for one in orders
        }

    async def find(self, line_ids: Collection[str]) -> dict[str, OwnedLine]:
        """See OrderLineStore."""
        return {
            line.line_id: OwnedLine(order.order_id, line.copy())
            for order, line in self._state.lines()
            if line.line_id in line_ids
        }

    async def save(self, lines: Sequence[Line]) -> None:
        """See OrderLineStore."""
        owners = {line.line_id: order for order, line in self._state.lines()}
        for line in lines:
            owners[line.line_id].lines[line.line_id] = line.copy()

    async def totals(self, order_ids: Collection[str]) -> dict[str, OrderTotals]:
        """See OrderLineStore."""
        orders = [self._state.orders[order_id].order for order_id in order_ids]
        return {order.order_id: OrderTotals(order.totals, order.answered) for order in orders}

    async def save_orders(
        self, orders: Sequence[tuple[OrderHeader, OrderTotals]], history: Sequence[HistoryEntry]
    ) -> None:
        """See OrderLineStore. What follows from the totals is derived here when it is read."""
        for header, _ in orders:
            stored = self._state.orders[header.order_id]
            stored.order.version = header.version
            stored.updated_at = self._now
        self._state.record(history, self._now)
        self._state.payments.touch([header.order_id for header, _ in orders], self._now)


class InMemoryShipments:
    """`ShipmentStore` in memory."""

    def __init__(self, state: OrderState) -> None:
        self._state = state

    async def ids_by_reference(self, references: Collection[str]) -> dict[str, str]:
        """See ShipmentStore."""
        shipments = [one for stored in self._state.orders.values() for one in stored.order.shipments]
        used = [one for one in shipments if one.voided_at is None and one.reference in references]
        return {one.reference: one.shipment_id for one in used if one.reference}


class InMemorySkus:
    """`SkuStore` and `SkuCatalogue` in memory."""

    def __init__(self, state: OrderState) -> None:
        self._policies, self._merged = state.policies, state.merged

    async def unknown(self, skus: Collection[str]) -> set[str]:
        """See SkuCatalogue."""
        return set(skus) - self._policies.keys() - self._merged.keys()

    async def release_dates(self, skus: Collection[str]) -> dict[str, datetime]:
        """See SkuStore."""
        return {
            sku: policy.release_at
            for sku in skus
            if (policy := self._policies.get(self.name_now(sku))) is not None
            and policy.mode is SellingMode.PREORDER
            and policy.release_at is not None
        }

    def name_now(self, sku: str) -> str:
        """What the SKU is called now."""
        return self._merged.get(sku, sku)

    async def save_merge(self, sku: str, merged: Collection[str]) -> None:
        """See SkuStore."""
        now = self.name_now(sku)
        self._merged.update({name: now for name, into in self._merged.items() if into in merged})
        self._merged.update(dict.fromkeys(merged, now))

    async def save_policies(self, policies: Sequence[SkuPolicy]) -> None:
        """See SkuStore."""
        for policy in policies:
            stored = self._policies.get(policy.sku)
            if stored is None or stored.version < policy.version:
                self._policies[policy.sku] = policy


class InMemoryOrderQueries:
    """`OrderQueries` in memory."""

    def __init__(self, state: OrderState, skus: InMemorySkus) -> None:
        self._state = state
        self._skus = skus

    async def order(self, order_id: str, visibility: Visibility) -> OrderRecord | None:
        """See OrderQueries."""
        return next((record for record in self._visible(visibility) if record.order.order_id == order_id), None)

    async def order_version(self, order_id: str, visibility: Visibility) -> int | None:
        """See OrderQueries."""
        record = await self.order(order_id, visibility)
        return record.order.version if record else None

    async def versions(self, order_ids: Collection[str]) -> dict[str, OrderVersion]:
        """See OrderQueries."""
        orders = [stored.order for order_id, stored in self._state.orders.items() if order_id in order_ids]
        return {order.order_id: OrderVersion(order.version, order.answered) for order in orders}

    async def orders(
        self, wanted: OrderFilter, visibility: Visibility, *, after: OrderKey | None, limit: int
    ) -> Sequence[OrderRecord]:
        """See OrderQueries."""
        found = [record for record in self._visible(visibility) if _meets(wanted, record)]
        by_change = wanted.updated_after is not None
        found.sort(key=wanted.key_of, reverse=not by_change)
        if after is not None:
            found = [record for record in found if _is_after(wanted.key_of(record), after, by_change)]
        lines_of = {record.order.order_id: len(record.order.lines) for record in found}
        return found[: len(within_lines([record.order.order_id for record in found[:limit]], lines_of))]

    async def history(
        self, order_id: str, visibility: Visibility, *, after: int, limit: int
    ) -> Sequence[RecordedEntry]:
        """See OrderQueries."""
        if await self.order(order_id, visibility) is None:
            return []
        found = [each for each in self._state.history if each.entry.order_id == order_id and each.entry.version > after]
        return sorted(found, key=lambda each: each.entry.version)[:limit]

    async def shipments(self, order_id: str) -> Sequence[Shipment]:
        """See OrderQueries."""
        stored = self._state.orders.get(order_id)
        return sorted(stored.order.shipments, key=lambda one: one.shipment_id) if stored else []

    async def shippable_units(
        self, location_id: str, at: datetime, visibility: Visibility, *, after: str, limit: int
    ) -> Sequence[ShippableUnits]:
        """See OrderQueries."""
        found = []
        releases = await self._skus.release_dates({line.sku for _, line in self._state.lines()})
        for order, line in self._state.lines():
            units = line.locations.get(location_id, LocationUnits())
            payable = line.payable(at)
            quantity = min(units.open, line.cancellable, units.open if payable is None else payable)
            visible = visibility.customer_id in (None, order.terms.customer_id)
            released = line.sku not in releases or releases[line.sku] <= at
            may_leave = order.totals.complete or not order.terms.ship_complete
            if visible and released and may_leave and quantity > 0 and line.cut_is_answered and line.line_id > after:
                found.append(_shippable(order, line, self._skus.name_now(line.sku), location_id, quantity))
        return sorted(found, key=lambda each: each.line_id)[:limit]

    def _visible(self, visibility: Visibility) -> Iterator[OrderRecord]:
        for stored in self._state.orders.values():
            order = deepcopy(stored.order)
            order.shipments = []
            if visibility.customer_id not in (None, order.terms.customer_id):
                continue
            if visibility.order_id in (None, order.order_id):
                yield OrderRecord(order, stored.updated_at, order.answered)


def _meets(wanted: OrderFilter, record: OrderRecord) -> bool:
    order = record.order
    return (
        wanted.reference in (None, order.terms.reference)
        and wanted.customer_id in (None, order.terms.customer_id)
        and wanted.state in (None, order.state.value)
        and (wanted.sku is None or any(line.sku == wanted.sku for line in order.lines.values()))
        and (wanted.updated_after is None or record.updated_at > wanted.updated_after)
    )


def _is_after(key: OrderKey, after: OrderKey, by_change: bool) -> bool:
    return key > after if by_change else key < after


def _shippable(order: Order, line: Line, sku: str, location_id: str, quantity: int) -> ShippableUnits:
    return ShippableUnits(
        order_id=order.order_id,
        order_reference=order.terms.reference,
        line_id=line.line_id,
        reference=line.reference,
        sku=sku,
        location_id=location_id,
        quantity=quantity,
        placed_at=order.placed_at,
        needed_by=order.terms.needed_by,
        promise_date=line.promise.date if line.promise else None,
        ship_complete=order.terms.ship_complete,
        tier=order.terms.tier,
        country=order.terms.country,
        region=order.terms.region,
    )


class InMemoryOrderUnitOfWork(InMemoryUnitOfWork):
    """`OrderUnitOfWork` and `NewOrderUnitOfWork` in memory."""

    def __init__(self, state: OrderState, now: datetime) -> None:
        super().__init__(now)
        self.orders = InMemoryOrders(state, now)
        self.lines = InMemoryOrderLines(state, now)
        self.shipments = InMemoryShipments(state)
        self.payments = InMemoryPayments(state.payments, now)
        self.skus = InMemorySkus(state)
        self.new_orders = InMemoryNewOrders(self, state)
        self.promises = InMemoryPromises(state.promises, lambda order_id: state.orders[order_id].order)
        self.queries = InMemoryOrderQueries(state, self.skus)


InMemoryOrderUnits = InMemoryUnitOfWorkFactory[OrderState, InMemoryOrderUnitOfWork]


def in_memory_units(clock: Clock) -> InMemoryOrderUnits:
    """Units of work on an empty state."""
    return InMemoryUnitOfWorkFactory(OrderState(), InMemoryOrderUnitOfWork, clock)
