"""The sample's worker as a real process that is killed, frozen and cut off, on the real broker."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from backorder_local.kafka import KafkaBroker
from backorder_local.postgres import PostgresServer
from backorder_local.processes import Child, wait_until
from event_contracts import Event
from event_contracts.envelope import decode
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.metrics import RELAY_ERRORS
from service_kit.messaging.outbox import publish
from service_kit.messaging.relay import Relay
from service_kit.persistence.database import Database
from service_kit.persistence.migrations import upgrade
from service_kit.runtime.failpoints import EXIT_CODE, VARIABLE
from service_kit.testing.eventually import eventually
from service_kit.testing.running import running
from service_kit.testing.sample.service import (
    GROUP,
    MODULE,
    SampleHandler,
    applied,
    count,
    expected,
    order_events,
    subscription,
)
from service_kit.testing.topics import KafkaTopics, new_topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


class Worker:
    """One worker process of the sample."""

    def __init__(self, database: Database, topics: KafkaTopics, failpoint: str = "", relay_only: bool = False) -> None:
        environment = {
            "SAMPLE_DATABASE_URL": database.url,
            "SAMPLE_KAFKA_BOOTSTRAP": topics.kafka_bootstrap,
            "SAMPLE_TOPIC_PREFIX": topics.topic_prefix,
            **({VARIABLE: failpoint} if failpoint else {}),
            **({"SAMPLE_RELAY_ONLY": "1"} if relay_only else {}),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service_kit.testing.sample.worker"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
        )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, timeout: float = 30) -> int:
        await eventually(lambda: self.process.poll() is not None, timeout, reason="the process has not ended")
        return self.process.returncode

    def destroy(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@contextmanager
def worker(
    database: Database, topics: KafkaTopics, failpoint: str = "", *, relay_only: bool = False
) -> Iterator[Worker]:
    started = Worker(database, topics, failpoint, relay_only)
    try:
        yield started
    finally:
        started.destroy()


async def store(database: Database, events: Sequence[Event], at_once: int = 100) -> None:
    for start in range(0, len(events), at_once):
        async with database.transaction() as conn:
            await publish(conn, events[start : start + at_once])


async def is_applied(database: Database, events: Sequence[Event]) -> bool:
    return await applied(database) == expected(events)


async def quiet(database: Database) -> bool:
    return await count(database, "outbox") == 0


class Log:
    """A reader that keeps everything it has ever seen of a topic, as a foreign system does."""

    def __init__(self, topics: KafkaTopics, topic: str) -> None:
        self._source = topics.event_log().source("onlooker", [topic], self._nothing)
        self.ids: list[str] = []
        self.sequences: dict[str, list[int]] = defaultdict(list)

    async def _nothing(self) -> None:
        pass

    async def read(self) -> None:
        for record in await self._source.poll(0.1, 500):
            event = decode(record.headers, record.value)
            if event.id not in self.ids:
                self.sequences[event.key].append(event.sequence)
            self.ids.append(event.id)

    async def __aenter__(self) -> "Log":
        await self._source.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._source.stop()


async def answered(topics: KafkaTopics, events: Sequence[Event], topic: str = "allocations") -> list[str]:
    """Wait until the log shows, per key and in order, one answer for each event; all ids as they came."""
    async with Log(topics, topic) as log:

        async def complete() -> bool:
            await log.read()
            return dict(log.sequences) == expected(events)

        await eventually(complete, 20)
        return log.ids


@pytest.mark.parametrize(
    "failpoint", ["mid_handler", "before_db_commit", "after_db_commit", "before_offset_commit", "relay_after_ack"]
)
async def test_killed_anywhere_a_worker_s_successor_makes_it_whole(
    database: Database, kafka_topics: KafkaTopics, failpoint: str
) -> None:
    events = order_events(keys=12, each=30)
    await store(database, events)
    with worker(database, kafka_topics, failpoint) as victim:
        assert await victim.ended() == EXIT_CODE
    with worker(database, kafka_topics) as successor:
        await eventually(lambda: is_applied(database, events), 30)
        await eventually(lambda: quiet(database))
        successor.send(signal.SIGTERM)
        assert await successor.ended() == 0
    assert await count(database, "inbox") == len(events)
    await answered(kafka_topics, events)


async def test_a_relay_killed_after_the_acknowledgement_repeats_the_round_and_nothing_else(
    database: Database, kafka_topics: KafkaTopics
) -> None:
    events = order_events(keys=10, each=60)
    await store(database, events)
    with worker(database, kafka_topics, "relay_after_ack", relay_only=True) as victim:
        assert await victim.ended() == EXIT_CODE
    assert await count(database, "outbox") == len(events), "nothing was deleted"
    with worker(database, kafka_topics, relay_only=True):
        await eventually(lambda: quiet(database), 30)
    ids = await answered(kafka_topics, events, "orders")
    assert len(ids) == len(events) + 500


async def test_a_relay_killed_in_the_middle_of_a_round_keeps_the_order(
    database: Database, kafka_topics: KafkaTopics
) -> None:
    events = order_events(keys=10, each=60)
    await store(database, events)
    with worker(database, kafka_topics, "relay_mid_batch:2", relay_only=True) as victim:
        # The second round has 100 rows: 500 and 50 are in the log by then.
        assert await victim.ended() == EXIT_CODE
    assert await count(database, "outbox") == 100
    with worker(database, kafka_topics, relay_only=True):
        await eventually(lambda: quiet(database), 30)
    ids = await answered(kafka_topics, events, "orders")
    assert len(ids) == len(events) + 50


async def test_a_poison_event_whose_parking_was_cut_off_is_parked_by_the_successor(
    database: Database, kafka_topics: KafkaTopics
) -> None:
    good = order_events(keys=3, each=3)
    bad = Event(**{**{name: getattr(good[0], name) for name in Event.__slots__}, "id": "bad", "key": "bad"})
    producer = kafka_topics.event_log().producer()
    await producer.start()
    await (await producer.send("orders", b"bad", b"{", bad.headers()))
    await producer.stop()
    await store(database, good)
    await kafka_topics.create(["orders.sample.dlq"], partitions=1)
    with worker(database, kafka_topics, "before_park_commit") as victim:
        assert await victim.ended() == EXIT_CODE
    assert await count(database, "parked_event") == 0
    with worker(database, kafka_topics):
        await eventually(lambda: is_applied(database, good), 30)

        async def parked() -> bool:
            return await count(database, "parked_event WHERE mirrored") == 1

        await eventually(parked, 20)


async def test_of_two_relays_the_frozen_one_is_replaced_and_may_come_back(
    database: Database, kafka_topics: KafkaTopics
) -> None:
    early, late = order_events(keys=6, each=20), order_events(keys=6, each=20, prefix="late")
    with worker(database, kafka_topics, relay_only=True) as first:
        await store(database, early)
        await eventually(lambda: quiet(database), 30)
        first.send(signal.SIGSTOP)
        # In its place the server would end the silent session after 15 s; here it is told to.
        await eventually(lambda: end_relay(database))
        async with running(Relay(database, kafka_topics.event_log().producer).run):
            await store(database, late)
            await eventually(lambda: quiet(database), 20)
            first.send(signal.SIGCONT)
            more = order_events(keys=6, each=20, prefix="more")
            await store(database, more)
            await eventually(lambda: quiet(database), 20)
        await store(database, last := order_events(keys=2, each=20, prefix="last"))
        await eventually(lambda: quiet(database), 20)
        first.send(signal.SIGTERM)
        assert await first.ended() == 0
    await answered(kafka_topics, [*early, *late, *more, *last], "orders")


async def end_relay(database: Database) -> bool:
    async with database.transaction() as conn:
        ended = await conn.execute(
            text(
                "SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'backorder relay'"
            )
        )
        return bool(ended.scalar_one())


async def test_a_frozen_consumer_loses_its_partitions_and_does_no_harm_when_it_thaws(
    database: Database, kafka_topics: KafkaTopics
) -> None:
    first_half, second_half = order_events(keys=12, each=20), order_events(keys=12, each=20, prefix="p")
    with worker(database, kafka_topics) as first:
        await store(database, first_half)
        await eventually(lambda: is_applied(database, first_half), 30)
        first.send(signal.SIGSTOP)
        await end_relay(database)
        with worker(database, kafka_topics):
            await store(database, second_half)
            await eventually(lambda: is_applied(database, [*first_half, *second_half]), 60)
            first.send(signal.SIGCONT)
            third = order_events(keys=12, each=10, prefix="q")
            await store(database, third)
            everything = [*first_half, *second_half, *third]
            await eventually(lambda: is_applied(database, everything), 60)
            await eventually(lambda: quiet(database), 20)
    assert await count(database, "inbox") == len(everything)


async def test_backends_ended_again_and_again_cost_no_event(database: Database, kafka_topics: KafkaTopics) -> None:
    events = order_events(keys=20, each=60)
    storm = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name IN ('storm', 'backorder relay')"
    )
    victim = Database(database.url, pool_size=3, application_name="storm")
    bus = kafka_topics.event_log()
    consumer = Consumer(victim, kafka_topics, subscription(), GROUP, event_log=bus)
    async with running(consumer.run, Relay(victim, bus.producer, batch=100).run):
        for start in range(0, len(events), 200):
            await store(database, events[start : start + 200])
            for _ in range(3):
                before = await count(database, "applied")
                async with database.transaction() as conn:
                    await conn.execute(storm)
                target = min(before + 20, start + 200)

                async def moved_on(target: int = target) -> bool:
                    return await count(database, "applied") >= target

                await eventually(moved_on, 30)
        await eventually(lambda: is_applied(database, events), 30)
        await eventually(lambda: quiet(database), 30)
    await victim.close()
    assert await count(database, "parked_key") == 0
    await answered(kafka_topics, events)


def start(server: KafkaBroker | PostgresServer) -> None:
    server.adopt(Child(server.prepare()))
    wait_until(server.ready, server.child, within=60)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker that tests kill or freeze, and start or wake again before they end."""
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"), session_timeout_ms=1_000)
    start(broker)
    try:
        yield broker
    finally:
        broker.kill()


async def test_a_broker_that_is_killed_and_comes_back_costs_no_event(
    database: Database, own_broker: KafkaBroker
) -> None:
    topics = new_topics(own_broker.bootstrap)
    await topics.create()
    before, during, after = (order_events(keys=10, each=30, prefix=prefix) for prefix in "abc")
    bus = topics.event_log()
    consumer = Consumer(database, topics, subscription(), GROUP, event_log=bus)
    async with running(consumer.run, Relay(database, bus.producer).run):
        await store(database, before)
        await eventually(lambda: is_applied(database, before), 30)
        await store(database, during[:100])
        own_broker.kill()
        await store(database, during[100:])
        assert await count(database, "outbox") > 0, "orders are taken while the broker is down"
        await asyncio.to_thread(start, own_broker)
        await eventually(lambda: is_applied(database, [*before, *during]), 60)
        await store(database, after)
        await eventually(lambda: is_applied(database, [*before, *during, *after]), 30)
        await eventually(lambda: quiet(database), 20)
    await answered(topics, [*before, *during, *after])


async def test_a_broker_that_freezes_costs_no_event_and_no_order(database: Database, own_broker: KafkaBroker) -> None:
    topics = new_topics(own_broker.bootstrap)
    await topics.create()
    before, during = order_events(keys=10, each=30), order_events(keys=10, each=90, prefix="d")
    bus = topics.event_log()
    consumer = Consumer(database, topics, subscription(), GROUP, event_log=bus)
    async with running(consumer.run, Relay(database, bus.producer, batch=100, ack_timeout=2).run):
        await store(database, before)
        await eventually(lambda: is_applied(database, before), 30)
        await store(database, during[:300])
        assert own_broker.child is not None
        os.kill(own_broker.child.pid, signal.SIGSTOP)
        failed = RELAY_ERRORS._value.get()
        await store(database, during[300:])
        # The relay gives a round up at least once, with a new producer, while nothing answers.
        await eventually(lambda: RELAY_ERRORS._value.get() > failed, 30)
        os.kill(own_broker.child.pid, signal.SIGCONT)
        await eventually(lambda: is_applied(database, [*before, *during]), 60)
        await eventually(lambda: quiet(database), 20)
    await answered(topics, [*before, *during])
    await answered(topics, [*before, *during], "orders")


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A database server, not started yet, that a test stops and starts again."""
    # Not below pytest's directory: each run of pytest closes that to the account that the server has under root.
    with tempfile.TemporaryDirectory(prefix="backorder-tests-") as directory:
        Path(directory).chmod(0o711)
        server = PostgresServer(Path(directory) / "postgres", durable=True)
        try:
            yield server
        finally:
            server.kill()


async def test_a_database_that_is_stopped_and_comes_back_costs_no_event(
    kafka_topics: KafkaTopics, own_postgres: PostgresServer
) -> None:
    server = own_postgres
    await asyncio.to_thread(start, server)
    url = server.url.replace("postgresql://", "postgresql+asyncpg://")
    await asyncio.to_thread(upgrade, MODULE, url)
    database = Database(url, pool_size=4)
    before, during = order_events(keys=10, each=30), order_events(keys=10, each=60, prefix="p")
    bus = kafka_topics.event_log()
    consumer = Consumer(database, kafka_topics, subscription(SampleHandler()), GROUP, event_log=bus)
    async with running(consumer.run, Relay(database, bus.producer, batch=100).run):
        await store(database, before)
        await eventually(lambda: is_applied(database, before), 30)
        await store(database, during)
        assert server.child is not None
        # Immediate shutdown: what was in memory only is gone, as after a crash.
        server.child.process.send_signal(signal.SIGQUIT)
        await asyncio.to_thread(server.child.process.wait, 20)
        await asyncio.to_thread(start, server)

        async def recovered() -> bool:
            try:
                return await is_applied(database, [*before, *during]) and await quiet(database)
            except (TimeoutError, OSError) as error:
                raise AssertionError(repr(error)) from error

        await eventually(recovered, 60)
    await answered(kafka_topics, [*before, *during])
    await database.close()
