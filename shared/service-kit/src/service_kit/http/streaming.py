"""Server-sent events, which resume after ``Last-Event-ID``, stay open while idle, and end with the process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import orjson
from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, ServerSentEvent, format_sse_event
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service_kit.http.api_keys import KeyringError
from service_kit.http.authentication import Authenticator
from service_kit.http.problems import FieldError, Problem, bad_request
from service_kit.http.rate_limit import caller_of
from service_kit.runtime.health import Health

EventStream = AsyncIterator[ServerSentEvent]

LONGEST_STREAM = 900.0
"""Seconds after which any stream ends; its client comes back with the last id, and its key is checked again."""
_LINK_SHARE = 10
_KEY_CHECK_SECONDS = 1.0
"""How often an open stream asks whether its key is still valid."""
PING_SECONDS = 15.0
"""Seconds between comments that keep the connection open: proxies close connections that are silent for long."""


class StreamSlots:
    """Counts the open streams of each caller; ``limit`` for a key, a tenth of it for a tracking link."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def take(self, scope: Scope) -> Callable[[], None]:
        """Count a stream of the caller; what is returned ends it. Problem 429 if there are too many."""
        caller, principal = caller_of(scope), scope.get("state", {}).get("principal")
        by_link = principal is not None and principal.order_id is not None
        limit = max(1, self._limit // _LINK_SHARE) if by_link else self._limit
        if self._open[caller] >= limit:
            words = f"At most {limit} streams of one caller may be open."
            raise Problem(429, "too_many_streams", "Too many streams", words, headers={"Retry-After": "5"})
        self._open[caller] += 1

        def give_back() -> None:
            self._open[caller] -= 1
            if self._open[caller] <= 0:
                del self._open[caller]

        return give_back


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
    """Send ``events`` until they end, the client disconnects, its key is revoked, or the process stops.

    No stream lasts longer than LONGEST_STREAM.

    Problem 429 where the caller has too many streams open.

    The ``id`` of each event should be its sequence. In all cases the generator is closed, so its ``finally`` runs.
    """
    health: Health = request.app.state.health
    slots: StreamSlots = request.app.state.streams
    return _Stream(
        _lines(events, health.stopping, ping, _still_allowed(request)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        give_back=slots.take(request.scope),
    )


def _still_allowed(request: Request) -> Callable[[], bool]:
    """Whether the key that opened the stream opens it still."""
    authenticator: Authenticator | None = getattr(request.app.state, "authenticator", None)
    principal = request.scope.get("state", {}).get("principal")
    if authenticator is None or principal is None:
        return lambda: True

    def allowed() -> bool:
        try:
            return bool(authenticator.principal(request.scope) == principal)
        except (KeyringError, OSError):
            return False

    return allowed


class _Stream(StreamingResponse):
    """Gives its slot back however it ends."""

    def __init__(self, *args: Any, give_back: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


async def _lines(
    events: EventStream, stopping: asyncio.Event, ping: float, allowed: Callable[[], bool]
) -> AsyncIterator[bytes]:
    stop: asyncio.Future[Any] = asyncio.ensure_future(stopping.wait())
    upcoming: asyncio.Future[Any] | None = None
    ends = monotonic() + LONGEST_STREAM
    quiet_since = monotonic()
    try:
        # Sent at once, so that clients and proxies see that the stream is open.
        yield KEEPALIVE_COMMENT
        while monotonic() < ends and allowed():
            if upcoming is None:
                upcoming = asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait(
                {upcoming, stop}, timeout=min(ping, _KEY_CHECK_SECONDS), return_when=asyncio.FIRST_COMPLETED
            )
            if upcoming in done:
                try:
                    event = upcoming.result()
                except StopAsyncIteration:
                    return
                upcoming = None
                yield _encode(event)
                quiet_since = monotonic()
            elif stop in done:
                return
            elif monotonic() - quiet_since >= ping:
                yield KEEPALIVE_COMMENT
                quiet_since = monotonic()
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
