"""The queue: who waits, at which place, promised for when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.priority_bands import key_of
from allocation_service.adapters.queue.ranked_page import has_index, ranked_page
from allocation_service.adapters.store.session_reads import peek_skus
from allocation_service.adapters.views import queries, queue_positions
from allocation_service.adapters.views.queries import ServedOrder
from allocation_service.domain.policies.policy import Moment, Sort
from allocation_service.domain.policies.sorting import Protection
from allocation_service.domain.supply.sku import Sku
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.fields import Name
from service_kit.http.models import ResponseModel
from service_kit.http.pagination import Page, PageParams, PageRequest, encode_cursor, link_header
from service_kit.http.problems import FieldError, bad_request
from service_kit.persistence.database import Database


class BackorderView(ResponseModel):
    """Units of a line that wait in a queue."""

    order_id: str
    reference: str = Field(description="The caller's own name of the order")
    line_id: str
    sku: str
    quantity: int = Field(description="Units that wait at this place")
    place: int = Field(description="1 is served next")
    queued_at: datetime
    promise_date: date | None
    promise_revision: int
    ship_complete: bool


def _view(row: Any, place: int) -> BackorderView:
    return BackorderView(
        order_id=row.order_id,
        reference=row.reference,
        line_id=row.line_id,
        sku=row.sku,
        quantity=row.quantity,
        place=place,
        queued_at=row.queued_at,
        promise_date=row.promise_date,
        promise_revision=row.promise_revision,
        ship_complete=row.ship_complete,
    )


def _cursor_kinds(sort: Sort) -> tuple[type, ...]:
    """The place of the last row, the days of the first page's protection, and the row's key."""
    key = (date, datetime, str) if sort is Sort.FIFO else (date, int, date, datetime, str)
    return (int, date, date, date, *key)


class _Queues:
    def __init__(self, database: Database, now: Callable[[], Awaitable[datetime]], grace_days: int) -> None:
        self._database, self._now, self._grace_days = database, now, grace_days

    def _served(self, sku: Sku, now: datetime) -> ServedOrder:
        return ServedOrder(sku.sku, sku.policy.sort, Protection.of(sku.policy, self._moment(sku, now)))

    async def of_sku(self, name: str, page: PageRequest) -> Page[BackorderView]:
        """A page of one queue. The place of the first row is handed on in the cursor."""
        now = await self._now()
        async with self._database.reading() as conn:
            sku = (await peek_skus(conn, [name], now)).get(name)
            if sku is None:
                return Page(data=[], next_cursor=None)
            if not has_index(sku.policy):
                return await self._ranked(conn, sku, page, now)
            sort = sku.policy.sort
            after = page.after(*_cursor_kinds(sort))
            place, key, queue = 0, None, self._served(sku, now)
            if after:
                # All pages show one order, also when promises or supply have changed since the first.
                place, key = after[0], after[4:]
                queue = queue._replace(protection=Protection(*after[1:4]))
            rows = await queries.queue_page(conn, queue, key, page.limit + 1)
        views = [_view(row, place + number) for number, row in enumerate(rows[: page.limit], start=1)]
        cursor = None
        if len(rows) > page.limit:
            last = key_of(rows[page.limit - 1], sort, queue.protection)
            cursor = encode_cursor(place + page.limit, *queue.protection, *last)
        return Page(data=views, next_cursor=cursor)

    async def _ranked(self, conn: AsyncConnection, sku: Sku, page: PageRequest, now: datetime) -> Page[BackorderView]:
        after = page.after(int, datetime, date, int, int, date, datetime, str)
        place, key, moment = 0, None, self._moment(sku, now)
        if after:
            place, key = after[0], after[3:]
            moment = moment._replace(now=after[1], kept_through=after[2])
        found = await ranked_page(conn, sku.sku, sku.policy, moment, after=key, limit=page.limit)
        views = [_view(row, place + number) for number, row in enumerate(found.rows, start=1)]
        cursor = None
        if found.more:
            began = (moment.now, moment.kept_through or date.min)
            cursor = encode_cursor(place + page.limit, *began, *found.keys[-1])
        return Page(data=views, next_cursor=cursor)

    def _moment(self, sku: Sku, now: datetime) -> Moment:
        return sku.moment(now, self._grace_days)

    async def of_order(self, order_id: str) -> Page[BackorderView]:
        """All waiting lines of one order."""
        now = await self._now()
        async with self._database.reading() as conn:
            rows = await queries.entries_of_order(conn, order_id)
            skus = await peek_skus(conn, {row.sku for row in rows}, now)
            views = []
            for row in rows:
                sku = skus[row.sku]
                ahead = await queue_positions.ahead(conn, row, sku, self._moment(sku, now))
                views.append(_view(row, ahead.lines + 1))
        return Page(data=views, next_cursor=None)


def router(database: Database, now: Callable[[], Awaitable[datetime]], grace_days: int) -> APIRouter:
    """The routes of the queue."""
    api = APIRouter(tags=["Backorders"])
    queues = _Queues(database, now, grace_days)

    @api.get("/v1/backorders", name="list_backorders", summary="Who waits, at which place, promised for when")
    async def list_backorders(
        *,
        principal: Annotated[Principal, require("backorders:read")],
        page: PageParams,
        request: Request,
        response: Response,
        sku: Annotated[Name | None, Query(description="The queue of this SKU, in the order it is served")] = None,
        order_id: Annotated[Name | None, Query(description="What this order waits for")] = None,
    ) -> Page[BackorderView]:
        if (sku is None) == (order_id is None):
            words = "Give either sku or order_id."
            raise bad_request("sku_or_order_id", words, errors=[FieldError("", words, parameter="sku")])
        found = await queues.of_sku(sku, page) if sku is not None else await queues.of_order(order_id or "")
        link_header(response, request, found.next_cursor)
        return found

    return api
