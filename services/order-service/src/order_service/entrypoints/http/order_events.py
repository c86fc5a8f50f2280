"""An order's history, as pages and as a live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import ServerSentEvent

from order_service.application.find_orders import check_visible
from order_service.application.follow_order import find_history, follow_order
from order_service.application.queries import Visibility
from order_service.bootstrap import OrderApplication
from order_service.entrypoints.http.dependencies import Application, Caller, visible_to
from order_service.entrypoints.http.fields import OrderId
from order_service.entrypoints.http.order_event_schemas import OrderEvent
from service_kit.commands.execute import read
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.streaming import event_stream, last_event_id, wants_events

router = APIRouter(prefix="/v1/orders", tags=["events"])

_ABOVE_ALL_VERSIONS = 2**62
"""A forged cursor may name a larger number, which the database could not compare with."""

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
    application: Application,
    request: Request,
    response: Response,
    page: PageParams,
    last_seen: Annotated[str | None, Header(alias="Last-Event-ID", description="Resume a stream after this id")] = None,
    first_seen: Annotated[
        str | None, Query(alias="last_event_id", description="The same, for the first request of a stream")
    ] = None,
) -> Any:
    """Every visible change, oldest first. A stream stays open and resumes by `Last-Event-ID`."""
    visibility = visible_to(principal)
    await read(application.units, check_visible, order_id, visibility)
    if wants_events(request):
        stream = event_stream(request, _live(application, order_id, visibility, last_event_id(request)))
        _keep_token_private(visibility, stream)
        return stream
    after = page.after(int)
    seen = min(after[0], _ABOVE_ALL_VERSIONS) if after else 0
    entries = await read(application.units, find_history, order_id, visibility, after=seen, limit=page.limit + 1)
    shown = [OrderEvent.of(entry) for entry in entries[: page.limit]]
    next_cursor = encode_cursor(shown[-1].id) if len(entries) > page.limit else None
    _keep_token_private(visibility, response)
    link_header(response, request, next_cursor)
    return Page(data=shown, next_cursor=next_cursor)


async def _live(
    application: OrderApplication, order_id: str, visibility: Visibility, seen: int
) -> AsyncIterator[ServerSentEvent]:
    """What the client has not seen, then every change as it comes, until its key must be checked again."""
    yield ServerSentEvent(retry=_RETRY_MILLISECONDS)
    seconds = application.settings.stream_seconds
    followed = follow_order(application.units, application.watch, order_id, visibility, after=seen, seconds=seconds)
    async with aclosing(followed) as entries:
        async for recorded in entries:
            event = OrderEvent.of(recorded)
            yield ServerSentEvent(event=event.event, id=str(event.id), raw_data=event.model_dump_json())


def _keep_token_private(visibility: Visibility, response: Response) -> None:
    """A tracking link's address contains its token, and so must not be sent on as a referrer."""
    if visibility.order_id is not None:
        response.headers["Referrer-Policy"] = "no-referrer"
