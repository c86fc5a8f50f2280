"""Places orders over HTTP/1.1 (or reads one path), as cheaply as a client can, and prints what happened as JSON.

A general client would take more of the machine than the server it measures. With ``--rate`` orders are sent
at that rate whatever the answers take (open loop); without, each client sends when it has its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import secrets
import sys
import time
from collections import Counter, deque
from typing import cast

import uvloop

_ORDER_ID = re.compile(rb'"order_id":\s*"([^"]+)"')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """A kept-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._needed = 0
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Finish the answer once head and body are there."""
        self._received += data
        if not self._needed and (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            self._needed = end + 4 + (int(length[1]) if length else 0)
        if self._needed and len(self._received) >= self._needed and self._answer is not None:
            answer, whole = self._answer, bytes(self._received)
            self._received.clear()
            self._needed = 0
            self._answer = None
            if not answer.done():
                answer.set_result((int(whole[9:12]), whole))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits learns it."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and whole answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


class Load:
    """The orders to place, and what became of them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._run = secrets.token_hex(4)
        self._head = (
            f"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{arguments.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {arguments.key}\r\nIdempotency-Key: {self._run}-"
        )
        self._read = (
            f"GET {arguments.read} HTTP/1.1\r\nHost: 127.0.0.1:{arguments.port}\r\n"
            f"Authorization: Bearer {arguments.key}\r\n\r\n".encode()
            if arguments.read
            else None
        )
        self._sent = 0
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.orders: list[tuple[str, float]] = []
        self.answered = 0

    def request(self) -> bytes:
        """The next order: two lines, a reference and an idempotency key of its own; or the same read again."""
        self._sent += 1
        if self._read is not None:
            return self._read
        number, skus = self._sent, self._arguments.skus
        first, second = 7 * number % skus, (13 * number + 1) % skus
        body = (
            f'{{"reference":"{self._run}-{number}","customer_id":"c-{number % 5000}","tier":"gold","channel":"web",'
            f'"destination":{{"country":"DE","region":"BE"}},"lines":['
            f'{{"sku":"S{first:03}","quantity":1,"unit_price":{{"amount":4999,"currency":"EUR"}}}},'
            f'{{"sku":"S{second:03}","quantity":2,"unit_price":{{"amount":399,"currency":"EUR"}}}}]}}'
        )
        return f"{self._head}{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    async def place(self, connection: Connection, *, count: bool) -> None:
        """One order and its answer."""
        began = time.perf_counter()
        status, answer = await connection.send(self.request())
        now = time.time()
        self.statuses[status] += 1
        if not count:
            return
        self.answered += 1
        self.latencies.append(time.perf_counter() - began)
        if self._arguments.rate and status == 201 and (found := _ORDER_ID.search(answer)):
            self.orders.append((found[1].decode(), now))

    async def closed(self, connections: list[Connection]) -> float:
        """Every client as fast as it is answered; the seconds that counted."""
        begins = time.perf_counter() + self._arguments.warm_up
        ends = begins + self._arguments.seconds

        async def client(connection: Connection) -> None:
            while (now := time.perf_counter()) < ends:
                await self.place(connection, count=now >= begins)

        await asyncio.gather(*map(client, connections))
        return time.perf_counter() - begins

    async def opened(self, connections: list[Connection]) -> float:
        """At the given rate; an order waits only where every connection is taken."""
        free = deque(connections)
        freed = asyncio.Condition()
        running: set[asyncio.Task[None]] = set()

        async def one(*, count: bool) -> None:
            async with freed:
                await freed.wait_for(lambda: free)
                connection = free.popleft()
            await self.place(connection, count=count)
            async with freed:
                free.append(connection)
                freed.notify()

        began = time.perf_counter()
        total = self._arguments.warm_up + self._arguments.seconds
        for number in range(int(total * self._arguments.rate)):
            due = began + number / self._arguments.rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            task = asyncio.ensure_future(one(count=due - began >= self._arguments.warm_up))
            running.add(task)
            task.add_done_callback(running.discard)
        seconds = time.perf_counter() - began - self._arguments.warm_up
        await asyncio.gather(*running)
        return seconds


async def main(arguments: argparse.Namespace) -> None:
    """Connect, place orders, print."""
    load = Load(arguments)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(Connection, "127.0.0.1", arguments.port))[1] for _ in range(arguments.clients)
    ]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    seconds = await (load.opened(connections) if arguments.rate else load.closed(connections))
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    busy = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / wall
    report = {
        "answered": load.answered,
        "seconds": seconds,
        "client_busy": busy,
        "statuses": load.statuses,
        "latencies": sorted(load.latencies),
        "orders": load.orders,
    }
    sys.stdout.write(json.dumps(report))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--clients", type=int, required=True, help="connections")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, default=0.5, help="seconds before, which do not count")
    parser.add_argument("--rate", type=float, default=0.0, help="orders a second, open loop")
    parser.add_argument("--read", help="read this path, and place no orders")
    parser.add_argument("--skus", type=int, default=100, help="SKUs S000, S001 ...")
    return parser


if __name__ == "__main__":
    uvloop.run(main(_parser().parse_args()))
