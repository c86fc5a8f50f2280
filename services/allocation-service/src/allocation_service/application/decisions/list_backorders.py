"""Who waits, at which place, promised for when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.application.decisions.decision_records import IndexedQueue, QueueEntry
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.policies.policy import Sort
from allocation_service.domain.policies.sorting import Protection
from allocation_service.domain.supply.sku import Sku

PageStart = Callable[..., tuple[Any, ...] | None]
"""Reads where the caller's page begins, given the types of its parts; None for the first page.

Which parts there are depends on the queue's policy, so that it is called once that is known.
"""


class PlacedEntry(NamedTuple):
    """A queue entry and its place; 1 is served next."""

    entry: QueueEntry
    place: int


class QueuePage(NamedTuple):
    """A page of a queue; ``following`` is where the next one begins, None at the end."""

    entries: Sequence[PlacedEntry]
    following: tuple[Any, ...] | None = None


class QueueQuery(NamedTuple):
    """A page of a SKU's queue at the business time ``now``."""

    sku: str
    start: PageStart
    limit: int
    now: datetime
    grace_days: int


async def list_backorders_of_sku(uow: AllocationUnitOfWork, query: QueueQuery) -> QueuePage:
    """The queue of a SKU in the order it is served.

    All pages show one order, also when promises or supply have changed since the first. Places are counted in the
    queue as it is by the time of each page: those who left it since the page before are not counted.
    """
    sku = (await uow.store.peek_skus([query.sku], query.now)).get(query.sku)
    if sku is None:
        return QueuePage(())
    if not uow.queues.is_indexed(sku.policy):
        return await _in_unindexed_order(uow, sku, query)
    sort = sku.policy.sort
    after = query.start(*_parts_of(sort))
    key = None
    queue = IndexedQueue(sku.sku, sort, Protection.of(sku.policy, sku.moment(query.now, query.grace_days)))
    if after:
        key = after[2:]
        queue = queue._replace(protection=Protection(*after[:2]))
    found = await uow.queues.indexed_page(queue, key, query.limit + 1)
    following = None
    if len(found) > query.limit:
        last = uow.queues.indexed_key(found[query.limit - 1], queue)
        following = (*queue.protection, *last)
    before = await uow.queues.indexed_ahead(found[0], queue) if found and key else 0
    return QueuePage(_placed(found[: query.limit], before), following)


async def list_backorders_of_order(
    uow: AllocationUnitOfWork, order_id: str, now: datetime, grace_days: int
) -> list[PlacedEntry]:
    """All waiting lines of one order, each with its place."""
    entries = await uow.queues.entries_of_order(order_id)
    skus = await uow.store.peek_skus({entry.sku for entry in entries}, now)
    placed = []
    for entry in entries:
        sku = skus[entry.sku]
        ahead = await uow.queues.ahead(entry, sku, sku.moment(now, grace_days))
        placed.append(PlacedEntry(entry, ahead.lines + 1))
    return placed


async def _in_unindexed_order(uow: AllocationUnitOfWork, sku: Sku, query: QueueQuery) -> QueuePage:
    after = query.start(datetime, date, int, int, date, datetime, str)
    key, moment = None, sku.moment(query.now, query.grace_days)
    if after:
        key = after[2:]
        moment = moment._replace(now=after[0], kept_through=after[1])
    found = await uow.queues.unindexed_page(sku.sku, sku.policy, moment, after=key, limit=query.limit)
    following = None
    if found.more:
        began = (moment.now, moment.kept_through or date.min)
        following = (*began, *found.keys[-1])
    return QueuePage(_placed(found.entries, found.ahead), following)


def _placed(entries: Sequence[QueueEntry], ahead: int) -> list[PlacedEntry]:
    return [PlacedEntry(entry, ahead + number) for number, entry in enumerate(entries, start=1)]


def _parts_of(sort: Sort) -> tuple[type, ...]:
    """The days of the first page's protection, and the key of the last entry."""
    key = (date, datetime, str) if sort is Sort.FIFO else (date, int, date, datetime, str)
    return (date, date, *key)
