"""Notification on a real database, a real mail server and a real HTTP server as merchants' endpoint."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import text

import notification_service.entrypoints.service
from event_contracts import (
    AllocationLine,
    AllocationState,
    Event,
    OrderLine,
    OrderState,
    Promise,
    new_event,
)
from event_contracts.envelope import decode
from event_contracts.sources import NOTIFICATION_SOURCE
from notification_service.adapters.mail import MailServer, SmtpMailer
from notification_service.adapters.rendering import TemplateRenderer
from notification_service.adapters.webhook_client import HttpWebhookSender
from notification_service.adapters.work import SqlUnitOfWork
from notification_service.application.dispatching import Dispatcher
from notification_service.application.telling import MailPlan, deliver_due, gather_due
from notification_service.application.waking import settle_waiting
from notification_service.application.webhooks import WebhookPlan
from notification_service.config import NotificationSettings
from notification_service.invariants import INVARIANTS
from service_kit.hosting.service import Service
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.messaging.outbox import unpack_headers
from service_kit.persistence.database import Database
from service_kit.testing import FakeClock
from service_kit.testing.invariants import assert_invariants

PLACED_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
JUNE = date(2026, 6, 3)


@dataclass
class Catcher:
    """What the mail server got; addresses in ``refuse`` are answered with their code."""

    messages: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    refuse_data: int | None = None
    sessions: set[int] = field(default_factory=set)

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options) -> str:  # noqa: N802
        code = self.refuse.get(address)
        if code is not None:
            return f"{code} <{address}> is not wanted here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        if self.refuse_data is not None:
            return f"{self.refuse_data} no"
        self.sessions.add(id(session))
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def templates(self) -> list[str]:
        return [message["X-Backorder-Template"] for message in self.messages]


@dataclass
class Sink:
    """A merchant's endpoint; ``mode`` says how it behaves."""

    url: str = ""
    mode: str = "200"
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = {"path": lines[0].split(" ")[1]}
            headers |= {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
            body = (await reader.readexactly(int(headers["content-length"]))).decode()
            self.requests.append((headers, body))
            self.arrived.set()
            if self.mode == "hang":
                await reader.read()
            elif self.mode == "endless":
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                    await writer.drain()
            elif self.mode == "302":
                where = self.url.replace("/hook", "/elsewhere")
                writer.write(f"HTTP/1.1 302 Found\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n".encode())
            else:
                writer.write(f"HTTP/1.1 {self.mode} X\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@dataclass
class World:
    """The service and its surroundings; time stands still."""

    service: Service
    client: httpx.AsyncClient
    keys: dict[str, str]
    database: Database
    clock: FakeClock
    catcher: Catcher
    mailer: SmtpMailer
    sender: HttpWebhookSender
    numbers: Any = field(default_factory=itertools.count)

    @property
    def uow(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self.database)

    async def take(self, *events: Event) -> None:
        """Handle events as the consumer does: in one transaction."""
        assert self.service.subscription is not None
        async with self.database.transaction() as conn:
            await self.service.subscription.handler(conn, events)

    async def gather(self, after: timedelta = timedelta(hours=1)) -> int:
        self.clock.advance(after)
        return await gather_due(self.uow, self.clock)

    async def deliver(self, **plan: Any) -> int:
        given = {"batch": 100, "lease": timedelta(minutes=5), "contact_wait": timedelta(hours=24), **plan}
        return await deliver_due(self.uow, TemplateRenderer("shop.example"), self.mailer, self.clock, MailPlan(**given))

    async def tell(self) -> list[str]:
        """Gather and deliver; the templates that arrived by this."""
        before = len(self.catcher.messages)
        await self.gather()
        await self.deliver()
        return self.catcher.templates()[before:]

    async def settle(self) -> int:
        return await settle_waiting(self.uow, self.clock)

    def dispatcher(self, **plan: Any) -> Dispatcher:
        given = {"per_endpoint": 8, "lease": timedelta(minutes=1), "patience": timedelta(days=5), **plan}
        return Dispatcher(self.uow, self.sender, self.clock, WebhookPlan(**given))

    async def call_endpoints(self, **plan: Any) -> int:
        dispatcher = self.dispatcher(**plan)
        count = await dispatcher.dispatch_due()
        await dispatcher.drain()
        return count

    async def contact(self, contact_id: str = "c1", **body: Any) -> httpx.Response:
        given = {"email": f"{contact_id}@example.com", "locale": "en-GB", "time_zone": "Europe/London", **body}
        return await self.client.put(f"/v1/contacts/{contact_id}", json=given)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"key-{next(self.numbers)}"}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        response = await self.client.get(path, params=params)
        assert response.status_code == status, response.text
        return response.json()

    async def endpoint(self, url: str, *types: str) -> Any:
        response = await self.post("/v1/webhook-endpoints", {"url": url, "event_types": list(types)})
        assert response.status_code == 201, response.text
        return response.json()

    async def notifications(self, order_id: str = "o1") -> list[Any]:
        data: list[Any] = (await self.get("/v1/notifications", order_id=order_id))["data"]
        return data

    async def events(self) -> list[Event]:
        """What stands in the outbox."""
        async with self.database.reading() as conn:
            rows = await conn.execute(text("SELECT headers, value FROM outbox ORDER BY id"))
            found = [decode(unpack_headers(row.headers), row.value) for row in rows]
        assert all(event.source == NOTIFICATION_SOURCE for event in found)
        return found

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.reading() as conn:
            return list((await conn.execute(text(statement), values)).all())


def order_event(
    name: str = "OrderPlaced",
    *,
    order_id: str = "o1",
    sequence: int = 1,
    contact_id: str | None = "c1",
    lines: tuple[OrderLine, ...] | None = None,
    **more: Any,
) -> Event:
    state = OrderState(
        order_id=order_id,
        sequence=sequence,
        reference=f"R-{order_id}",
        placed_at=PLACED_AT,
        updated_at=PLACED_AT,
        contact_id=contact_id,
        lines=lines or (OrderLine(line_id=f"{order_id}-1", sku="lamp", quantity=5),),
        **more,
    )
    return new_event(name, state, source="test", sequence=sequence)


def allocation_event(
    name: str = "OrderBackordered",
    *,
    order_id: str = "o1",
    line: int = 1,
    version: int = 1,
    allocated: int = 0,
    waiting: int = 0,
    declined: int = 0,
    promise: date | None = None,
) -> Event:
    answered = AllocationLine(
        line_id=f"{order_id}-{line}",
        sku="lamp",
        line_version=version,
        allocated={"main": allocated} if allocated else {},
        waiting=waiting,
        declined=declined,
        promise=Promise(date=promise, revision=version, cause="test") if waiting else None,
    )
    state = AllocationState(order_id=order_id, basis=1, decision_id="d", decided_at=PLACED_AT, lines=(answered,))
    return new_event(name, state, source="test", sequence=version)


@pytest.fixture
def placed() -> Any:
    """Makes events of orders."""
    return order_event


@pytest.fixture
def answered() -> Any:
    """Makes events of allocation."""
    return allocation_event


@pytest.fixture
async def catcher_server() -> AsyncIterator[tuple[Catcher, int]]:
    catcher = Catcher()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(catcher, hostname="catcher", loop=loop), "127.0.0.1", 0)
    yield catcher, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield sink
    server.close()


@pytest.fixture
def settings(service_database, catcher_server, tmp_path) -> Any:
    """Makes settings on a database address."""

    def make(url: str, **more: Any) -> NotificationSettings:
        given = {
            "kafka_bootstrap": "unused:9092",
            "keyring_path": tmp_path / "keyring.json",
            "smtp_port": catcher_server[1],
            "local_mode": True,
            **more,
        }
        return NotificationSettings(database_url=url, **given)

    return make


@pytest.fixture
async def world(service_database, settings, catcher_server, tmp_path) -> AsyncIterator[World]:
    database = await service_database("notification_service")
    url = database.engine.url.render_as_string(hide_password=False)
    clock = FakeClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
    service = notification_service.entrypoints.service.build(settings(url), clock=clock)
    keyring = Keyring(tmp_path / "keyring.json")
    # All before the first request: services look at a changed keyring only now and then.
    secret, _ = keyring.create_key("test", sorted(SCOPES))
    keys = {
        "reader": keyring.create_key("reader", ["notifications:read"])[0],
        "ada": keyring.create_key("ada", ["notifications:read"], customer_id="ada")[0],
    }
    catcher, port = catcher_server
    mailer = SmtpMailer(MailServer("127.0.0.1", port, "Shop <orders@shop.example>", timeout=5), 4)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(service)),
        base_url="http://notification",
        headers={"Authorization": f"Bearer {secret}"},
    ) as client:
        sender = HttpWebhookSender(timeout=0.5, allow_localhost=True)
        yield World(service, client, keys, database, clock, catcher, mailer, sender)
    await assert_invariants(database, INVARIANTS)
    await mailer.close()
    await service.database.close()
