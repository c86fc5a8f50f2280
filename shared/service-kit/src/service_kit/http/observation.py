"""Every request is measured, can be traced, and is answered even if it fails; failures are logged without content."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from random import Random
from time import perf_counter

import structlog
from opentelemetry import trace
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.http.problems import Problem, unavailable
from service_kit.http.responses import ProblemResponse, answer_headers, state_of
from service_kit.persistence.transient_errors import is_expected_outage, is_outage
from service_kit.runtime.cause import Cause, current_cause

log = structlog.get_logger(__name__)
_stdlib_log = logging.getLogger(__name__)

REQUESTS = Counter("http_requests_total", "Requests answered", ["service", "method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds",
    "From the first byte of a request to the last of its answer",
    ["service", "method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ids = Random()  # noqa: S311 - ids need not be secret; a generator of their own, which no other code seeds
os.register_at_fork(after_in_child=_ids.seed)
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_QUIET = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})


class Observation:
    """ASGI middleware around all others but CORS."""

    def __init__(self, app: ASGIApp, *, service: str, stopping: asyncio.Event) -> None:
        self._app = app
        self._service = service
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traceparent, trace_id = _trace(scope["headers"])
        state_of(scope)["trace_id"] = trace_id
        current_cause.set(Cause(correlation_id=trace_id, traceparent=traceparent))
        structlog.contextvars.bind_contextvars(trace_id=trace_id)
        headers = answer_headers(scope)
        headers += ((b"x-request-id", trace_id.encode()), _NOSNIFF)
        status = 0
        started = perf_counter()

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        except Exception as error:
            _report(error, _route(scope), scope["method"])
            if status:
                # Part of the response has been sent; only a broken connection can show the client that it failed.
                raise
            await ProblemResponse(_failure(error), scope)(scope, receive, send_traced)
        except asyncio.CancelledError:
            if self._stopping.is_set() and not status:
                # Its time to finish is over: answer the client, who would otherwise see a broken connection.
                await ProblemResponse(_cut_off(), scope)(scope, receive, send_traced)
            raise
        finally:
            self._record(scope, status, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = _route(scope), scope["method"] if scope["method"] in _METHODS else "OTHER"
        # 499: the client went away before a response began.
        requests, duration = _meters(self._service, method, route, status or 499)
        requests.inc()
        duration.observe(seconds)
        # Successes are counted above; logging each would cost a fifth of the throughput.
        succeeded = 0 < status < 400
        if route not in _QUIET and (not succeeded or _stdlib_log.isEnabledFor(logging.DEBUG)):
            principal = scope["state"].get("principal")
            tell = log.debug if succeeded else log.info
            tell(
                "request",
                method=method,
                route=route,
                status=status or 499,
                duration_ms=round(seconds * 1000, 2),
                key_id=principal.key_id if principal else None,
            )


@lru_cache(maxsize=2000)
def _meters(service: str, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The metrics with these labels, cached because looking them up takes longer than counting."""
    return REQUESTS.labels(service, method, route, str(status)), DURATION.labels(service, method, route)


def _failure(error: Exception) -> Problem:
    if is_outage(error):
        return unavailable()
    return Problem(
        500,
        "internal_error",
        "Internal error",
        "The service failed. Give the trace_id to whoever runs it; a request with an Idempotency-Key may be repeated.",
    )


def _report(error: Exception, route: str, method: str) -> None:
    if is_expected_outage(error):
        # The cause is reported where it occurs; each of the many requests that it affects needs one line only.
        log.warning("request_unavailable", route=route, method=method, error_type=type(error).__name__)
    else:
        log.error("request_failed", route=route, method=method, exc_info=error)


def _cut_off() -> Problem:
    words = "The service is stopping. Repeat the request with the same Idempotency-Key to learn what became of it."
    return unavailable("stopping", words)


def _route(scope: Scope) -> str:
    """The path as the route declares it. Actual paths name orders and customers, and there are too many of them."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def _trace(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """The traceparent of this request and its trace id: those of the running span, of the caller, or new ones."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}", f"{span.trace_id:032x}"
    for name, value in headers:
        found = _TRACEPARENT.fullmatch(value) if name == b"traceparent" else None
        if found and found[1].strip(b"0"):
            trace_id = found[1].decode()
            return f"00-{trace_id}-{_new_span_id()}-{found[3].decode()}", trace_id
    trace_id = f"{_ids.getrandbits(128) or 1:032x}"
    return f"00-{trace_id}-{_new_span_id()}-00", trace_id


def _new_span_id() -> str:
    # The operating system's random numbers cost a system call each, as much as everything else here.
    return f"{_ids.getrandbits(64) or 1:016x}"
