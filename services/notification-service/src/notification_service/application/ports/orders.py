"""The store of orders as projected from events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notification_service.domain.orders import OrderProjection


@dataclass(frozen=True, slots=True)
class SkuName:
    """The name of a SKU at ``version`` of its policy; None where it has none."""

    version: int
    name: str | None


class OrderStore(Protocol):
    """Order projections and the names of SKUs."""

    async def lock(self, order_ids: Collection[str]) -> dict[str, OrderProjection]:
        """The orders by id, created where missing, locked in the order of their ids until the transaction ends."""
        ...

    async def find_due(self, now: datetime, limit: int, without: Collection[str] = ()) -> list[str]:
        """Ids of up to ``limit`` orders whose message is due, apart from ``without``; the longest due first."""
        ...

    async def lock_due(self, now: datetime, limit: int, only: Collection[str] | None = None) -> list[OrderProjection]:
        """Up to ``limit`` orders whose message is due, locked; orders that are locked already are skipped.

        With ``only``, of those."""
        ...

    async def save(self, orders: Collection[OrderProjection]) -> None:
        """Write locked orders and their lines."""
        ...

    async def next_sequences(self, order_ids: Sequence[str]) -> list[int]:
        """The next sequence number of each order's notification events, counted from 1; an id may be repeated.

        Locks the orders, in the order of their ids, until the transaction ends.
        """
        ...

    async def sku_names(self, skus: Collection[str]) -> dict[str, str]:
        """The names of those ``skus`` that have one."""
        ...

    async def save_sku_names(self, names: Mapping[str, SkuName]) -> None:
        """Store the name of each SKU unless one of the same or a newer version is known."""
        ...
