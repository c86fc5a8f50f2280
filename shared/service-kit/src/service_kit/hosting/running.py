"""Runs a service: HTTP and the worker's tasks in one event loop, started and stopped in order.

Stopping: the process reports that it is not ready → HTTP is drained → the consumer finishes and commits its batch and
leaves the group → the outbox is flushed and the relay's lock freed → connections are closed → telemetry is flushed.
"""

from __future__ import annotations

import asyncio
import gc
import linecache
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from time import monotonic
from typing import cast

import structlog
import uvicorn
from prometheus_client import Gauge
from pydantic import ValidationError
from starlette.types import ASGIApp

from service_kit.hosting.limited_http import ConnectionLimits, protocol_within
from service_kit.hosting.service import Service
from service_kit.http.app import create_app, create_ops_app
from service_kit.runtime.health import Health
from service_kit.runtime.logging import configure_logging
from service_kit.runtime.settings import ServiceSettings
from service_kit.runtime.telemetry import start_telemetry

log = structlog.get_logger(__name__)

LOOP_LAG = Gauge("event_loop_lag_seconds", "How late the event loop's last turn was", ["service"])
_LOOP_BEAT = 0.5
_LOOP_SILENCE = 30.0
_WORKER_STOP_SECONDS = 30.0
"""The parts of the worker have shorter limits of their own; this one only keeps a defect from blocking the process."""


def run(build: Callable[[], Service]) -> None:
    """Build the service, run it until SIGTERM or SIGINT, and end the process.

    The exit status is 0 after a signal, 1 when a part of the service ended by itself, and 2 when the settings cannot
    be used or the port is taken; standard error then says what to change.
    """
    try:
        service = build()
    except ValidationError as error:
        sys.stderr.write(_setting_errors(error))
        raise SystemExit(2) from None
    configure_logging(service.settings)
    stop_telemetry = start_telemetry(service.settings, service.version)
    _collect_seldom()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            died = runner.run(serve(service))
    except CannotListen as error:
        sys.stderr.write(f"{service.name}: cannot listen on {error}\n")
        raise SystemExit(2) from None
    finally:
        stop_telemetry()
    raise SystemExit(1 if died else 0)


def _collect_seldom() -> None:
    """Keep the garbage collector from examining everything again and again.

    The objects that exist now stay until the end, so the collector need not examine them. By default it runs after
    each 700 new objects, which is after a few dozen requests in a process of half a million objects.
    """
    linecache.clearcache()  # sources in which pydantic looked for descriptions: more than a megabyte
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


_COLLECT_AFTER = (10_000, 20, 20)
"""New objects before a collection of the youngest generation, and collections of each before one of the next."""


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _setting_errors(error: ValidationError) -> str:
    """Which settings are missing or wrong. Values are left out because some are secrets."""
    lines = [f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return f"Settings of {error.title} are not usable (environment variables carry the service's prefix):\n" + (
        "\n".join(lines) + "\n"
    )


class CannotListen(OSError):
    """An address cannot be listened on; the text names it."""


class _Server(uvicorn.Server):
    """uvicorn without its handling of signals, which would end the process before the worker has finished."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(service: Service, *, stop: asyncio.Event | None = None) -> bool:
    """Run until ``stop`` is set or a signal comes; True if a part ended by itself, which it should never do."""
    settings, health = service.settings, service.health
    stop = stop or asyncio.Event()
    server = _server(service)
    _stop_on_signals(stop, server)
    worker_stopping = asyncio.Event()
    listener = _listen(settings.host, settings.port)
    ops = _ops_server(service)
    ops_listener = None if settings.ops_port is None else _listen(settings.ops_host, settings.ops_port)
    parts: dict[str, asyncio.Task[None]] = {"http": asyncio.create_task(server.serve(sockets=[listener]), name="http")}
    if ops is not None and ops_listener is not None:
        parts["ops"] = asyncio.create_task(ops.serve(sockets=[ops_listener]), name="ops")
    if settings.role != "api":
        parts["worker"] = asyncio.create_task(_work(service, worker_stopping), name="worker")
    beat = asyncio.create_task(_beat(service.name, health), name="loop-beat")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        log.info("started", role=settings.role, host=settings.host, port=listener.getsockname()[1])
        health.started = True
        await asyncio.wait({stopped, *parts.values()}, return_when=asyncio.FIRST_COMPLETED)
        died = [name for name, task in parts.items() if task.done()]
        for name in died:
            failure = None if parts[name].cancelled() else parts[name].exception()
            log.error("part_died", part=name, exc_info=failure)
        await _wind_down(service, server, parts, worker_stopping)
        if ops is not None:
            # Last of all: while the service stops, its metrics and health are what one looks at.
            ops.should_exit = ops.force_exit = True
            await _ended(parts["ops"], 5)
    finally:
        for task in (beat, stopped):
            task.cancel()
        await service.database.close()
    log.info("stopped")
    return bool(died)


async def _wind_down(
    service: Service, server: uvicorn.Server, parts: dict[str, asyncio.Task[None]], worker_stopping: asyncio.Event
) -> None:
    service.health.stopping.set()
    if service.settings.drain_delay and not parts["http"].done():
        # Still answering, but not ready: load balancers send no new requests.
        await asyncio.sleep(service.settings.drain_delay)
    server.should_exit = True
    await _ended(parts["http"], service.settings.shutdown_timeout + 5)
    worker_stopping.set()
    if "worker" in parts:
        await _ended(parts["worker"], _WORKER_STOP_SECONDS)


async def _ended(task: asyncio.Task[None], limit: float) -> None:
    _, running = await asyncio.wait({task}, timeout=limit)
    if running:
        log.error("part_did_not_stop", part=task.get_name(), seconds=limit)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
    with suppress(asyncio.CancelledError):
        if (error := task.exception()) is not None and not isinstance(error, SystemExit):
            log.error("part_failed_stopping", part=task.get_name(), exc_info=error)


def _server(service: Service) -> _Server:
    settings = service.settings
    # A worker serves health and metrics only; the API is served by another process.
    app = create_app(replace(service, api=replace(service.api, routers=())) if settings.role == "worker" else service)
    limits = ConnectionLimits(
        headers=settings.header_limit,
        header_seconds=settings.header_timeout,
        body_seconds=settings.body_timeout,
        write_seconds=settings.write_timeout,
        connections=settings.connection_limit,
        per_address=settings.address_connection_limit,
        exempt=[ip_network(proxy) for proxy in settings.trusted_proxies],
    )
    return _serving(app, limits, settings)


def _ops_server(service: Service) -> _Server | None:
    """The server of the port for those who run the service; what happens on the public port does not touch it."""
    settings = service.settings
    if settings.ops_port is None:
        return None
    return _serving(create_ops_app(service), ConnectionLimits(connections=100, per_address=100), settings)


def _serving(app: ASGIApp, limits: ConnectionLimits, settings: ServiceSettings) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=cast(type[asyncio.Protocol], protocol_within(limits)),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            # Longer than clients and load balancers keep idle connections, so that it is they who close them.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
        )
    )


async def _work(service: Service, stopping: asyncio.Event) -> None:
    from service_kit.hosting.worker import run_worker  # noqa: PLC0415 - Kafka is not loaded by a process that only serves HTTP

    await run_worker(service, stopping)


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket. It is made here so that a port that is taken raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise CannotListen(f"{host}:{port} ({os.strerror(error.errno or 0)})") from error


def _stop_on_signals(stop: asyncio.Event, server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            # The second signal: abandon running requests.
            server.force_exit = True
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        # In another thread than the main one (as in tests), or on another platform, only ``stop`` ends the service.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, on_signal)


async def _beat(service: str, health: Health) -> None:
    health.watch("event loop", _LOOP_SILENCE)
    while True:
        before = monotonic()
        await asyncio.sleep(_LOOP_BEAT)
        LOOP_LAG.labels(service).set(max(0.0, monotonic() - before - _LOOP_BEAT))
        health.beat("event loop")
