"""Notification on a real database, a real mail server and a real HTTP server as merchants' endpoint."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP
from tests.integration.notification.servers import MailCatcher, Sink
from tests.integration.notification.world import World

from notification_service.adapters.http_webhook_sender import HttpWebhookSender
from notification_service.adapters.smtp_mailer import MailServer, SmtpMailer
from notification_service.adapters.sql_unit_of_work import SqlNotificationUnitOfWork
from notification_service.bootstrap import wire
from notification_service.config import NotificationSettings
from notification_service.entrypoints.service import service_of
from notification_service.invariants import INVARIANTS
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.testing import FakeClock
from service_kit.testing.invariants import assert_invariants

GENEROUS_TIMEOUT = 60
"""Seconds that a call may take where its duration is not what is tested."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def units(service_database, clock: FakeClock) -> SqlUnitOfWorkFactory[SqlNotificationUnitOfWork]:
    return SqlUnitOfWorkFactory(await service_database("notification_service"), SqlNotificationUnitOfWork, clock)


@pytest.fixture
async def catcher_server() -> AsyncIterator[tuple[MailCatcher, int]]:
    catcher = MailCatcher()
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
    sink.release.set()
    server.close()


@pytest.fixture
def settings(catcher_server, tmp_path) -> Any:
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
async def world(units, clock, settings, catcher_server, tmp_path) -> AsyncIterator[World]:
    database = units.database
    url = database.engine.url.render_as_string(hide_password=False)
    catcher, port = catcher_server
    mailer = SmtpMailer(MailServer("127.0.0.1", port, "Shop <orders@shop.example>", timeout=GENEROUS_TIMEOUT), 4)
    sender = HttpWebhookSender(timeout=GENEROUS_TIMEOUT, allow_localhost=True)
    service = service_of(wire(settings(url), clock=clock, mailer=mailer, sender=sender))
    keyring = Keyring(tmp_path / "keyring.json")
    # All before the first request: services look at a changed keyring only now and then.
    secret, _ = keyring.create_key("test", sorted(SCOPES))
    keys = {
        "reader": keyring.create_key("reader", ["notifications:read"])[0],
        "ada": keyring.create_key("ada", ["notifications:read"], customer_id="ada")[0],
    }
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(service)),
        base_url="http://notification",
        headers={"Authorization": f"Bearer {secret}"},
    ) as client:
        yield World(clock, units, mailer, sender, service, client, keys, database, catcher)
    await assert_invariants(database, INVARIANTS)
    await mailer.close()
    await service.database.close()
