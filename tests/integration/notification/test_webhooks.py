"""Merchants' endpoints: created, called, retried, rotated, switched off."""

import asyncio
import json
from datetime import timedelta

import pytest
from standardwebhooks import Webhook
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE

from notification_service.application.webhooks.queue_webhooks import queue_webhooks
from service_kit.testing import eventually

PATH = "/v1/webhook-endpoints"


async def test_an_endpoint_gets_the_events_of_its_types_signed(world, sink):
    created = await world.new_endpoint(sink.url, "OrderBackordered")
    placed, event = world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE))
    await world.apply(placed, event)
    assert await world.call_endpoints() == 1
    [(headers, body)] = sink.requests
    message = Webhook(created["secret"]).verify(body, headers)
    assert (headers["webhook-id"], message["id"], message["type"]) == (event.id, event.id, "OrderBackordered")
    assert message["data"] == json.loads(event.value())
    shown = await world.get(f"{PATH}/{created['endpoint_id']}")
    assert (shown["health"]["state"], shown["health"]["pending"]) == ("healthy", 0)


async def test_an_endpoint_without_types_gets_all_and_outcomes_of_messages_too(world, sink):
    await world.new_endpoint(sink.url)
    await world.contact()
    await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose_and_send()
    await world.call_endpoints()
    types = sorted(json.loads(body)["type"] for _, body in sink.requests)
    assert types == ["NotificationSent", "OrderBackordered", "OrderPlaced"]
    assert "example.com" not in repr(sink.requests)


async def test_a_failed_call_is_repeated_by_schedule_with_the_same_id(world, sink):
    created = await world.new_endpoint(sink.url)
    sink.mode = "500"
    await world.apply(world.placed())
    await world.call_endpoints()
    assert await world.call_endpoints() == 0
    shown = await world.get(f"{PATH}/{created['endpoint_id']}")
    assert (shown["health"]["state"], shown["health"]["last_status"]) == ("failing", 500)
    sink.mode = "200"
    world.clock.advance(timedelta(seconds=7))
    assert await world.call_endpoints() == 1
    first, second = (headers["webhook-id"] for headers, _ in sink.requests)
    assert first == second
    [delivery] = (await world.get(f"{PATH}/{created['endpoint_id']}/deliveries"))["data"]
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("delivered", 2, 200)


async def test_an_endpoint_that_hangs_holds_up_nobody_else(world, sink):
    slow = await world.new_endpoint(sink.url.replace("/hook", "/slow"))
    quick = await world.new_endpoint(sink.url)
    sink.hanging.add("/slow")

    async def states(endpoint):
        deliveries = (await world.get(f"{PATH}/{endpoint['endpoint_id']}/deliveries"))["data"]
        return [delivery["state"] for delivery in deliveries]

    async def quick_is_delivered():
        return await states(quick) == ["delivered"]

    await world.apply(world.placed())
    dispatcher = world.dispatcher()
    assert await dispatcher.dispatch_webhooks() == 2
    await eventually(quick_is_delivered, 60)
    await world.apply(world.amended())
    assert await dispatcher.dispatch_webhooks() == 1, "one endpoint is still being called, one call at a time"
    sink.release.set()
    await dispatcher.drain()
    assert await dispatcher.dispatch_webhooks() == 1
    await dispatcher.drain()
    assert await states(quick) == ["delivered", "delivered"]
    assert await states(slow) == ["pending", "pending"]


async def test_recording_calls_does_not_wait_for_those_who_queue_deliveries(world, sink, units):
    created = await world.new_endpoint(sink.url)
    await world.apply(world.placed())
    async with units.begin() as uow:
        # The foreign key locks the endpoint's row until this transaction ends.
        await queue_webhooks(uow, [world.amended()])
        async with asyncio.timeout(60):
            assert await world.call_endpoints() == 1
        await uow.commit()
    deliveries = (await world.get(f"{PATH}/{created['endpoint_id']}/deliveries"))["data"]
    assert sorted(delivery["state"] for delivery in deliveries) == ["delivered", "pending"]


async def test_long_failure_switches_an_endpoint_off_with_the_reason(world, sink):
    created = await world.new_endpoint(sink.url)
    sink.mode = "500"
    await world.apply(world.placed())
    await world.call_endpoints()
    world.clock.advance(timedelta(days=5, seconds=1))
    await world.call_endpoints()
    shown = await world.get(f"{PATH}/{created['endpoint_id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing_for_too_long")
    world.clock.advance(timedelta(days=1))
    assert await world.call_endpoints() == 0
    stale = await world.client.patch(f"{PATH}/{created['endpoint_id']}", json={"enabled": True})
    assert stale.status_code == 428
    answer = await world.client.patch(
        f"{PATH}/{created['endpoint_id']}", json={"enabled": True}, headers={"If-Match": f'"{shown["version"]}"'}
    )
    assert (answer.json()["enabled"], answer.json()["health"]["state"]) == (True, "untried")
    sink.mode = "200"
    assert await world.call_endpoints() == 1


async def test_a_rotated_secret_signs_together_with_the_old_one_for_a_while(world, sink):
    created = await world.new_endpoint(sink.url)
    rotated = (await world.client.post(f"{PATH}/{created['endpoint_id']}/rotate")).json()
    assert rotated["secret"] != created["secret"]
    await world.apply(world.placed())
    await world.call_endpoints()
    headers, body = sink.requests[-1]
    for secret in (created["secret"], rotated["secret"]):
        Webhook(secret).verify(body, headers)
    world.clock.advance(timedelta(hours=25))
    await world.apply(world.amended())
    await world.call_endpoints()
    headers, body = sink.requests[-1]
    Webhook(rotated["secret"]).verify(body, headers)
    assert len(headers["webhook-signature"].split(" ")) == 1


async def test_the_secret_is_shown_at_creation_only(world, sink):
    first = await world.post(PATH, {"url": sink.url}, key="once")
    again = await world.post(PATH, {"url": sink.url}, key="once")
    assert first.json()["secret"].startswith("whsec_")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.json()["endpoint_id"], again.json()["secret"]) == (first.json()["endpoint_id"], None)
    secret = first.json()["secret"]
    assert secret not in json.dumps(await world.get(PATH))
    assert len((await world.get(PATH))["data"]) == 1
    other = await world.post(PATH, {"url": sink.url, "description": "other"}, key="once")
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_test_message_tells_what_the_endpoint_allocated(world, sink):
    created = await world.new_endpoint(sink.url)
    path = f"{PATH}/{created['endpoint_id']}/test"
    good = (await world.client.post(path)).json()
    assert (good["delivered"], good["status"]) == (True, 200)
    headers, body = sink.requests[0]
    assert Webhook(created["secret"]).verify(body, headers)["type"] == "webhook.test"
    sink.mode = "500"
    bad = (await world.client.post(path)).json()
    assert (bad["delivered"], bad["status"], bad["error"]) == (False, 500, "answered 500")
    assert (await world.get(f"{PATH}/{created['endpoint_id']}"))["health"]["state"] == "untried"


async def test_a_deleted_endpoint_is_called_no_more(world, sink):
    created = await world.new_endpoint(sink.url)
    await world.apply(world.placed())
    assert (await world.client.delete(f"{PATH}/{created['endpoint_id']}")).status_code == 204
    assert await world.call_endpoints() == 0
    await world.get(f"{PATH}/{created['endpoint_id']}", status=404)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://shop.example.com/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "nonsense"}, "/url"),
        ({"url": "https://shop.example.com/", "event_types": ["OrderPlaced", "Nothing"]}, "/event_types/1"),
    ],
)
async def test_a_bad_endpoint_is_refused_with_the_field_named(world, body, pointer):
    answer = await world.post(PATH, body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await world.get(PATH))["data"] == []
