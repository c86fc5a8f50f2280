"""A small real service: one creating POST through the command batcher, on the real database."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Response
from sqlalchemy import text
from tests.integration.kit_web.processes import Running, begin, free_port

from event_contracts import new_event_id
from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.http.api_keys import Keyring, Principal
from service_kit.http.app import create_app
from service_kit.http.authentication import require
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.problems import conflict
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.runtime.settings import ServiceSettings

SAMPLE = "service_kit.testing.sample"


class MakeThing(RequestModel):
    name: str


class Thing(ResponseModel):
    thing_id: str
    name: str


@dataclass(frozen=True)
class Make:
    thing_id: str
    name: str


@dataclass
class Maker:
    """Executes commands; each hook lets a test stand in the middle of a transaction."""

    batches: list[int] = field(default_factory=list)
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, uow, commands: Sequence[Make]):
        self.batches.append(len(commands))
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if any(command.name == "defect" for command in commands):
            raise ValueError("a defect of the program")
        good = [command for command in commands if command.name != "refused"]
        await uow.connection.execute(
            text(
                "INSERT INTO applied (event_id, name, key, sequence) SELECT id, name, name, 1"
                " FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[])) AS t (id, name)"
            ),
            {"ids": [command.thing_id for command in good], "names": [command.name for command in good]},
        )
        return [
            conflict("refused", "Not now.") if command.name == "refused" else command.thing_id for command in commands
        ]


def things_router(database: Database, batcher: CommandBatcher[Make, str]) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things", status_code=201)
    async def make_thing(
        principal: Annotated[Principal, require("orders:write")],
        key: Annotated[str, idempotency_key()],
        body: MakeThing,
        response: Response,
    ) -> Thing:
        thing_id = new_event_id()
        claim = IdempotencyClaim(principal.key_id, "make_thing", key, fingerprint(body), thing_id)
        submitted = await batcher.submit(Make(thing_id, body.name), claim)
        mark_replayed(response, submitted)
        async with database.reading() as connection:
            row = (
                await connection.execute(
                    text("SELECT event_id, name FROM applied WHERE event_id = :id"), {"id": submitted.resource_id}
                )
            ).one()
        return Thing(thing_id=row.event_id, name=row.name)

    return router


@dataclass
class App:
    client: httpx.AsyncClient
    maker: Maker
    database: Database
    keyring: Keyring
    service: Service


@pytest.fixture
async def database(service_database) -> Database:
    return await service_database(SAMPLE)


@pytest.fixture
def keyring(tmp_path) -> Keyring:
    return Keyring(tmp_path / "keyring.json")


@pytest.fixture
async def two_apps(database, keyring, tmp_path) -> AsyncIterator[list[App]]:
    """Two application instances, as two processes would be: their own pools, one database and keyring."""
    secret, _ = keyring.create_key("test", ["orders:write", "orders:read"])
    url = database.engine.url.render_as_string(hide_password=False)
    apps = []
    for _ in range(2):
        settings = ServiceSettings(
            database_url=url, kafka_bootstrap="unused:9092", keyring_path=tmp_path / "keyring.json"
        )
        own, maker = Database(url), Maker()
        service = Service(
            name="sample",
            settings=settings,
            database=own,
            api=Api([things_router(own, CommandBatcher.on(SqlUnitOfWorkFactory(own, SqlUnitOfWork), maker))]),
            migrations=SAMPLE,
        )
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(service)),
            base_url="http://sample",
            headers={"Authorization": f"Bearer {secret}"},
        )
        apps.append(App(client, maker, own, keyring, service))
    yield apps
    for app in apps:
        await app.client.aclose()
        await app.database.close()


@pytest.fixture
async def start(database, keyring, tmp_path) -> AsyncIterator[Callable[..., Running]]:
    """Starts the sample service as a process, with settings of its own."""
    secret, _ = keyring.create_key("test", ["ops"])
    started: list[Running] = []

    def start_one(**settings: str) -> Running:
        port, ops_port = int(settings.pop("port", free_port())), int(settings.pop("ops_port", free_port()))
        environment = {
            "SAMPLE_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
            "SAMPLE_KAFKA_BOOTSTRAP": os.environ.get("BACKORDER_TEST_KAFKA", "127.0.0.1:1"),
            "SAMPLE_KEYRING_PATH": str(tmp_path / "keyring.json"),
            "SAMPLE_PORT": str(port),
            "SAMPLE_OPS_PORT": str(ops_port),
            **{f"SAMPLE_{name.upper()}": value for name, value in settings.items()},
        }
        started.append(begin(environment, secret, tmp_path / f"log-{len(started)}", port, ops_port))
        return started[-1]

    yield start_one
    for running in started:
        await running.client.aclose()
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
