"""Server-sent events, which resume after ``Last-Event-ID``, stay open while idle, and end with the process."""

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
"""Seconds between comments that keep the connection open: proxies close connections that are silent for long."""


def wants_events(request: Request) -> bool:
    """Whether ``Accept`` asks for ``text/event-stream``, as EventSource does, and not for a document."""
    return "text/event-stream" in request.headers.get("accept", "")


def last_event_id(request: Request) -> int:
    """The id of the last event that the client saw, 0 if it saw none; Problem 400 if it is not a number.

    A first request may give it as ``?last_event_id=``; a reconnection gives it in the header.
    """
    raw = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    if not raw:
        return 0
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        problem = FieldError("", "must be a number", parameter="Last-Event-ID")
        raise bad_request("bad_last_event_id", "Last-Event-ID must be the id of an event.", errors=[problem])
    return int(raw)


def event_stream(request: Request, events: EventStream, *, ping: float = PING_SECONDS) -> StreamingResponse:
    """Send ``events`` until they end, the client disconnects, or the process stops.

    The ``id`` of each event should be its sequence. In all cases the generator is closed, so its ``finally`` runs.
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
        # Sent at once, so that clients and proxies see that the stream is open.
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
