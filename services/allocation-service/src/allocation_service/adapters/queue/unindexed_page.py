"""Showing a queue whose order no index has: all of its places are sorted for each page, and one page is read."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.session_reads import fetch
from allocation_service.domain.policies.policy import Key, Moment, Policy, Sort
from allocation_service.domain.policies.sorting import Ranking

_PLACES = (
    "SELECT line_id, queued_at, tier_rank, needed_by, promise_date, unit_value, claim_date, backed"
    " FROM queue_entry WHERE sku = $1"
)
_ROWS = text(
    """
    SELECT q.*, d.promise_revision, o.reference
    FROM unnest(CAST(:lines AS text[]), CAST(:times AS timestamptz[])) WITH ORDINALITY AS wanted (line_id, at, number)
    JOIN queue_entry AS q ON q.line_id = wanted.line_id AND q.queued_at = wanted.at
    JOIN demand AS d ON d.line_id = q.line_id JOIN customer_order AS o ON o.order_id = q.order_id
    ORDER BY wanted.number
    """
)


class _Place(NamedTuple):
    line_id: str
    queued_at: datetime
    tier_rank: int
    needed_by: date
    promise_date: date | None
    unit_value: int
    claim_date: date
    backed: bool


class UnindexedPage(NamedTuple):
    """A page of a queue, its rows' keys, whether there are more behind it, and how many stand ``ahead`` of it."""

    rows: Sequence[Row[Any]]
    keys: Sequence[Key]
    more: bool
    ahead: int


def has_index(policy: Policy) -> bool:
    """An index has the queue's order."""
    return policy.sort in (Sort.FIFO, Sort.PRIORITY) and policy.ageing is None


async def unindexed_page(
    conn: AsyncConnection, sku: str, policy: Policy, moment: Moment, *, after: Key | None, limit: int
) -> UnindexedPage:
    """Queue entries of a SKU behind ``after``, in the order in which they would be served now."""
    keys = await _keys(conn, sku, policy, moment)
    behind = keys if after is None else [key for key in keys if key > after]
    found = heapq.nsmallest(limit + 1, behind)
    shown = found[:limit]
    values = {"lines": [key[4] for key in shown], "times": [key[3] for key in shown]}
    return UnindexedPage((await conn.execute(_ROWS, values)).all(), shown, len(found) > limit, len(keys) - len(behind))


async def _keys(conn: AsyncConnection, sku: str, policy: Policy, moment: Moment) -> list[Key]:
    key = Ranking(policy, moment).key
    return [key(_Place(*row)) for row in await fetch(conn, _PLACES, sku)]
