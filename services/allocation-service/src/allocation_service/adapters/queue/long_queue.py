"""Reading a long queue once, from its head, while its first places are being served already."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.priority_bands import COLUMNS, PriorityBands
from allocation_service.adapters.queue.queue_chunks import AtPlace, QueueChunk, enter, read_lines
from allocation_service.adapters.queue.queue_reads import place_key, protection_of
from allocation_service.adapters.queue.unindexed_queue import Place, read_everything, within_reach
from allocation_service.adapters.store.session_reads import fetch
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import Sort
from service_kit.persistence.statements import driver_within

_QUEUE = PriorityBands("$3::date", "$4::date")


def _places(sort: Sort) -> str:
    """Places in the order they are served, cut where the units that need not come together pass the reach."""
    key = _QUEUE.key(sort)
    return f"""
        SELECT line_id, order_id, queued_at, ship_complete
        FROM (
            SELECT *, coalesce(sum(quantity) FILTER (WHERE NOT ship_complete) OVER (
                       ORDER BY {key} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead
            FROM queue_entry WHERE sku = $1
        ) AS counted
        WHERE ahead < $2::bigint ORDER BY {key}
        """


_PLACES: Mapping[Sort, str] = {sort: _places(sort) for sort in COLUMNS}

_LOCK = "SELECT order_id FROM customer_order WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR UPDATE"
_LOCK_ALL = (
    "SELECT order_id FROM customer_order WHERE order_id IN (SELECT order_id FROM queue_entry WHERE sku = $1)"
    " ORDER BY order_id FOR UPDATE"
)
_LOCK_PLACES: Mapping[Sort, str] = {
    sort: "SELECT order_id FROM customer_order WHERE order_id IN"
    f" (SELECT order_id FROM ({places}) AS reached) ORDER BY order_id FOR UPDATE"
    for sort, places in _PLACES.items()
}


def _served(places: Sequence[Place], units: int | None) -> list[str]:
    """Orders of the places that so many units reach; of all of them (None) where stock may be held back."""
    found: dict[str, None] = {}
    left = sys.maxsize if units is None else units
    for place in places:
        if left <= 0:
            break
        found[place.order_id] = None
        if not place.ship_complete:
            left -= place.quantity
    return list(found)


class _Place(NamedTuple):
    line_id: str
    order_id: str
    queued_at: datetime
    ship_complete: bool


class SqlLongQueue:
    """A queue's places in order. The places are those of the moment it was opened; the SKU's lock, held
    by the transaction, keeps them so. Lines are read as they are stored when their places are reached."""

    def __init__(
        self, conn: AsyncConnection, sku: str, cursor: Any, in_order: Sequence[Place], within: tuple[Any, ...]
    ) -> None:
        self._conn, self._sku, self._cursor, self._in_order, self._within = conn, sku, cursor, in_order, within
        self._position = 0

    @classmethod
    async def open(cls, conn: AsyncConnection, session: AllocationSession, sku: str, units: int) -> SqlLongQueue:
        """The queue of a locked SKU, as far as that many units reach.

        Where no index has its order, its places are read and sorted at once: a hundred bytes for each.
        """
        if not session.skus[sku].policy.indexed:
            policy = session.skus[sku].policy
            chosen, _ = within_reach(await read_everything(conn, session, sku), policy, units)
            in_order = [place for _, place in chosen]
            return cls(conn, sku, None, in_order, (_LOCK, _served(in_order, None if policy.guarded else units)))
        sort = session.skus[sku].policy.sort
        places = (sku, units, *protection_of(session, sku))
        cursor = await (await driver_within(conn)).cursor(_PLACES[sort], *places)
        within = (_LOCK_ALL, sku) if units >= session.skus[sku].waiting_units else (_LOCK_PLACES[sort], *places)
        return cls(conn, sku, cursor, (), within)

    async def lock_orders(self) -> Sequence[str]:
        """Lock the orders of all places that are in reach, in sorted order; their ids."""
        return [row[0] for row in await fetch(self._conn, *self._within)]

    async def read(self, lines: int) -> QueueChunk | None:
        """The next places; None at the end. Touches no session."""
        places: Sequence[AtPlace]
        if self._cursor is None:
            places = self._in_order[self._position : self._position + lines]
            self._position += lines
        else:
            places = [_Place(*row) for row in await self._cursor.fetch(lines)]
        return await read_lines(self._conn, places) if places else None

    def enter(self, session: AllocationSession, chunk: QueueChunk) -> None:
        """Put a chunk into the session; the queue is known up to its last place."""
        enter(session, chunk)
        session.open_queue(self._sku, place_key(session, self._sku, chunk.rows[-1]), len(chunk.rows))
