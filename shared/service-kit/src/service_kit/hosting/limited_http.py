"""HTTP connections that cost a bounded amount of memory and time before anybody has shown a key.

uvicorn's parser takes headers of any size, any number of pipelined requests, and lets a connection wait for ever. This
is a thin layer over its protocol: it counts what arrives, sets a deadline for each part of a request, and closes what
goes over. ADR 0027 has the reasons.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

import orjson
from prometheus_client import Counter as Metric
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service_kit.http.problems import Problem

REFUSED = Metric("http_connections_refused_total", "Connections closed because they went over a limit", ["limit"])

MAX_HEADERS = 128
MAX_PIPELINED = 8
"""Requests that may wait behind the running one on a connection; few clients send any."""
_MAX_UNREAD = 1024 * 1024
"""Bytes of a body that are thrown away after its request has been answered, before the connection is closed."""
_CLOSING_SECONDS = 10.0
"""How long a closing connection may take to accept what was written to it."""


@dataclass
class ConnectionLimits:
    """What the connections of one listener may cost; times are in seconds.

    ``headers`` counts the bytes of a request's line and headers, and the framing of its body. ``header_seconds`` is
    the time from the first byte (of a new connection: from its beginning) to the end of the headers, ``body_seconds``
    that of the body, ``write_seconds`` how long a client may not read what it was sent. Connections of ``exempt``
    addresses, which are proxies, are not limited by address.
    """

    headers: int = 32 * 1024
    header_seconds: float = 15
    body_seconds: float = 30
    write_seconds: float = 30
    connections: int = 1000
    per_address: int = 200
    exempt: Sequence[IPv4Network | IPv6Network] = ()
    _open: int = 0
    _by_address: Counter[str] = field(default_factory=Counter)

    def admit(self, address: str) -> bool:
        """Count a new connection of ``address``; False if it is one too many. To be released in either case."""
        self._open += 1
        self._by_address[address] += 1
        if self._open > self.connections:
            return False
        return self._by_address[address] <= self.per_address or self._is_exempt(address)

    def _is_exempt(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.exempt)

    def release(self, address: str) -> None:
        """A connection that was counted has ended."""
        self._open -= 1
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]


class _OverLimit(Exception):
    """Stops the parser in the middle of what it was fed; ``LimitedHttp.refusal`` says why."""


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol within ``limits``."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits
        self.refusal: Problem | None = None
        self._address = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._expected = self._missing = "headers"
        """The part that the deadline is for, and the part that has not arrived in full."""
        self._in_message = False
        self._framing = self._body_bytes = self._unread = 0

    # --- the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many already."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else "unknown"
        if not self.limits.admit(self._address):
            REFUSED.labels("connections").inc()
            transport.abort()
            return
        self._expect("headers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its deadlines."""
        self._expect_nothing()
        self._stop_write_deadline()
        if self._address:
            self.limits.release(self._address)
            self._address = ""
        # What waits behind the running request is not begun any more.
        self.pipeline.clear()
        super().connection_lost(exc)

    # --- what arrives
    # These run for every request, some of them several times: they count and compare, and nothing else.

    def data_received(self, data: bytes) -> None:
        """Feed the parser; then see what is missing, and close if what is not a body has become too much."""
        if self.refusal is not None:
            return
        self._framing += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_message:
            if self._framing > self.limits.headers + 2 * self._body_bytes:
                self._refuse(_headers_too_large(self.limits.headers))
            elif self._deadline is None or self._missing != self._expected:
                self._expect(self._missing)
        elif self.cycle is not None and not self.cycle.response_complete:
            # All of a request is here, and is being worked on.
            if self._deadline is not None:
                self._expect_nothing()
        elif self._deadline is None and self.timeout_keep_alive_task is None:
            # Bytes that begin no request, such as empty lines, do not keep a connection open.
            self._expect("headers")

    def on_message_begin(self) -> None:
        """A request begins; one too many behind the running one ends the connection."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._stop(_too_many_pipelined())
        super().on_message_begin()
        self._in_message, self._missing = True, "headers"
        self._body_bytes = self._unread = 0

    def on_headers_complete(self) -> None:
        """Begin the request, unless there is too much of it already.

        Until here as much may have been taken as was read at once, which is a quarter of a megabyte at most.
        """
        if len(self.headers) > MAX_HEADERS or (self._framing > self.limits.headers and self._head_is_too_large()):
            self._stop(_headers_too_large(self.limits.headers))
        super().on_headers_complete()
        self._missing = "body"

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, or throw it away where the request has been answered without it."""
        size = len(body)
        self._framing -= size
        self._body_bytes += size
        if self.cycle.response_complete:
            self._unread += size
            if self._unread > _MAX_UNREAD:
                self._stop(_unread_body())
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has arrived in full."""
        self._in_message = False
        self._framing = 0
        super().on_message_complete()

    # --- what is sent

    def on_response_complete(self) -> None:
        """Go on with the next request; a closing connection gets some seconds to take what it was sent."""
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(_CLOSING_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not read: wait for it, but not for ever."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self.limits.write_seconds, self._give_up_writing)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_write_deadline()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """The connection was idle for long; whatever it has not read by now is dropped."""
        if not self.transport.is_closing():
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or was stopped because it went over a limit."""
        problem = self.refusal or Problem(400, "malformed_request", "Bad request", "This is not HTTP/1.1.")
        self._answer_and_close(problem)

    # --- limits

    def _head_is_too_large(self) -> bool:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        return size > self.limits.headers

    def _stop(self, refusal: Problem) -> None:
        """End the connection from within the parser, which goes on parsing its bytes otherwise."""
        REFUSED.labels(refusal.code).inc()
        self.refusal = refusal
        raise _OverLimit

    def _refuse(self, refusal: Problem) -> None:
        REFUSED.labels(refusal.code).inc()
        self.refusal = refusal
        self._answer_and_close(refusal)

    def _answer_and_close(self, problem: Problem) -> None:
        """Send the problem, unless a response is under way or there was one, and close."""
        self._expect_nothing()
        # What has begun has its answer from the application, be it before the end of its body.
        begun = self._in_message and self._missing == "body"
        if self.cycle is None or (self.cycle.response_complete and not begun):
            self.transport.write(_response(problem))
        self.transport.close()
        self.loop.call_later(_CLOSING_SECONDS, self.transport.abort)

    # --- deadlines

    def _expect(self, part: str) -> None:
        """From now on ``part`` has its time to arrive."""
        self._expect_nothing()
        seconds = self.limits.header_seconds if part == "headers" else self.limits.body_seconds
        self._expected = part
        self._deadline = self.loop.call_later(seconds, self._too_late, part)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self, part: str) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if part == "headers" and not self._in_message:
            # Nothing was asked, so nothing is answered.
            REFUSED.labels("idle").inc()
            self.transport.abort()
            return
        self._refuse(_too_slow(part))

    def _give_up_writing(self) -> None:
        self._write_deadline = None
        REFUSED.labels("unread_response").inc()
        self.transport.abort()

    def _stop_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None


def protocol_within(limits: ConnectionLimits) -> Callable[..., asyncio.Protocol]:
    """What uvicorn makes a protocol with, for each connection."""

    def protocol(*args: Any, **kwargs: Any) -> asyncio.Protocol:
        return LimitedHttp(*args, limits=limits, **kwargs)

    return protocol


def _headers_too_large(limit: int) -> Problem:
    detail = (
        f"At most {limit} bytes and {MAX_HEADERS} headers are taken, and bodies in chunks of more than a few bytes."
    )
    return Problem(431, "headers_too_large", "Request headers are too large", detail)


def _too_many_pipelined() -> Problem:
    return Problem(400, "too_many_pipelined", "Bad request", f"At most {MAX_PIPELINED} requests may wait.")


def _unread_body() -> Problem:
    return Problem(413, "body_too_large", "The body is too large", "The request was answered without it.")


def _too_slow(part: str) -> Problem:
    return Problem(408, "request_timeout", "Request time-out", f"The {part} did not arrive in time.")


def _response(problem: Problem) -> bytes:
    body = orjson.dumps(problem.document(instance="/", trace_id="0" * 32))
    head = (
        b"content-type: application/problem+json\r\ncache-control: no-store\r\nconnection: close\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )
    return STATUS_LINE[problem.status] + head + body
