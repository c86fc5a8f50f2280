"""The limits of a connection, without a network: what arrives is fed, and time passes when the test says so."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
import uvicorn
from uvicorn.server import ServerState

from service_kit.hosting.limited_http import MAX_HEADERS, MAX_PIPELINED, ConnectionLimits, LimitedHttp

LIMITS = {"headers": 2000, "header_seconds": 15, "body_seconds": 30, "write_seconds": 20}
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Timer:
    at: float
    call: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True

    def __lt__(self, other: "Timer") -> bool:
        return self.at < other.at


@dataclass
class Clock:
    """An event loop's timers and tasks; time is moved by hand, and a task runs until it waits."""

    now: float = 0
    timers: list[Timer] = field(default_factory=list)

    def call_later(self, seconds, function, *arguments):
        timer = Timer(self.now + seconds, lambda: function(*arguments))
        heapq.heappush(self.timers, timer)
        return timer

    def create_task(self, coroutine):
        return asyncio.get_running_loop().create_task(coroutine)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        while self.timers and self.timers[0].at <= self.now:
            timer = heapq.heappop(self.timers)
            if not timer.cancelled:
                timer.call()


@dataclass
class Transport(asyncio.Transport):
    written: bytes = b""
    closed: bool = False
    aborted: bool = False
    address: str = "192.0.2.1"

    def get_extra_info(self, name, default=None):
        return (self.address, 1234) if name == "peername" else default

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.closed or self.aborted

    def close(self):
        self.closed = True

    def abort(self):
        self.aborted = True

    def pause_reading(self):
        """Nothing comes by itself."""

    resume_reading = pause_reading

    @property
    def statuses(self):
        return [int(line.split()[1]) for line in self.written.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


class Server:
    """Connections to an application that answers when ``go_on`` is set, without reading bodies unless it is told to."""

    def __init__(self, **limits):
        self.go_on = asyncio.Event()
        self.reads = False
        self.begun = 0
        self.connected = []
        self.clock = Clock()
        self.limits = ConnectionLimits(**LIMITS | limits)
        self.config = uvicorn.Config(
            self.app, interface="asgi3", lifespan="off", log_config=None, timeout_keep_alive=75
        )
        self.config.load()

    async def app(self, scope, receive, send):
        self.begun += 1
        while self.reads and (await receive()).get("more_body"):
            pass
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def connect(self, address="192.0.2.1"):
        protocol = LimitedHttp(self.config, ServerState(), {}, self.clock, limits=self.limits)
        transport = Transport(address=address)
        protocol.connection_made(transport)
        self.connected.append(protocol)
        return protocol, transport

    async def work(self):
        for _ in range(30):
            await asyncio.sleep(0)


@pytest.fixture
async def server():
    server = Server()
    yield server
    for protocol in server.connected:
        # As a real transport does at last; what still runs may end.
        protocol.connection_lost(None)
    server.go_on.set()
    await server.work()


async def test_a_request_in_pieces_is_answered_and_leaves_no_deadline(server):
    server.go_on.set()
    server.reads = True
    protocol, transport = server.connect()
    for piece in (b"POST /a HTT", b"P/1.1\r\nHost: x\r\nContent-Le", b"ngth: 5\r\n\r\nab", b"cde"):
        protocol.data_received(piece)
        await server.work()
        server.clock.advance(5)
    assert transport.statuses == [200]
    server.clock.advance(60)
    assert not transport.is_closing()
    server.clock.advance(60)
    assert transport.aborted, "kept alive for 75 s, and not longer"


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"a" * 3000,
        b"a: b\r\n" * 500,
        b"a: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        b"X-Long: " + b"a" * 3000 + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_large_headers_are_refused_however_they_arrive(server, head, size):
    protocol, transport = server.connect()
    sent = b"GET /a HTTP/1.1\r\nHost: x\r\n" + head
    for start in range(0, len(sent), size):
        protocol.data_received(sent[start : start + size])
    await server.work()
    assert (transport.statuses, transport.closed, server.begun) == ([431], True, 0)


async def test_a_long_url_is_refused(server):
    protocol, transport = server.connect()
    protocol.data_received(b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (transport.statuses, transport.closed) == ([431], True)


@pytest.mark.parametrize("tail", [b"X-Trailer: aaaaaaaaaaaaaaaaaa\r\n" * 200, b"0" * 4000])
async def test_framing_and_trailers_of_a_body_are_counted(server, tail):
    protocol, transport = server.connect()
    protocol.data_received(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    end = b"0\r\n" if tail.startswith(b"X") else b""
    for start in range(0, len(end + tail), 100):
        protocol.data_received((end + tail)[start : start + 100])
    assert transport.is_closing()


async def test_a_body_in_ordinary_chunks_is_taken(server):
    server.reads = True
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(200):
        protocol.data_received(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await server.work()
    protocol.data_received(b"0\r\n\r\n")
    await server.work()
    assert transport.statuses == [200]


async def test_few_requests_may_wait_and_one_more_ends_the_connection(server):
    protocol, transport = server.connect()
    protocol.data_received(GET * (1 + MAX_PIPELINED))
    await server.work()
    assert (server.begun, transport.is_closing()) == (1, False)
    protocol.data_received(GET)
    assert transport.closed
    protocol.connection_lost(None)
    server.connected.clear()
    server.go_on.set()
    await server.work()
    assert server.begun == 1, "what waited is not begun"


async def test_pipelined_requests_within_the_limit_are_all_answered(server):
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(GET * MAX_PIPELINED)
    await server.work()
    assert transport.statuses == [200] * MAX_PIPELINED


@pytest.mark.parametrize(
    ("sent", "seconds", "statuses"),
    [
        (b"", 15, []),
        (b"\r\n", 15, []),
        (b"GET /a HTTP/1.1\r\nX", 15, [408]),
        (b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", 30, []),
    ],
)
async def test_what_does_not_arrive_in_time_ends_the_connection(server, sent, seconds, statuses):
    protocol, transport = server.connect()
    if sent:
        protocol.data_received(sent)
    server.clock.advance(seconds - 0.1)
    assert not transport.is_closing()
    server.clock.advance(0.2)
    assert (transport.is_closing(), transport.statuses) == (True, statuses)


@pytest.mark.parametrize("piece", [b"\r\n", b"a"])
async def test_drops_at_long_intervals_do_not_keep_a_connection_open(server, piece):
    protocol, transport = server.connect()
    protocol.data_received(b"GET /" if piece == b"a" else piece)
    for _ in range(4):
        server.clock.advance(5)
        if transport.is_closing():
            break
        protocol.data_received(piece)
    assert transport.is_closing()


async def test_empty_lines_after_a_request_do_not_keep_a_connection_open(server):
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(GET)
    await server.work()
    for _ in range(10):
        server.clock.advance(5)
        if transport.is_closing():
            break
        protocol.data_received(b"\r\n")
    assert transport.is_closing()


async def test_a_body_that_nobody_wants_is_thrown_away_up_to_a_limit(server):
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
    await server.work()
    assert transport.statuses == [200]
    for number in range(40):
        assert transport.is_closing() == (number > 16)
        if transport.is_closing():
            break
        protocol.data_received(b"x" * 65_536)
    assert transport.statuses == [200], "the request has its answer"


async def test_a_request_that_was_answered_gets_no_second_answer_where_its_body_does_not_arrive(server):
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
    await server.work()
    server.clock.advance(31)
    assert (transport.statuses, transport.closed) == ([200], True)


@pytest.mark.parametrize(
    "rest", [b"zz\r\n", b"1;" + b"x" * 3000], ids=["chunks that cannot be parsed", "too much framing"]
)
async def test_a_request_that_was_answered_gets_no_second_answer_where_its_body_cannot_be_read(server, rest):
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    await server.work()
    protocol.data_received(rest)
    assert (transport.statuses, transport.closed) == ([200], True)


async def test_a_next_request_that_does_not_arrive_in_time_is_answered_after_the_one_before_it(server):
    server.go_on.set()
    protocol, transport = server.connect()
    protocol.data_received(GET + b"GET /b HTTP/1.1\r\nX")
    await server.work()
    server.clock.advance(16)
    assert (transport.statuses, transport.closed) == ([200, 408], True)


async def test_a_client_that_does_not_read_is_given_up(server):
    protocol, transport = server.connect()
    protocol.data_received(GET)
    await server.work()
    protocol.pause_writing()
    server.clock.advance(19)
    protocol.resume_writing()
    server.clock.advance(19)
    assert not transport.is_closing()
    protocol.pause_writing()
    server.clock.advance(21)
    assert transport.aborted


async def test_connections_are_limited_in_all_and_for_each_address_but_not_for_a_proxy():
    server = Server(connections=5, per_address=2, exempt=[ip_network("10.0.0.0/8")])
    ones = [server.connect("192.0.2.1") for _ in range(3)]
    assert [transport.aborted for _, transport in ones] == [False, False, True]
    for protocol, _ in ones:
        protocol.connection_lost(None)
    proxied = [server.connect("10.0.0.7") for _ in range(6)]
    assert [transport.aborted for _, transport in proxied] == [False] * 5 + [True]
    for protocol, _ in proxied:
        protocol.connection_lost(None)
    assert not server.connect("192.0.2.1")[1].aborted


async def test_what_is_no_http_is_answered_as_a_problem(server):
    protocol, transport = server.connect()
    protocol.data_received(b"\x16\x03\x01 hello\r\n\r\n")
    assert transport.statuses == [400]
    assert b"application/problem+json" in transport.written
