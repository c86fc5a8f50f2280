"""The compose file without containers: its jobs, then its eight programs, with their own settings, on real servers.

What a container would mount is put where the program finds it here, and the names of other containers are replaced
by addresses; everything else is as the file says.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
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
from aiokafka import AIOKafkaConsumer, TopicPartition

from backorder_local.local_parts import answers_ready, answers_smtp
from backorder_local.mail_catcher import caught_mails
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.processes import Child, Program, wait_until
from event_contracts import Topic
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
    ops: dict[str, int]
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
        given[target.upper()] = (secret_files / source).read_text()
    given[f"{prefix}_KAFKA_CA_PATH"] = str(secret_files / "ca.pem")
    # The PostgreSQL of this checkout is built without TLS; `test_database_tls.py` has the client's side of it.
    given = {name: text for name, text in given.items() if not name.startswith("PGSSL")}
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
    ops = {name: port() for name in ports}
    children = [_child("mail", ("backorder_local.mail_catcher", str(smtp), str(mails)), {}, directory)]
    try:
        for name, own_port in ports.items():
            replaced = {
                "HOST": LOOPBACK, "PORT": str(own_port), "OPS_HOST": LOOPBACK, "OPS_PORT": str(ops[name]),
                "KAFKA_BOOTSTRAP": broker.bootstrap, "KEYRING_PATH": str(secret_files / "keyring/keyring.json"),
                "SMTP_HOST": LOOPBACK, "SMTP_PORT": str(smtp), "HOLD_SECONDS": "0.2", "SETTLE_SECONDS": "0.2",
            }  # fmt: skip
            main = f"{name.partition('-')[0]}_service.entrypoints.main"
            children.append(_child(name, (main,), _environment(name, secret_files, replaced), directory))
        wait_until(lambda: answers_smtp(smtp), children[0], within=30)
        for child, own_port in zip(children[1:], ports.values(), strict=True):
            wait_until(lambda at=own_port: answers_ready(at), child, within=60)  # type: ignore[misc]
        yield Rehearsal(ports, ops, mails, (secret_files / "api_key").read_text())
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


async def _everything(broker: Broker) -> list[bytes]:
    """Every record of every public topic: its key, headers and value."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        security_protocol="SASL_SSL",
        ssl_context=ssl.create_default_context(cafile=broker.secrets / "ca.pem"),
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="admin",
        sasl_plain_password=broker.passwords["admin"],
    )
    await reader.start()
    try:
        partitions = json.loads((ROOT / "deploy/kafka/access.json").read_text())["partitions"]
        places = [TopicPartition(topic.value, number) for topic in Topic for number in range(partitions)]
        reader.assign(places)
        ends = await reader.end_offsets(places)
        assert sum(ends.values()) > 0, ends
        found: list[bytes] = []
        async with asyncio.timeout(60):
            while any([await reader.position(place) < end for place, end in ends.items()]):
                for records in (await reader.getmany(timeout_ms=500)).values():
                    found += [b"|".join([r.key or b"", repr(r.headers).encode(), r.value or b""]) for r in records]
        return found
    finally:
        await reader.stop()


async def test_personal_data_is_in_the_table_of_contacts_and_in_no_event_and_no_log(
    programs: Rehearsal, client: httpx.AsyncClient, broker: Broker
) -> None:
    """Canaries are put wherever a person may be named; then everything that is kept is searched for them."""
    canary = f"canary{uuid.uuid4().hex}"
    notification, order = programs.url("notification-api"), programs.url("order-api")
    inventory = programs.url("inventory-api")
    contact = {"email": f"{canary}@example.com", "locale": "en", "time_zone": "Europe/London"}
    await _ok(await client.put(f"{notification}/v1/contacts/c-7", json=contact))
    await _ok(await client.put(f"{inventory}/v1/locations/CAN", json={"name": "Canary Wharf", "priority": 5}))
    sku = {"name": "Lamp", "lead_time_days": 14, "selling_policy": {"mode": "backorder", "backorder_cap": 500}}
    await _ok(await client.put(f"{inventory}/v1/skus/CANARY-LAMP", json=sku))

    async def known() -> bool:
        answer = await client.get(f"{programs.url('allocation-api')}/v1/availability", params={"sku": "CANARY-LAMP"})
        return any(row["promise_date"] for row in (await _ok(answer))["data"])

    await eventually(known, timeout=30)
    body = {
        "reference": "WEB-CANARY", "customer_id": "c-7", "contact_id": "c-7", "metadata": {"note": canary},
        "lines": [{"sku": "CANARY-LAMP", "quantity": 2}],
    }  # fmt: skip
    asked = {"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=10"}
    placed = await _ok(await client.post(f"{order}/v1/orders", json=body, headers=asked))
    path = f"{order}/v1/orders/{placed['order_id']}"
    for refused in (
        await client.post(f"{order}/v1/orders", json={**body, "customer_id": f"{canary}@example.com"}, headers=asked),
        await client.put(f"{notification}/v1/contacts/{canary}@example.com", json=contact),
        await client.get(f"{order}/v1/orders", params={"cursor": canary, "reference": canary}),
        await client.get(f"{order}/v1/{canary}"),
    ):
        assert refused.status_code in {400, 404, 422}
        assert canary not in refused.text.replace(f"/v1/{canary}", "").replace(f"/v1/contacts/{canary}", "")
    await _ok(await client.post(f"{path}/cancel", json={"reason": f"{canary} moved away"}))
    await eventually(lambda: any(canary in str(mail["To"]) for _, mail in caught_mails(programs.mails)), timeout=30)
    await _ok(await client.get(f"{notification}/v1/notifications", params={"order_id": placed["order_id"]}))

    events = await _everything(broker)
    assert any(b"WEB-CANARY" in event for event in events), f"published, of {len(events)} events"
    assert not [event for event in events if canary.encode() in event]
    logs = {log.name: log.read_text() for log in programs.mails.parent.glob("*.log")}
    assert len(logs) > len(SERVICES)
    assert [name for name, text in logs.items() if canary in text] == []


@pytest.fixture(scope="module")
def proxy(programs: Rehearsal, secret_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reverse proxy with the file of the compose file, in front of the four APIs; its address."""
    directory = tmp_path_factory.mktemp("proxy")
    port = free_port(avoid=frozenset(programs.ports.values()))
    health = free_port(avoid=frozenset({port, *programs.ports.values()}))
    environment = {
        "BACKORDER_PROXY_ADDRESS": f":{port}",
        "BACKORDER_PROXY_HEALTH_PORT": str(health),
        "BACKORDER_PROXY_CERTIFICATE": str(secret_files / "proxy_certificate.pem"),
        "BACKORDER_PROXY_KEY": str(secret_files / "proxy_key.pem"),
        **{
            f"BACKORDER_PROXY_{service.upper()}": f"{LOOPBACK}:{programs.ports[f'{service}-api']}"
            for service in SERVICES
        },
        "XDG_CONFIG_HOME": str(directory),
        "XDG_DATA_HOME": str(directory),
    }
    [program, *arguments] = CONTAINERS["proxy"]["command"]
    caddy = str(Path(sys.executable).with_name(program))
    argv = (caddy, *(one.replace("/etc/caddy", str(ROOT / "deploy/proxy")) for one in arguments))
    child = Child(Program("proxy", argv, directory / "proxy.log", env=environment, cwd=directory))

    def healthy() -> bool:
        try:
            return httpx.get(f"http://{LOOPBACK}:{health}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(healthy, child, within=30)
        yield f"https://localhost:{port}"
    finally:
        child.kill()


@pytest.fixture(scope="module")
async def outside(proxy: str, programs: Rehearsal, secret_files: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client that comes from outside and trusts the installation's authority."""
    trust = ssl.create_default_context(cafile=secret_files / "ca.pem")
    headers = {"Authorization": f"Bearer {programs.key}"}
    async with httpx.AsyncClient(base_url=proxy, verify=trust, headers=headers, timeout=20) as client:
        yield client


async def test_the_four_apis_have_one_address_through_the_proxy(outside: httpx.AsyncClient) -> None:
    sku = {"name": "Lamp", "lead_time_days": 14, "selling_policy": {"mode": "backorder", "backorder_cap": 500}}
    await _ok(await outside.put("/v1/skus/PROXY-LAMP", json=sku))
    await _ok(await outside.get("/v1/availability", params={"sku": "PROXY-LAMP"}))
    await _ok(await outside.get("/v1/notifications"))

    async def known() -> bool:
        answer = await outside.get("/v1/availability", params={"sku": "PROXY-LAMP"})
        return any(row["known"] for row in (await _ok(answer))["data"])

    await eventually(known, timeout=30)

    async def placed() -> httpx.Response | None:
        body = {"reference": "PROXY-1", "lines": [{"sku": "PROXY-LAMP", "quantity": 1}]}
        answer = await outside.post("/v1/orders", json=body, headers={"Idempotency-Key": "proxy-1"})
        return answer if answer.status_code == 201 else None

    order = await eventually(placed, timeout=30)
    assert order is not None
    location = order.headers["Location"]
    assert location == f"/v1/orders/{order.json()['order_id']}"
    assert (await outside.get(location)).status_code == 200
    assert (await outside.get("/v1/orders", headers={"Authorization": ""})).status_code == 401


@pytest.mark.parametrize(
    "path", ["/metrics", "/readyz", "/livez", "/openapi.json", "/v1/parked-keys", "/v1/parked-keys/x/replay", "/"]
)
async def test_the_proxy_hides_what_is_for_those_who_run_the_services(outside: httpx.AsyncClient, path: str) -> None:
    answer = await outside.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


async def test_the_proxy_bounds_headers_and_bodies_and_takes_nothing_in_the_clear(
    outside: httpx.AsyncClient, proxy: str
) -> None:
    assert (await outside.get("/v1/orders", headers={"X-Long": "a" * 100_000})).status_code == 431
    large = await outside.post("/v1/orders", content=b" " * 3_000_000, headers={"Idempotency-Key": "large"})
    assert large.status_code == 413
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await client.get(proxy.replace("https:", "http:") + "/v1/orders")).status_code == 400
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{proxy}/v1/orders")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_worker_serves_health_and_metrics_and_no_api(
    programs: Rehearsal, client: httpx.AsyncClient, service: str
) -> None:
    worker, ops = programs.url(f"{service}-worker"), f"http://{LOOPBACK}:{programs.ops[f'{service}-worker']}"
    assert (await client.get(f"{ops}/readyz")).status_code == 200
    assert "outbox_rows" in (await client.get(f"{ops}/metrics")).text
    assert (await client.get(f"{worker}/metrics")).status_code == 404
    assert (await client.get(f"{worker}/v1/orders")).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
async def test_the_role_a_service_works_with_changes_rows_only_and_enters_no_other_database(
    migrated: PostgresServer, secret_files: Path, service: str
) -> None:
    url = (secret_files / f"{service}_database_url").read_text().replace("+asyncpg", "")
    app = await asyncpg.connect(url)
    try:
        assert await app.fetchval("SELECT count(*) FROM outbox") >= 0
        assert await app.fetchval("SHOW statement_timeout") == "1min"
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
