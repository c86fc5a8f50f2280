"""A network between service and database that is slow and resets connections in the middle of messages."""

import random

import pytest
from sqlalchemy import make_url

from service_kit.messaging.consumer import Consumer
from service_kit.messaging.outbox import publish
from service_kit.messaging.relay import Relay
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.proxy import TcpProxy
from service_kit.testing.running import running
from service_kit.testing.sample.service import GROUP, applied, count, expected, order_events, subscription
from service_kit.testing.topics import new_topics

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("seed", [1, 2])
async def test_resets_in_the_middle_of_messages_cost_no_event_and_repeat_none(database: Database, seed: int) -> None:
    choice = random.Random(seed)
    bus = InMemoryEventLog()
    events = order_events(keys=10, each=80)
    url = make_url(database.url)
    async with TcpProxy(url.host or "127.0.0.1", url.port or 5432) as proxy:
        behind = Database(url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False), pool_size=3)
        proxy.latency = 0.002
        consumer = Consumer(behind, new_topics("unused:1"), subscription(), GROUP, event_log=bus, longest_pause=0.05)
        async with running(consumer.run, Relay(behind, bus.producer, batch=50).run):
            for start in range(0, len(events), 50):
                async with database.transaction() as conn:
                    await publish(conn, events[start : start + 50])
                before = proxy.resets
                proxy.reset_after(choice.randint(1, 60_000))
                await eventually(lambda before=before: proxy.resets > before, 20)  # type: ignore[misc]

            async def complete() -> bool:
                return await applied(database) == expected(events) and await count(database, "outbox") == 0

            await eventually(complete, 30)
        await behind.close()
    assert proxy.resets >= 16
    assert await count(database, "parked_key") == 0
    assert await count(database, "applied") == len(events)
