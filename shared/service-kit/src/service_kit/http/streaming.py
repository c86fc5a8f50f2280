"""Server-sent events that resume by ``Last-Event-ID``, stay alive when idle, and end with the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, ServerSentEvent, format_sse_event
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from service_kit.http.problems import FieldError, bad_request
from service_kit.runtime.health import Health

EventStream = AsyncIterator[ServerSentEvent]

PING_SECONDS = 15.0
"""Proxies close connections that are silent for long; a comment this often keeps them open."""


def wants_events(request: Request) -> bool:
    """Whether ``Accept`` asks for ``text/event-stream`` (as EventSource does) and not for a document."""
    return "text/event-stream" in request.headers.get("accept", "")


def last_event_id(request: Request) -> int:
    """The sequence that the client saw last, 0 at the start; Problem 400 where it is no number.

    ``?last_event_id=`` does for a first request what the header does for a reconnection.
    """
    raw = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    if not raw:
        return 0
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        problem = FieldError("", "must be a number", parameter="Last-Event-ID")
        raise bad_request("bad_last_event_id", "Last-Event-ID must be the id of an event.", errors=[problem])
    return int(raw)


def event_stream(request: Request, events: EventStream, *, ping: float = PING_SECONDS) -> StreamingResponse:
    """Send ``events`` until they end, the client goes, or the process stops.

    ``id`` of each should be its sequence. The generator is closed (its ``finally`` runs) in all cases.
    """
    health: Health = request.app.state.health
    return StreamingResponse(
        _lines(events, health.stopping, ping),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _lines(events: EventStream, stopping: asyncio.Event, ping: float) -> AsyncIterator[bytes]:
    stop: asyncio.Future[Any] = asyncio.ensure_future(stopping.wait())
    upcoming: asyncio.Future[Any] | None = None
    try:
        # Something at once, so that clients and proxies see the stream open.
        yield KEEPALIVE_COMMENT
        while True:
            if upcoming is None:
                upcoming = asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({upcoming, stop}, timeout=ping, return_when=asyncio.FIRST_COMPLETED)
            if upcoming in done:
                try:
                    event = upcoming.result()
                except StopAsyncIteration:
                    return
                upcoming = None
                yield _encode(event)
            elif stop in done:
                return
            else:
                yield KEEPALIVE_COMMENT
    finally:
        stop.cancel()
        if upcoming is not None:
            upcoming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await upcoming
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()


def _encode(event: ServerSentEvent) -> bytes:
    if event.raw_data is not None:
        data: str | None = event.raw_data
    elif isinstance(event.data, BaseModel):
        data = event.data.model_dump_json()
    else:
        data = None if event.data is None else orjson.dumps(event.data).decode()
    return format_sse_event(data_str=data, event=event.event, id=event.id, retry=event.retry, comment=event.comment)
