"""A service as a process: it starts, answers, and stops in order without losing a request."""

import asyncio
import gzip
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from tests.integration.kit_web.processes import ready, said

from service_kit.testing.eventually import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_signal_lets_requests_finish_ends_streams_then_the_worker_and_exits_with_0(start, number):
    running = start()
    await ready(running)
    await said(running, "sweeper started")
    slow = asyncio.create_task(running.client.post("/v1/slow?seconds=1"))
    await said(running, "slow began")
    async with running.client.stream("GET", "/v1/stream") as stream:
        chunks = stream.aiter_raw()
        assert await anext(chunks) == b": ping\n\n"
        running.process.send_signal(number)
        assert [chunk async for chunk in chunks] == []
    assert (await slow).json() == {"done": True}
    assert await running.ended() == 0, running.output()
    words = [line for line in running.output().splitlines() if line in {"slow ended", "sweeper stopped"}]
    assert words == ["slow ended", "sweeper stopped"]


async def test_a_request_that_outlasts_the_time_to_drain_is_cut_off_and_told_so(start):
    running = start(shutdown_timeout="1")
    await ready(running)
    slow = asyncio.create_task(running.client.post("/v1/slow?seconds=60"))
    await said(running, "slow began")
    running.process.send_signal(signal.SIGTERM)
    assert await running.ended() == 0
    answer = await slow
    assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
    assert "slow ended" not in running.output()


async def test_while_draining_it_answers_but_is_not_ready(start):
    running = start(drain_delay="6")
    await ready(running)
    running.process.send_signal(signal.SIGTERM)

    async def not_ready() -> bool:
        return (await running.client.get("/readyz")).status_code == 503

    await eventually(not_ready, 5)
    assert (await running.client.get("/livez")).status_code == 200
    assert await running.ended() == 0


async def test_the_api_role_runs_no_worker_and_the_worker_role_serves_health_only(start):
    api, worker = start(role="api"), start(role="worker")
    await asyncio.gather(ready(api), ready(worker), said(worker, "sweeper started"))
    assert (await api.client.post("/v1/slow?seconds=0")).status_code == 200
    assert (await worker.client.post("/v1/slow?seconds=0")).status_code == 404
    for running in (api, worker):
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert "sweeper" not in api.output()


async def test_a_missing_or_wrong_setting_is_named_without_its_value(start):
    running = start(role="everything-secret", kafka_bootstrap="")
    assert await running.ended() == 2
    assert "role: " in running.output()
    assert "secret" not in running.output()
    assert "Traceback" not in running.output()


async def test_a_port_that_is_taken_is_said_plainly(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        running = start(port=str(port))
        assert await running.ended() == 2
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in running.output()
    assert "Traceback" not in running.output()


class _Collector(BaseHTTPRequestHandler):
    """Takes what a service exports, as an OpenTelemetry collector would."""

    received: ClassVar[dict[str, bytes]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.received[self.path] = self.received.get(self.path, b"") + body
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


async def test_spans_and_metrics_are_exported_on_the_way_out_without_what_callers_put_into_queries(start):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        running = start(role="api", otlp_endpoint=f"http://127.0.0.1:{collector.server_address[1]}")
        await ready(running)
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        answer = await running.client.post(
            "/v1/slow?seconds=0&who=ada@example.com", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        )
        assert answer.headers["X-Request-Id"] == trace
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0, running.output()
        collector.shutdown()
    spans, metrics = (_Collector.received[path] for path in ("/v1/traces", "/v1/metrics"))
    assert b"/v1/slow" in spans
    assert bytes.fromhex(trace) in spans
    assert b"ada" not in spans
    assert b"/readyz" not in spans
    assert b"http.server.request.duration" in metrics
