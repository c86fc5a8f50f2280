"""What costs a service memory or time before anybody has shown a key, done to a running process.

Under each attack its memory grows by 30 MiB at most, and ``/livez`` answers within a second on either port.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from tests.integration.kit_web.processes import Running, ready

pytestmark = [pytest.mark.postgres]

CONNECTIONS = 20
MEGABYTES = 5
LARGEST_GROWTH = 30.0
"""MiB."""
LONGEST_LIVEZ = 1.0
"""Seconds more than a second service takes that nobody attacks, on the same machine at the same time; the best of three
counts. What is slow on both is the machine."""

Attack = Callable[[Running], Awaitable[None]]


@asynccontextmanager
async def connection(running: Running) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def send(running: Running, head: bytes, piece: bytes, size: int = MEGABYTES * 2**20) -> bytes:
    """Send ``head`` and then ``piece`` until it is ``size`` bytes or the other side closes; what it answered."""
    async with connection(running) as (reader, writer):
        with suppress(OSError):
            writer.write(head)
            for _ in range(size // len(piece)):
                writer.write(piece)
                await writer.drain()
        answer = b""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                answer = await reader.read(65536)
        return answer


async def on_all(what: Callable[[], Awaitable[bytes]]) -> list[bytes]:
    return await asyncio.gather(*(what() for _ in range(CONNECTIONS)))


async def one_huge_header(running: Running) -> None:
    answers = await on_all(lambda: send(running, b"GET /v1/slow HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * 65536))
    assert any(b"431" in answer.split(b"\r\n")[0] for answer in answers) or not any(answers)


async def many_headers(running: Running) -> None:
    await on_all(lambda: send(running, b"GET /v1/slow HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n" * 10_000))


async def a_huge_url(running: Running) -> None:
    await on_all(lambda: send(running, b"GET /v1/slow?", b"a" * 65536))


async def pipelined_requests(running: Running) -> None:
    await on_all(lambda: send(running, b"", b"GET /v1/orders HTTP/1.1\r\nHost: x\r\n\r\n" * 1500))


async def pipelined_requests_behind_a_slow_one(running: Running) -> None:
    key = running.client.headers["Authorization"].encode()
    slow = b"POST /v1/slow?seconds=5 HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 0\r\n\r\n" % key
    await on_all(lambda: send(running, slow, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 1500))


async def bodies_without_a_key(running: Running) -> None:
    head = b"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n"
    answers = await on_all(lambda: send(running, head, b"[" * 65536))
    assert all(b"401" in answer.split(b"\r\n")[0] for answer in answers if answer)


async def endless_trailers(running: Running) -> None:
    head = b"POST /v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    await on_all(lambda: send(running, head, b"X-Trailer: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1500))


async def chunks_of_one_byte(running: Running) -> None:
    head = b"POST /v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await on_all(lambda: send(running, head, b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 1500))


async def empty_lines(running: Running) -> None:
    await on_all(lambda: send(running, b"", b"\r\n" * 32768))


ATTACKS = [
    one_huge_header,
    many_headers,
    a_huge_url,
    pipelined_requests,
    pipelined_requests_behind_a_slow_one,
    bodies_without_a_key,
    endless_trailers,
    chunks_of_one_byte,
    empty_lines,
]


async def seconds_of_livez(address: str) -> float:
    async def once() -> float:
        began = time.monotonic()
        async with httpx.AsyncClient(timeout=20) as client:
            assert (await client.get(f"{address}/livez")).status_code == 200
        return time.monotonic() - began

    return min([await once() for _ in range(3)])


async def test_no_attack_takes_much_memory_or_the_service_away(start):
    running, quiet = start(role="api"), start(role="api")
    await ready(running)
    await ready(quiet)
    public = f"http://127.0.0.1:{running.port}"
    # What the first of anything costs is no attack: caches, parsers, buffers that are kept.
    await asyncio.gather(*(running.client.get("/livez") for _ in range(50)))
    before = running.memory()
    grown, waited = {}, {}
    for attack in ATTACKS:
        under_way = asyncio.ensure_future(attack(running))
        highest, slowest = running.memory(), 0.0
        while not under_way.done():
            usual = await seconds_of_livez(quiet.ops)
            asked = max(await seconds_of_livez(running.ops), await seconds_of_livez(public))
            slowest = max(slowest, asked - 3 * usual)
            highest = max(highest, running.memory())
            await asyncio.wait({under_way}, timeout=0.1)
        await under_way
        grown[attack.__name__], waited[attack.__name__] = round(highest - before, 1), round(slowest, 3)
    assert running.process.poll() is None, running.output()
    assert max(grown.values()) <= LARGEST_GROWTH, grown
    assert max(waited.values()) <= LONGEST_LIVEZ, waited


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"\r\n", None),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", 408),
        (b"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", 401),
    ],
)
async def test_a_connection_that_sends_too_little_is_closed(start, sent, status):
    running = start(role="api", header_timeout="1", body_timeout="1")
    await ready(running)
    async with connection(running) as (reader, writer), asyncio.timeout(30):
        writer.write(sent)
        answer = b""
        with suppress(OSError):
            answer = await reader.read()
    assert (int(answer.split()[1]) if answer else None) == status


async def test_a_body_that_does_not_come_ends_the_request_with_408(start):
    running = start(role="api", body_timeout="1")
    await ready(running)
    key = running.client.headers["Authorization"].encode()
    head = b"POST /v1/take HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 100\r\n\r\n{" % key
    async with connection(running) as (reader, writer), asyncio.timeout(30):
        writer.write(head)
        with suppress(OSError):
            await reader.read()
    assert (await running.client.get("/livez")).status_code == 200


async def test_connections_of_one_address_are_limited_and_those_there_are_go_on(start):
    running = start(role="api", address_connection_limit="10")
    await ready(running)
    await running.client.aclose()
    opened = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(30)]
    statuses = []
    for reader, writer in opened:
        answer = b""
        with suppress(OSError):
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            await writer.drain()
            answer = await reader.read(100)
        statuses.append(answer.startswith(b"HTTP/1.1 200"))
        writer.close() if not answer else None
    assert 1 <= sum(statuses) <= 10
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{running.ops}/livez")).status_code == 200
    for _, writer in opened:
        writer.close()


async def test_streams_of_one_key_are_limited(start):
    running = start(role="api", caller_streams="3")
    await ready(running)

    async def opened() -> tuple[int, httpx.Response]:
        response = await running.client.send(running.client.build_request("GET", "/v1/stream"), stream=True)
        return response.status_code, response

    answers = [await opened() for _ in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert json.loads(await answers[3][1].aread())["code"] == "too_many_streams"
    await answers[0][1].aclose()

    async with asyncio.timeout(30):
        while True:
            status, response = await opened()
            await response.aclose()
            if status == 200:
                break


async def test_a_revoked_key_ends_its_open_streams(start, keyring):
    running = start(role="api")
    await ready(running)
    secret, key = keyring.create_key("watcher", ["ops"])
    async with running.client.stream("GET", "/v1/stream", headers={"Authorization": f"Bearer {secret}"}) as stream:
        chunks = stream.aiter_raw()
        assert await anext(chunks) == b": ping\n\n"
        keyring.revoke(key.id)
        async with asyncio.timeout(10):
            assert [chunk async for chunk in chunks] == []


async def test_metrics_and_the_details_of_health_are_on_the_ops_port_only(start):
    running = start(role="api", database_url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    async with httpx.AsyncClient(timeout=20) as client, asyncio.timeout(60):
        while True:
            with suppress(httpx.TransportError):
                public = await client.get(f"http://127.0.0.1:{running.port}/readyz")
                break
            await asyncio.sleep(0.05)
        assert (public.status_code, public.json()) == (503, {"status": "fail", "serviceId": "sample"})
        details = await client.get(f"{running.ops}/readyz")
        assert details.status_code == 503
        assert "database" in details.json()["checks"]
        assert (await client.get(f"http://127.0.0.1:{running.port}/metrics")).status_code == 404
        assert "http_requests_total" in (await client.get(f"{running.ops}/metrics")).text
        assert (await client.get(f"{running.ops}/v1/parked-keys")).status_code == 404
