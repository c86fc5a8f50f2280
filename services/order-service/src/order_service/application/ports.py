"""What the use cases need from outside: units of work with their stores, a watch over orders, tracking tokens.

Each store works within the transaction of its unit of work, whose ``now`` it stores as the wall-clock time of a write
(``updated_at``, ``recorded_at``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from event_contracts import Event, SkuPolicy
from order_service.application.history import HistoryEntry
from order_service.application.payments.ports import PaymentStore
from order_service.application.promises.promise_store import PromiseStore
from order_service.application.queries import OrderQueries
from order_service.domain.lines import Line
from order_service.domain.order import Order, Shipment
from order_service.domain.payments.payment import Payment
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.states import Totals
from service_kit.persistence.unit_of_work import UnitOfWork


class OrderUnitOfWork(UnitOfWork, Protocol):
    """One transaction of the order service."""

    @property
    def orders(self) -> OrderStore: ...

    @property
    def lines(self) -> OrderLineStore: ...

    @property
    def shipments(self) -> ShipmentStore: ...

    @property
    def skus(self) -> SkuStore: ...

    @property
    def promises(self) -> PromiseStore: ...

    @property
    def payments(self) -> PaymentStore: ...

    @property
    def queries(self) -> OrderQueries: ...


class NewOrderUnitOfWork(Protocol):
    """What placing orders needs of a unit of work: so little that one SQL statement can do all of it."""

    @property
    def now(self) -> datetime:
        """The moment of this unit of work by the wall clock, in UTC."""
        ...

    @property
    def skus(self) -> SkuCatalogue: ...

    @property
    def new_orders(self) -> NewOrderStore: ...


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order that is to be stored for the first time, with its first history entry and the event that reports it."""

    order: Order
    history_entry: HistoryEntry
    event: Event
    payment: Payment | None = None


class SkuCatalogue(Protocol):
    """The SKUs that orders may be placed for."""

    async def unknown(self, skus: Collection[str]) -> set[str]:
        """Find those of ``skus`` that inventory has never announced."""
        ...


class NewOrderStore(Protocol):
    """Storage of new orders."""

    async def add(self, new_orders: Sequence[PlacedOrder]) -> Mapping[str, str]:
        """Store new orders, all of a batch in one call, and put the event of each that was stored into the outbox.
        The payment of an order that has one is stored with it, to be looked at at once.

        An order whose reference is taken, by a stored order or an earlier one of the batch, is left out. Returns those:
        order id → id of the order that has the reference.
        """
        ...


@dataclass(slots=True)
class ChangedOrder:
    """An order that a batch changed: the ids of its changed lines, which of them are new, and its shipments.

    ``shipments`` are new ones as they are after the batch, ``voided`` those that were stored before it.
    """

    order: Order
    line_ids: set[str]
    shipments: list[Shipment]
    added_line_ids: set[str] = field(default_factory=set)
    voided: list[Shipment] = field(default_factory=list)

    def void(self, shipment: Shipment) -> None:
        """Take the shipment for voided, whether it was stored before or is a new one."""
        for number, new in enumerate(self.shipments):
            if new.shipment_id == shipment.shipment_id:
                self.shipments[number] = shipment
                return
        self.voided.append(shipment)


class OrderStore(Protocol):
    """Storage of orders, for changes that need an order with all its lines and shipments."""

    async def lock(self, visible_to: Mapping[str, Collection[str | None]]) -> dict[str, Order]:
        """Load orders by id and lock them, so that nobody else changes them before the unit of work ends.

        ``visible_to`` holds, for each order id, the customers that ask for the order; None among them means somebody
        who may see every customer's orders. Orders that none of those may see are left out.
        """
        ...

    async def save(self, changed: Sequence[ChangedOrder], history: Sequence[HistoryEntry]) -> None:
        """Write orders back with their new and changed lines, new and voided shipments, and add to the history.

        A new shipment may have the reference of one that is voided with it. The orders' payments are looked at at once.
        """
        ...


@dataclass(slots=True)
class OrderHeader:
    """An order without its lines; ``legal`` is what a law and the customer's own latest date go by."""

    order_id: str
    version: int
    legal: LegalTerms
    has_payment: bool = False


class OwnedLine(NamedTuple):
    """A line and the id of its order."""

    order_id: str
    line: Line


class OrderTotals(NamedTuple):
    """The quantities of an order, and the sequence that allocation has answered for all of its lines."""

    totals: Totals
    answered: int


class OrderLineStore(Protocol):
    """Storage of single lines, so that an order of 1,000 lines need not be loaded when one of them changes."""

    async def lock_orders(self, order_ids: Collection[str]) -> dict[str, OrderHeader]:
        """Lock orders and return them by id, without their lines; unknown ids are left out."""
        ...

    async def find(self, line_ids: Collection[str]) -> dict[str, OwnedLine]:
        """Load lines by id; unknown ids are left out."""
        ...

    async def save(self, lines: Sequence[Line]) -> None:
        """Write the lines back."""
        ...

    async def totals(self, order_ids: Collection[str]) -> dict[str, OrderTotals]:
        """Sum up the lines of each order as they are stored now."""
        ...

    async def save_orders(
        self, orders: Sequence[tuple[OrderHeader, OrderTotals]], history: Sequence[HistoryEntry]
    ) -> None:
        """Write the orders' versions and what follows from their totals, and add to the history.

        Payments of the orders are looked at at once.
        """
        ...


class ShipmentStore(Protocol):
    """Storage of shipments; they are added with the order that they belong to."""

    async def ids_by_reference(self, references: Collection[str]) -> dict[str, str]:
        """Find which of ``references`` are in use: reference → shipment id. A voided shipment does not use its own."""
        ...


class SkuStore(SkuCatalogue, Protocol):
    """Storage of what inventory announces about SKUs."""

    async def release_dates(self, skus: Collection[str]) -> dict[str, datetime]:
        """The earliest time that each preorder SKU may ship, of one that was merged that of the SKU it is now; SKUs
        without such a date are left out."""
        ...

    async def save_merge(self, sku: str, merged: Collection[str]) -> None:
        """Keep that each of ``merged`` is called ``sku`` now, or what that was merged into."""
        ...

    async def save_policies(self, policies: Sequence[SkuPolicy]) -> None:
        """Keep each policy, one for each SKU, if it is newer than the one that is stored."""
        ...


class OrderWatch(Protocol):
    """Waits for orders to change."""

    async def answered(self, order_id: str, sequence: int, timeout: float) -> bool:
        """Wait until allocation has answered ``sequence`` for every line; False after ``timeout`` seconds."""
        ...

    async def changed(self, order_id: str, version: int, timeout: float) -> bool:
        """Wait until the order is newer than ``version``; False after ``timeout`` seconds."""
        ...

    def wake(self, order_ids: Collection[str]) -> None:
        """Say that these orders have just changed, so that whoever waits for them need not wait longer."""
        ...


class TrackingTokens(Protocol):
    """Makes tokens that open one order, read-only, to somebody without an API key."""

    @property
    def available(self) -> bool:
        """Whether this installation can make tokens."""
        ...

    def token(self, order_id: str, expires_at: datetime) -> str:
        """The token that opens the order until ``expires_at``."""
        ...
