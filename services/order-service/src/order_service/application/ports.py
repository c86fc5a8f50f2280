"""What the use cases need of the outside; each store works on one open transaction.

``now`` is the wall clock of the write, kept as ``updated_at`` and ``recorded_at``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from event_contracts import Event, SkuPolicy
from order_service.application.history import HistoryEntry
from order_service.domain.lines import Line
from order_service.domain.order import Order, Shipment
from order_service.domain.states import Totals


class Outbox(Protocol):
    """Where events wait for the commit that sends them."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Send ``events`` in this order once the transaction commits."""
        ...


class PlacementStore(Protocol):
    """Storage of new orders."""

    async def unknown_skus(self, skus: Collection[str]) -> set[str]:
        """Those of ``skus`` that inventory has never announced."""
        ...

    async def add(
        self, orders: Sequence[Order], history: Sequence[HistoryEntry], events: Sequence[Event], now: datetime
    ) -> Mapping[str, str]:
        """Store new orders and send their events in one go; called for a batch once, even without any.

        Those whose reference is taken are left out: reference → its order's id.
        """
        ...


class OrderStore(Outbox, Protocol):
    """Storage of orders under change."""

    async def lock(self, visible_to: Mapping[str, Collection[str | None]]) -> dict[str, Order]:
        """The orders with these ids, their rows locked in sorted order, as far as one of the customers may see each.

        ``visible_to``: order id → customer ids that ask for it; None among them sees every customer's.
        """
        ...

    async def releases(self, skus: Collection[str]) -> dict[str, datetime]:
        """When each preorder SKU may ship at the earliest; a SKU without such a date is left out."""
        ...

    async def shipment_references(self, references: Collection[str]) -> dict[str, str]:
        """Shipment references in use → shipment id."""
        ...

    async def save(self, changed: Sequence[ChangedOrder], history: Sequence[HistoryEntry], now: datetime) -> None:
        """Write the orders and lines back, with the new shipments and the history."""
        ...


@dataclass(slots=True)
class ChangedOrder:
    """An order that a batch changed: which of its lines, and its new shipments."""

    order: Order
    line_ids: set[str]
    shipments: list[Shipment]


@dataclass(slots=True)
class Header:
    """An order's row without its lines: what an answer of allocation moves on."""

    order_id: str
    version: int


class AnswerStore(Protocol):
    """Storage for what other services report."""

    async def lock_headers(self, order_ids: Collection[str]) -> dict[str, Header]:
        """The orders' rows, locked in sorted order; unknown ids are left out."""
        ...

    async def lines(self, line_ids: Collection[str]) -> dict[str, tuple[str, Line]]:
        """Lines by id, each with its order's id."""
        ...

    async def save_lines(self, lines: Sequence[Line]) -> None:
        """Write allocation's figures of the lines back."""
        ...

    async def totals(self, order_ids: Collection[str]) -> dict[str, tuple[Totals, int]]:
        """Per order: its quantities summed over all lines as stored, and the sequence that all lines answer."""
        ...

    async def save_headers(
        self, headers: Sequence[tuple[Header, Totals, int]], history: Sequence[HistoryEntry], now: datetime
    ) -> None:
        """Write versions and derived columns back, and the history."""
        ...

    async def save_policies(self, policies: Sequence[SkuPolicy]) -> None:
        """Keep each SKU's policy if it is newer than the one known."""
        ...
