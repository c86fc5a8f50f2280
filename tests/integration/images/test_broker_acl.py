"""On a real broker with the containers' settings each service can do what it needs, and nothing else."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import CreateAclsRequest

from service_kit.messaging.event_log import Partition, Record
from service_kit.messaging.kafka import KafkaSource, connection_options
from service_kit.testing.topics import KafkaTopics

if TYPE_CHECKING:
    from .conftest import Broker

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.kafka

ACCESS = json.loads((Path(__file__).resolve().parents[3] / "deploy/kafka/access.json").read_text())
SERVICES = tuple(ACCESS["services"])
_EVERY_TOPIC = (
    *ACCESS["topics"],
    *(f"{topic}.{service}.dlq" for service, duties in ACCESS["services"].items() for topic in duties["reads"]),
)
_TOPIC_DENIED, _CLUSTER_DENIED = 29, 31


def _may_write(service: str) -> set[str]:
    duties = ACCESS["services"][service]
    return {*duties["writes"], *(f"{topic}.{service}.dlq" for topic in duties["reads"])}


async def _send(account: KafkaTopics, topic: str, value: bytes = b"{}") -> None:
    """One record through the kit's idempotent producer, acknowledged."""
    producer = account.event_log().producer()
    await producer.start()
    try:
        await asyncio.wait_for(await producer.send(topic, b"key", value, []), 10)
    finally:
        await producer.abandon()


@asynccontextmanager
async def _source(account: KafkaTopics, group: str, topics: list[str]) -> AsyncIterator[KafkaSource]:
    async def nothing() -> None:
        return

    source = account.event_log().source(group, topics, nothing)
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


async def test_a_password_is_not_taken_in_the_clear(broker: Broker) -> None:
    plain = replace(broker.account("order"), kafka_security_protocol="SASL_PLAINTEXT", kafka_ca_path=None)
    with pytest.raises((KafkaConnectionError, TimeoutError)):
        await _send(plain, "orders")


async def test_a_broker_whose_certificate_is_of_another_authority_is_told_no_password(
    broker: Broker, tmp_path: Path
) -> None:
    make = (sys.executable, ROOT / "deploy/docker/make-secrets", "--directory", tmp_path / "other")
    subprocess.run(make, check=True, capture_output=True)
    with pytest.raises((KafkaConnectionError, TimeoutError)):
        await _send(replace(broker.account("order"), kafka_ca_path=tmp_path / "other/ca.pem"), "orders")


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
    assert broker.prepare() == "created no topics; gave 0 rights, took away 0\n"


async def test_preparing_takes_away_what_a_service_has_beyond_the_file(broker: Broker) -> None:
    async with _admin(broker.account("admin")) as admin:
        # Inventory may write everything that begins with "orders", by a prefixed right and not a literal one.
        await admin._send_request(CreateAclsRequest(2, "orders", 4, "User:inventory", "*", 4, 3))
    await _send(broker.account("inventory"), "orders")

    assert "took away 1" in broker.prepare()
    with pytest.raises(TopicAuthorizationFailedError):
        await _send(broker.account("inventory"), "orders")


def test_no_password_is_in_the_log(broker: Broker) -> None:
    log = broker.log.read_text()
    assert "Kafka Server started" in log
    assert not [name for name, password in broker.passwords.items() if password in log]
    assert "storedKey" not in log
