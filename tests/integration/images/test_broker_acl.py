"""On a real broker with the containers' settings each service can do what it needs, and nothing else."""

import asyncio
import json
import os
import secrets
import stat
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import CreateAclsRequest

from backorder_local.kafka_jars import ensure_jars, find_java
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.processes import Child, Program, wait_until
from service_kit.bus import Partition, Record
from service_kit.kafka import KafkaSource, connection_options
from service_kit.testing.topics import KafkaTopics

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[3]
ACCESS_FILE = ROOT / "deploy/kafka/access.json"
ACCESS = json.loads(ACCESS_FILE.read_text())
SERVICES = tuple(ACCESS["services"])

_TOOLS = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}
_EVERY_TOPIC = (
    *ACCESS["topics"],
    *(f"{topic}.{service}.dlq" for service, duties in ACCESS["services"].items() for topic in duties["reads"]),
)
_TOPIC_DENIED, _CLUSTER_DENIED = 29, 31


@dataclass(frozen=True)
class Broker:
    """A running broker with its accounts."""

    bootstrap: str
    passwords: dict[str, str]
    secrets: Path
    log: Path

    def account(self, name: str) -> KafkaTopics:
        """How the principal of this name reaches the broker."""
        return KafkaTopics(
            self.bootstrap,
            topic_prefix="",
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_username=name,
            kafka_sasl_password=self.passwords[name],
        )


def _kafka_home(directory: Path) -> Path:
    """What the image has below /opt/kafka, as far as `start` uses it."""
    class_path = ":".join(str(jar) for jar in ensure_jars())
    (directory / "bin").mkdir(parents=True)
    for name, main in _TOOLS.items():
        program = directory / "bin" / name
        options = "-Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
        program.write_text(f'#!/bin/sh\nexec {find_java()} {options} $KAFKA_LOG4J_OPTS -cp {class_path} {main} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return directory


def _write_secrets(directory: Path) -> dict[str, str]:
    directory.mkdir()
    passwords = {name: secrets.token_hex(16) for name in ("admin", *SERVICES)}
    for name, password in passwords.items():
        (directory / f"kafka_{name}_password").write_text(password)
    return passwords


@pytest.fixture(scope="session")
def started_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker of the compose file, nothing prepared yet."""
    directory = tmp_path_factory.mktemp("broker")
    passwords = _write_secrets(directory / "secrets")
    port = free_port()
    environment = {
        "KAFKA_HOME": str(_kafka_home(directory / "home")),
        "BACKORDER_KAFKA_CONFIG": str(ROOT / "deploy/kafka"),
        "BACKORDER_KAFKA_SECRETS": str(directory / "secrets"),
        "BACKORDER_KAFKA_DATA": str(directory / "data"),
        "BACKORDER_KAFKA_BIND": LOOPBACK,
        "BACKORDER_KAFKA_HOST": LOOPBACK,
        "BACKORDER_KAFKA_PORT": str(port),
        "BACKORDER_KAFKA_CONTROLLER_PORT": str(free_port(avoid=frozenset({port}))),
    }
    log = directory / "broker.log"
    child = Child(Program("kafka", (str(ROOT / "deploy/kafka/start"),), log, env=environment, cwd=directory))
    try:
        wait_until(lambda: "Kafka Server started" in log.read_text(), child, within=60)
        yield Broker(f"{LOOPBACK}:{port}", passwords, directory / "secrets", log)
    finally:
        child.kill()


def _run_prepare(broker: Broker) -> str:
    """Run the job of the compose file as it is run there; what it said."""
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/kafka/prepare.py", ACCESS_FILE],
        env=os.environ
        | {
            "BACKORDER_KAFKA_BOOTSTRAP": broker.bootstrap,
            "BACKORDER_KAFKA_ADMIN_PASSWORD_FILE": str(broker.secrets / "kafka_admin_password"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def broker(started_broker: Broker) -> Broker:
    """The broker with topics and rights as the job leaves them."""
    _run_prepare(started_broker)
    return started_broker


def _may_write(service: str) -> set[str]:
    duties = ACCESS["services"][service]
    return {*duties["writes"], *(f"{topic}.{service}.dlq" for topic in duties["reads"])}


async def _send(account: KafkaTopics, topic: str, value: bytes = b"{}") -> None:
    """One record through the kit's idempotent producer, acknowledged."""
    producer = account.bus().producer()
    await producer.start()
    try:
        await asyncio.wait_for(await producer.send(topic, b"key", value, []), 10)
    finally:
        await producer.abandon()


@asynccontextmanager
async def _source(account: KafkaTopics, group: str, topics: list[str]) -> AsyncIterator[KafkaSource]:
    async def nothing() -> None:
        return

    source = account.bus().source(group, topics, nothing)
    try:
        await source.start()
        yield source
    finally:
        await source.stop()


async def _receive(source: KafkaSource, value: bytes, topics: list[str]) -> list[Record]:
    """A record with this value from each of the topics."""
    seen: dict[str, Record] = {}
    async with asyncio.timeout(20):
        while seen.keys() != set(topics):
            seen |= {record.topic: record for record in await source.poll(0.2, 500) if record.value == value}
    return list(seen.values())


@asynccontextmanager
async def _admin(account: KafkaTopics) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**connection_options(account))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_writes_its_own_topic_and_its_dead_letters_and_no_other(broker: Broker, service: str) -> None:
    account = broker.account(service)
    for topic in _may_write(service):
        await _send(account, topic)
    for topic in set(_EVERY_TOPIC) - _may_write(service):
        with pytest.raises(TopicAuthorizationFailedError):
            await _send(account, topic)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reads_what_it_handles_as_its_own_group_and_commits(broker: Broker, service: str) -> None:
    mark = uuid.uuid4().bytes
    reads = ACCESS["services"][service]["reads"]
    await asyncio.gather(*(_send(broker.account("admin"), topic, mark) for topic in reads))
    async with _source(broker.account(service), service, reads) as source:
        records = await _receive(source, mark, reads)
        await source.commit({Partition(record.topic, record.partition): record.offset + 1 for record in records})


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reads_no_topic_that_it_does_not_handle(broker: Broker, service: str) -> None:
    for topic in set(_EVERY_TOPIC) - set(ACCESS["services"][service]["reads"]):
        await _denied(TopicAuthorizationFailedError, broker.account(service), service, topic)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_cannot_join_the_group_of_another(broker: Broker, service: str) -> None:
    topic = ACCESS["services"][service]["reads"][0]
    for other in {*SERVICES, "anything"} - {service}:
        await _denied(GroupAuthorizationFailedError, broker.account(service), other, topic)


async def _denied(error: type[Exception], account: KafkaTopics, group: str, topic: str) -> None:
    async def read() -> None:
        async with _source(account, group, [topic]) as source, asyncio.timeout(10):
            while True:
                await source.poll(0.2, 10)

    with pytest.raises(error):
        await read()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_makes_and_removes_no_topics_and_gives_no_rights(broker: Broker, service: str) -> None:
    own = ACCESS["services"][service]["writes"][0]
    async with _admin(broker.account(service)) as admin:
        made = (await admin.create_topics([NewTopic("mine", 1, 1)])).to_object()["topic_errors"]
        assert [told["error_code"] for told in made] == [_TOPIC_DENIED]
        removed = (await admin.delete_topics([own])).to_object()["topic_error_codes"]
        assert [told["error_code"] for told in removed] == [_TOPIC_DENIED]
        grant = CreateAclsRequest(2, "orders", 3, f"User:{service}", "*", 2, 3)
        given = (await admin._send_request(grant)).to_object()["creation_responses"]
        assert [told["error_code"] for told in given] == [_CLUSTER_DENIED]


@pytest.mark.parametrize("change", [{"kafka_sasl_password": "wrong"}, {"kafka_sasl_username": "nobody"}])
async def test_a_wrong_password_or_name_is_refused(broker: Broker, change: dict[str, str]) -> None:
    with pytest.raises(KafkaConnectionError):
        await _send(replace(broker.account("order"), **change), "orders")  # type: ignore[arg-type]


async def test_nobody_gets_in_without_signing_in(broker: Broker) -> None:
    anonymous = replace(
        broker.account("order"),
        kafka_security_protocol="PLAINTEXT",
        kafka_sasl_username=None,
        kafka_sasl_password=None,
    )
    with pytest.raises((KafkaConnectionError, TimeoutError)):
        await _send(anonymous, "orders")


async def test_preparing_again_changes_nothing(broker: Broker) -> None:
    assert _run_prepare(broker) == "created no topics; gave 0 rights, took away 0\n"


async def test_preparing_takes_away_what_a_service_has_beyond_the_file(broker: Broker) -> None:
    async with _admin(broker.account("admin")) as admin:
        # Inventory may write everything that begins with "orders", by a prefixed right and not a literal one.
        await admin._send_request(CreateAclsRequest(2, "orders", 4, "User:inventory", "*", 4, 3))
    await _send(broker.account("inventory"), "orders")

    assert "took away 1" in _run_prepare(broker)
    with pytest.raises(TopicAuthorizationFailedError):
        await _send(broker.account("inventory"), "orders")


def test_no_password_is_in_the_log(broker: Broker) -> None:
    log = broker.log.read_text()
    assert "Kafka Server started" in log
    assert not [name for name, password in broker.passwords.items() if password in log]
    assert "storedKey" not in log
