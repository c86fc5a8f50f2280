"""An order's history, its live stream, and the links that open it without a key."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.sse import ServerSentEvent

from order_service.adapters.sql_queries import Bounds
from order_service.bootstrap import Wiring
from order_service.entrypoints.http.callers import Caller, Wired, Writer, bounds_of
from order_service.entrypoints.http.fields import OrderId
from order_service.entrypoints.http.requests import NewTrackingLink
from order_service.entrypoints.http.views import OrderEvent, TrackingLink
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import Problem, not_found
from service_kit.http.streaming import event_stream, last_event_id, wants_events

router = APIRouter(prefix="/v1/orders", tags=["events"])

_BATCH = 200
_NEWEST = 2**62
"""No version reaches this; a forged cursor beyond what the database can count ends here."""
_RETRY_MILLISECONDS = 2000


@router.get(
    "/{order_id}/events",
    summary="History and live status of an order",
    response_model=Page[OrderEvent],
    responses={
        200: {
            "description": "A page of the history, or with `Accept: text/event-stream` the history and what follows",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'event: OrderAllocated\ndata: {"id":2,"state":"allocated"}\nid: 2\n\n',
                }
            },
        }
    },
)
async def list_order_events(
    *,
    principal: Caller,
    order_id: OrderId,
    wiring: Wired,
    request: Request,
    response: Response,
    page: PageParams,
    last_seen: Annotated[str | None, Header(alias="Last-Event-ID", description="Resume a stream after this id")] = None,
    first_seen: Annotated[
        str | None, Query(alias="last_event_id", description="The same, for the first request of a stream")
    ] = None,
) -> Any:
    """Every visible change, oldest first. A stream stays open and resumes by `Last-Event-ID`."""
    bounds = bounds_of(principal)
    if await wiring.queries.order_version(order_id, bounds) is None:
        raise not_found("order")
    if wants_events(request):
        stream = event_stream(request, _live(wiring, order_id, bounds, last_event_id(request)))
        _keep_token_private(bounds, stream)
        return stream
    _keep_token_private(bounds, response)
    after = page.after(int)
    seen = min(after[0], _NEWEST) if after else 0
    rows = await wiring.queries.history(order_id, bounds, seen, page.limit + 1)
    shown = [_event(row) for row in rows[: page.limit]]
    next_cursor = encode_cursor(shown[-1].id) if len(rows) > page.limit else None
    link_header(response, request, next_cursor)
    return Page(data=shown, next_cursor=next_cursor)


async def _live(wiring: Wiring, order_id: str, bounds: Bounds, seen: int) -> AsyncIterator[ServerSentEvent]:
    """What the client has not seen, then every change as it comes, until it must show its key again."""
    ends = time.monotonic() + wiring.settings.stream_seconds
    yield ServerSentEvent(retry=_RETRY_MILLISECONDS)
    while (left := ends - time.monotonic()) > 0:
        rows = await wiring.queries.history(order_id, bounds, seen, _BATCH)
        for row in rows:
            seen = row["version"]
            yield ServerSentEvent(event=row["event"], id=str(seen), raw_data=_event(row).model_dump_json())
        if len(rows) < _BATCH:
            await wiring.watch.changed(order_id, seen, left)


def _event(row: Mapping[str, Any]) -> OrderEvent:
    return OrderEvent(
        id=row["version"],
        event=row["event"],
        order_id=row["order_id"],
        state=row["state"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        detail=row["detail"],
    )


def _keep_token_private(bounds: Bounds, response: Response) -> None:
    """An address with a token in it must not travel on as a referrer."""
    if bounds.order_id is not None:
        response.headers["Referrer-Policy"] = "no-referrer"


@router.post("/{order_id}/tracking-links", status_code=201, summary="Make a tracking link")
async def create_tracking_link(
    *,
    principal: Writer,
    order_id: OrderId,
    wiring: Wired,
    request: Request,
    response: Response,
    body: Annotated[NewTrackingLink | None, Body()] = None,
) -> TrackingLink:
    """A signed link that opens this order and its events, read-only, for somebody without a key.

    Nothing is stored, so no Idempotency-Key is needed: every link opens the order until it expires.
    """
    if await wiring.queries.order_version(order_id, bounds_of(principal)) is None:
        raise not_found("order")
    if not wiring.links.available:
        raise Problem(503, "tracking_links_off", "Not set up", "This installation has no secret for tracking links.")
    days = (body.days if body else None) or wiring.settings.tracking_link_days
    expires_at = (wiring.clock.now() + timedelta(days=days)).replace(microsecond=0)
    token = wiring.links.token(order_id, expires_at)
    home = (wiring.settings.public_url or str(request.base_url)).rstrip("/")
    response.headers["Referrer-Policy"] = "no-referrer"
    return TrackingLink(url=f"{home}/v1/orders/{order_id}?token={token}", token=token, expires_at=expires_at)
