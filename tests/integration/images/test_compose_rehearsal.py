"""The compose file without containers: its jobs, then its eight programs, with their own settings, on real servers.

What a container would mount is put where the program finds it here, and the names of other containers are replaced
by addresses; everything else is as the file says.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
import yaml

from backorder_local.local_parts import answers_ready, answers_smtp
from backorder_local.mail_catcher import caught_mails
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.processes import Child, Program, wait_until
from service_kit.persistence.migrations import upgrade
from service_kit.testing.eventually import eventually

if TYPE_CHECKING:
    from backorder_local.postgres import PostgresServer

    from .conftest import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

ROOT = Path(__file__).resolve().parents[3]
CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SERVICES = ("order", "inventory", "allocation", "notification")


@dataclass(frozen=True)
class Rehearsal:
    """The running programs."""

    ports: dict[str, int]
    mails: Path
    key: str

    def url(self, program: str) -> str:
        """Where the program listens."""
        return f"http://{LOOPBACK}:{self.ports[program]}"


def _environment(name: str, secret_files: Path, replaced: dict[str, str]) -> dict[str, str]:
    """The container's environment with its secrets, and addresses for the names of containers."""
    container = CONTAINERS[name]
    prefix = name.rpartition("-")[0].upper()
    given = {variable: re.sub(r"\$\{\w+:-(.*)}", r"\1", text) for variable, text in container["environment"].items()}
    for secret in container["secrets"]:
        source, target = (secret["source"], secret["target"]) if isinstance(secret, dict) else (secret, secret)
        if target != "keyring.json":
            given[target.upper()] = (secret_files / source).read_text()
    return given | {f"{prefix}_{setting}": text for setting, text in replaced.items()}


@pytest.fixture(scope="module")
def migrated(database_server: PostgresServer, secret_files: Path) -> PostgresServer:
    """The databases after the migrate jobs, all at once as there."""
    jobs = []
    for service in SERVICES:
        _, program, module, file = CONTAINERS[f"{service}-migrate"]["command"]
        here = ROOT / program.replace("/app/bin", "deploy/docker"), module, secret_files / Path(file).name
        jobs.append(subprocess.Popen([sys.executable, *here], stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    said = [job.communicate(timeout=120)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0, 0], said
    return database_server


@pytest.fixture(scope="module")
def programs(
    migrated: PostgresServer, broker: Broker, secret_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsal]:
    """All eight programs, ready, and something that catches mail."""
    directory = tmp_path_factory.mktemp("programs")
    taken: set[int] = set()

    def port() -> int:
        taken.add(free := free_port(avoid=frozenset(taken)))
        return free

    mails, smtp = directory / "mails", port()
    mails.mkdir()
    ports = {f"{service}-{role}": port() for service in SERVICES for role in ("api", "worker")}
    children = [_child("mail", ("backorder_local.mail_catcher", str(smtp), str(mails)), {}, directory)]
    try:
        for name, own_port in ports.items():
            replaced = {
                "HOST": LOOPBACK, "PORT": str(own_port), "KAFKA_BOOTSTRAP": broker.bootstrap,
                "KEYRING_PATH": str(secret_files / "keyring.json"), "SMTP_HOST": LOOPBACK, "SMTP_PORT": str(smtp),
                "HOLD_SECONDS": "0.2", "SETTLE_SECONDS": "0.2",
            }  # fmt: skip
            main = f"{name.partition('-')[0]}_service.entrypoints.main"
            children.append(_child(name, (main,), _environment(name, secret_files, replaced), directory))
        wait_until(lambda: answers_smtp(smtp), children[0], within=30)
        for child, own_port in zip(children[1:], ports.values(), strict=True):
            wait_until(lambda at=own_port: answers_ready(at), child, within=60)  # type: ignore[misc]
        yield Rehearsal(ports, mails, (secret_files / "api_key").read_text())
    finally:
        for child in children:
            child.kill()


def _child(name: str, arguments: tuple[str, ...], env: dict[str, str], directory: Path) -> Child:
    faster = {"PYTHONDONTWRITEBYTECODE": ""}
    argv = (sys.executable, "-m", *arguments)
    return Child(Program(name, argv, directory / f"{name}.log", env=faster | env, cwd=directory))


@pytest.fixture(scope="module")
async def client(programs: Rehearsal) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {programs.key}"}, timeout=20) as client:
        yield client


async def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    return dict(answer.json())


async def test_an_order_is_promised_allocated_and_told_through_api_and_worker_containers(
    programs: Rehearsal, client: httpx.AsyncClient
) -> None:
    inventory, order = programs.url("inventory-api"), programs.url("order-api")
    await _ok(await client.put(f"{inventory}/v1/locations/LON", json={"name": "London", "priority": 10}))
    sku = {"name": "Lamp", "lead_time_days": 14, "selling_policy": {"mode": "backorder", "backorder_cap": 500}}
    await _ok(await client.put(f"{inventory}/v1/skus/LAMP", json=sku))
    contact = {"email": "ada@example.com", "locale": "en", "time_zone": "Europe/London"}
    await _ok(await client.put(f"{programs.url('notification-api')}/v1/contacts/ada", json=contact))

    async def for_sale() -> bool:
        answer = await client.get(f"{programs.url('allocation-api')}/v1/availability", params={"sku": "LAMP"})
        return any(row["promise_date"] for row in (await _ok(answer))["data"])

    await eventually(for_sale, timeout=30)
    body = {
        "reference": "WEB-1", "customer_id": "ada", "contact_id": "ada",
        "lines": [{"sku": "LAMP", "quantity": 3, "unit_price": {"amount": 4999, "currency": "GBP"}}],
    }  # fmt: skip
    asked = {"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=10"}
    placed = await _ok(await client.post(f"{order}/v1/orders", json=body, headers=asked))
    assert placed["lines"][0]["quantity_backordered"] == 3

    receipt = {
        "reference": "GRN-1", "location_id": "LON", "kind": "return", "lines": [{"sku": "LAMP", "quantity": 10}],
    }  # fmt: skip
    asked = {"Idempotency-Key": uuid.uuid4().hex}
    await _ok(await client.post(f"{inventory}/v1/receipts", json=receipt, headers=asked))

    async def allocated() -> bool:
        found = await _ok(await client.get(f"{order}/v1/orders/{placed['order_id']}"))
        return bool(found["lines"][0]["quantity_allocated"] == 3)

    await eventually(allocated, timeout=30)
    await eventually(lambda: len(caught_mails(programs.mails)) >= 1, timeout=30)
    assert {mail["To"] for _, mail in caught_mails(programs.mails)} == {"ada@example.com"}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_worker_serves_health_and_metrics_and_no_api(
    programs: Rehearsal, client: httpx.AsyncClient, service: str
) -> None:
    worker = programs.url(f"{service}-worker")
    assert (await client.get(f"{worker}/readyz")).status_code == 200
    assert "outbox_rows" in (await client.get(f"{worker}/metrics")).text
    assert (await client.get(f"{worker}/v1/orders")).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
async def test_the_role_a_service_works_with_changes_rows_only_and_enters_no_other_database(
    migrated: PostgresServer, secret_files: Path, service: str
) -> None:
    url = (secret_files / f"{service}_database_url").read_text().replace("+asyncpg", "")
    app = await asyncpg.connect(url)
    try:
        assert await app.fetchval("SELECT count(*) FROM outbox") >= 0
        for refused in ("CREATE TABLE mine (id int)", "TRUNCATE outbox", "DROP TABLE outbox", "CREATE TEMP TABLE t ()"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(refused)
    finally:
        await app.close()
    for other in (*(f"backorder_{name}" for name in SERVICES if name != service), "postgres"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(url.rpartition("/")[0] + f"/{other}")


async def test_migrating_again_changes_nothing(migrated: PostgresServer, secret_files: Path) -> None:
    url = (secret_files / "order_migration_database_url").read_text()
    await asyncio.to_thread(upgrade, "order_service", url)
