"""The PostgreSQL and the Kafka that everything local runs on."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from backorder_local.databases import DatabaseAccess, provision
from backorder_local.devservers import ServerPair
from backorder_local.processes import StartFailed
from backorder_local.topics import TopicsNotCreated, create_topics, dead_letter_topics

SERVICES = ("order", "inventory")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerPair]:
    # Below a directory that only its owner may pass, as a home directory is: the hardest place to run from.
    directory = tmp_path_factory.mktemp("pair")
    servers = ServerPair(directory)
    servers.start()
    yield servers
    servers.stop()
    shutil.rmtree(servers.postgres.data.resolve())


@pytest.fixture
async def access(pair: ServerPair) -> dict[str, DatabaseAccess]:
    passwords = {f"backorder_{name}_{duty}": f"{name}'s {duty}" for name in SERVICES for duty in ("owner", "app")}
    return await provision(pair.postgres.url, SERVICES, passwords)


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_the_application_role_works_with_rows_of_tables_that_the_owner_makes(
    access: dict[str, DatabaseAccess],
) -> None:
    async with connected(access["order"].owner_url) as owner:
        await owner.execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept (id bigint GENERATED ALWAYS AS IDENTITY)")
    async with connected(access["order"].app_url) as app:
        await app.execute("INSERT INTO kept DEFAULT VALUES")
        assert await app.fetchval("SELECT count(*) FROM kept") == 1
        await app.execute("DELETE FROM kept")


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (id int)", "CREATE TEMP TABLE mine (id int)", "TRUNCATE kept2", "DROP TABLE kept2"]
)
async def test_the_application_role_may_not_change_the_schema(
    access: dict[str, DatabaseAccess], statement: str
) -> None:
    async with connected(access["order"].owner_url) as owner:
        await owner.execute("CREATE TABLE IF NOT EXISTS kept2 (id int)")
    async with connected(access["order"].app_url) as app:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)


@pytest.mark.parametrize("database", ["backorder_inventory", "postgres", "template1"])
async def test_a_service_reaches_no_database_but_its_own(access: dict[str, DatabaseAccess], database: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(access["order"].app_url.rpartition("/")[0] + "/" + database)


async def test_a_wrong_password_is_refused(pair: ServerPair) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://postgres:wrong@127.0.0.1:{pair.postgres.port}/postgres")


async def test_committed_rows_survive_kill_9_of_the_database(
    pair: ServerPair, access: dict[str, DatabaseAccess]
) -> None:
    async with connected(access["inventory"].owner_url) as owner:
        await owner.execute("CREATE TABLE survivor AS SELECT 7 AS id")
        busy = await asyncpg.connect(access["inventory"].owner_url)
        await busy.execute("BEGIN; INSERT INTO survivor VALUES (8)")
        pair.postgres.kill()
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await busy.close(timeout=1)
    pair.postgres.start()
    async with connected(access["inventory"].owner_url) as owner:
        assert await owner.fetch("SELECT id FROM survivor") == [(7,)]


async def test_acknowledged_messages_survive_kill_9_of_the_broker(pair: ServerPair) -> None:
    bootstrap = pair.kafka.bootstrap
    await create_topics(bootstrap)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        sent = await producer.send_and_wait("orders", b"kept", partition=0)
    pair.kafka.kill()
    assert pair.kafka.start() == bootstrap, "a broker comes back where its clients know it"
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        place = TopicPartition("orders", 0)
        consumer.assign([place])
        consumer.seek(place, sent.offset)
        assert (await consumer.getone()).value == b"kept"


async def test_every_topic_and_dead_letter_topic_is_created_once(pair: ServerPair) -> None:
    await create_topics(pair.kafka.bootstrap)
    assert await create_topics(pair.kafka.bootstrap) == []
    admin = AIOKafkaAdminClient(bootstrap_servers=pair.kafka.bootstrap)
    await admin.start()
    try:
        topics = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()
    assert topics["orders"] == topics["inventory"] == topics["allocations"] == topics["notifications"] == 12
    assert {topic for topic in topics if topic.endswith(".dlq")} == set(dead_letter_topics())
    assert "allocations.order.dlq" in topics


async def test_a_topic_that_the_broker_refuses_is_named(pair: ServerPair) -> None:
    with pytest.raises(TopicsNotCreated, match="not allowed!"):
        await create_topics(pair.kafka.bootstrap, extra=["not allowed!"])


def test_a_server_that_cannot_start_shows_its_log(place: Path) -> None:
    pair = ServerPair(place)
    pair.postgres.prepare()
    (pair.postgres.data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StartFailed, match="no_such_setting"):
        pair.postgres.start()
