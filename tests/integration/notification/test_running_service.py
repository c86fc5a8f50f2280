"""The whole service on the real broker: events in, mail and webhook out, outcomes announced."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE, CustomerOrders

import notification_service.entrypoints.service
from event_contracts import new_event_id
from event_contracts.envelope import decode
from service_kit.hosting.running import serve
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.testing import eventually


async def send(bus, *events):
    producer = bus.producer()
    await producer.start()
    for event in events:
        await (await producer.send(event.topic, event.key.encode(), event.value(), event.headers()))
    await producer.stop()


@pytest.mark.kafka
async def test_events_become_mail_and_webhooks_and_a_replay_adds_nothing(  # noqa: PLR0917 - fixtures
    service_database, settings, kafka_topics, catcher_server, sink, tmp_path, unused_tcp_port
):
    catcher, _ = catcher_server
    database = await service_database("notification_service")
    url = database.engine.url.render_as_string(hide_password=False)
    secret, _ = Keyring(tmp_path / "keyring.json").create_key("test", sorted(SCOPES))
    configured = settings(
        url,
        kafka_bootstrap=kafka_topics.kafka_bootstrap,
        topic_prefix=kafka_topics.topic_prefix,
        hold_seconds=0.2,
        settle_seconds=0.4,
        sweep_seconds=0.05,
        port=unused_tcp_port,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(serve(notification_service.entrypoints.service.build(configured), stop=stop))
    address, headers = f"http://127.0.0.1:{unused_tcp_port}", {"Authorization": f"Bearer {secret}"}
    try:
        async with httpx.AsyncClient(base_url=address, headers=headers) as client:

            async def ready():
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready, 20)
            body = {"email": "c1@example.com", "locale": "de-DE", "time_zone": "Europe/Berlin"}
            assert (await client.put("/v1/contacts/c1", json=body)).status_code == 201
            hook = {"url": sink.url, "event_types": ["NotificationSent"]}
            made = await client.post("/v1/webhook-endpoints", json=hook, headers={"Idempotency-Key": "hook"})
            assert made.status_code == 201
            orders = CustomerOrders()
            history = [
                orders.placed(),
                orders.answered(LineAnswer(waiting=5, promise=JUNE)),
                orders.answered(LineAnswer(allocated=5), name="BackorderAllocated"),
            ]
            bus = kafka_topics.event_log()
            await send(bus, *history[:2])
            await eventually(lambda: catcher.templates() == ["placed_on_backorder"], 30)
            await send(bus, history[2])
            await eventually(lambda: catcher.templates() == ["placed_on_backorder", "allocated"], 30)
            await eventually(lambda: len(sink.requests) == 2, 30)
            assert {json.loads(body)["type"] for _, body in sink.requests} == {"NotificationSent"}

            # The same facts again under new ids, as after a lost inbox: the states know better.
            again = [
                *(replace(event, id=new_event_id()) for event in history),
                orders.placed("o2"),
                orders.answered(LineAnswer(waiting=1, promise=JUNE), order_id="o2"),
            ]
            await send(bus, *again)
            await eventually(lambda: len(catcher.messages) >= 3, 30)
            assert catcher.templates() == ["placed_on_backorder", "allocated", "placed_on_backorder"]
    finally:
        stop.set()
        assert await asyncio.wait_for(running, 30) is False
    outcomes = await announced(kafka_topics)
    assert [event.name for event in outcomes] == ["NotificationSent"] * 3
    assert [event.sequence for event in outcomes if event.key == "o1"] == [1, 2]


async def announced(kafka_topics):
    source = kafka_topics.event_log().source("reader", ["notifications"], on_revoked=_nothing)
    await source.start()
    found = []
    try:

        async def three():
            found.extend(await source.poll(0.2, 100))
            return len(found) >= 3

        await eventually(three, 20)
    finally:
        await source.stop()
    return [decode(list(record.headers), record.value) for record in found]


async def _nothing():
    """No partitions are shared."""
