"""Running a service: HTTP and the worker's tasks in one event loop, started and ended in order.

The end: not ready → HTTP drained → fetching stopped, the batch in hand finished and committed, the
group left → outbox flushed, the relay's lock freed → connections closed → telemetry flushed.
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
from time import monotonic

import structlog
import uvicorn
from prometheus_client import Gauge
from pydantic import ValidationError

from service_kit.commands.idempotency_retention import forget_idempotency_keys
from service_kit.hosting.service import Service
from service_kit.http.app import create_app
from service_kit.runtime.health import Health
from service_kit.runtime.logging import configure_logging
from service_kit.runtime.telemetry import start_telemetry

log = structlog.get_logger(__name__)

LOOP_LAG = Gauge("event_loop_lag_seconds", "How late the event loop's last turn was", ["service"])
_LOOP_BEAT = 0.5
_LOOP_SILENCE = 30.0
_WORKER_STOP_SECONDS = 30.0
"""The worker's parts have limits of their own below this; it only keeps a defect from holding the process."""


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
    except OSError as error:
        where = f"{service.settings.host}:{service.settings.port}"
        sys.stderr.write(f"{service.name}: cannot listen on {where} ({os.strerror(error.errno or 0)})\n")
        raise SystemExit(2) from None
    finally:
        stop_telemetry()
    raise SystemExit(1 if died else 0)


def _collect_seldom() -> None:
    """What is there now stays: the collector need not look at it again, nor after every few requests at the rest.

    By default it looks after each 700 new objects, a few dozen requests in a process of half a million objects.
    """
    linecache.clearcache()  # sources that pydantic looked for descriptions in: more than a megabyte
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


_COLLECT_AFTER = (10_000, 20, 20)
"""New objects that outlive their making, and collections of the younger generation, before the next collection."""


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _setting_errors(error: ValidationError) -> str:
    """Which settings are missing or wrong; values are left out, some are secrets."""
    lines = [f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return f"Settings of {error.title} are not usable (environment variables carry the service's prefix):\n" + (
        "\n".join(lines) + "\n"
    )


class _Server(uvicorn.Server):
    """uvicorn, without its handling of signals: it would end the process before the worker is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(service: Service, *, stop: asyncio.Event | None = None) -> bool:
    """Run until ``stop`` is set or a signal comes; True if a part ended by itself, which it never should."""
    settings, health = service.settings, service.health
    stop = stop or asyncio.Event()
    server = _server(service)
    _stop_on_signals(stop, server)
    worker_stopping = asyncio.Event()
    listener = _listen(settings.host, settings.port)
    parts: dict[str, asyncio.Task[None]] = {"http": asyncio.create_task(server.serve(sockets=[listener]), name="http")}
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
        # Still answering, but not ready: whoever balances the load sends nothing new.
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
    # A worker answers health and metrics only; the API is another process's.
    app = create_app(replace(service, api=replace(service.api, routers=())) if settings.role == "worker" else service)
    return _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Longer than clients and balancers keep idle connections, so that the closing side is theirs.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
        )
    )


async def _work(service: Service, stopping: asyncio.Event) -> None:
    from service_kit.hosting.worker import run_worker  # noqa: PLC0415 - Kafka is not loaded by a process that only serves HTTP

    async def retention(stopping: asyncio.Event) -> None:
        await forget_idempotency_keys(service.database, service.settings.idempotency_retention_days, stopping)

    await run_worker(replace(service, background=(*service.background, retention)), stopping)


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket, made here so that a port that is taken is a plain OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _stop_on_signals(stop: asyncio.Event, server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            # Asked twice: let running requests go.
            server.force_exit = True
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        # Not on the main thread (tests) or not on this platform: then only ``stop`` ends the service.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, on_signal)


async def _beat(service: str, health: Health) -> None:
    health.watch("event loop", _LOOP_SILENCE)
    while True:
        before = monotonic()
        await asyncio.sleep(_LOOP_BEAT)
        LOOP_LAG.labels(service).set(max(0.0, monotonic() - before - _LOOP_BEAT))
        health.beat("event loop")
