"""Merchants' endpoints: created, called, retried, rotated, switched off."""

import json
from datetime import date, timedelta

import pytest
from standardwebhooks import Webhook

from service_kit.testing import eventually

JUNE = date(2026, 6, 3)
PATH = "/v1/webhook-endpoints"


async def test_an_endpoint_gets_the_events_of_its_types_signed(world, sink, placed, answered):
    created = await world.endpoint(sink.url, "OrderBackordered")
    event = answered(waiting=5, promise=JUNE)
    await world.take(placed(), event)
    assert await world.call_endpoints() == 1
    [(headers, body)] = sink.requests
    message = Webhook(created["secret"]).verify(body, headers)
    assert (headers["webhook-id"], message["id"], message["type"]) == (event.id, event.id, "OrderBackordered")
    assert message["data"] == json.loads(event.value())
    shown = await world.get(f"{PATH}/{created['endpoint_id']}")
    assert (shown["health"]["state"], shown["health"]["pending"]) == ("healthy", 0)


async def test_an_endpoint_without_types_gets_all_and_outcomes_of_messages_too(world, sink, placed, answered):
    await world.endpoint(sink.url)
    await world.contact()
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    await world.call_endpoints()
    types = sorted(json.loads(body)["type"] for _, body in sink.requests)
    assert types == ["NotificationSent", "OrderBackordered", "OrderPlaced"]
    assert "example.com" not in repr(sink.requests)


async def test_an_event_that_comes_twice_is_delivered_once(world, sink, placed):
    await world.endpoint(sink.url)
    event = placed()
    for _ in range(3):
        await world.take(event)
    await world.call_endpoints()
    await world.take(event)
    await world.call_endpoints()
    assert len(sink.requests) == 1


async def test_a_failed_call_is_repeated_by_schedule_with_the_same_id(world, sink, placed):
    created = await world.endpoint(sink.url)
    sink.mode = "500"
    await world.take(placed())
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


async def test_calls_end_with_the_schedule(world, sink, placed):
    created = await world.endpoint(sink.url)
    sink.mode = "500"
    await world.take(placed())
    for _ in range(4):
        await world.call_endpoints(delays=[timedelta(seconds=5), timedelta(seconds=5)])
        world.clock.advance(timedelta(minutes=1))
    assert len(sink.requests) == 3
    [delivery] = (await world.get(f"{PATH}/{created['endpoint_id']}/deliveries"))["data"]
    assert (delivery["state"], delivery["last_error"]) == ("failed", "answered 500")


async def test_an_endpoint_that_hangs_holds_up_nobody_else(world, sink, placed):
    hanging = await world.endpoint(sink.url.replace("/hook", "/slow"))
    quick = await world.endpoint(sink.url)
    sink.mode = "hang"
    await world.take(placed())
    dispatcher = world.dispatcher()
    await dispatcher.dispatch_due()
    await eventually(lambda: len(sink.requests) == 2)
    sink.mode = "200"
    await world.take(placed(sequence=2))
    assert await dispatcher.dispatch_due() == 0, "both are still being called, one call at a time each"
    await dispatcher.drain()
    assert await dispatcher.dispatch_due() == 2
    await dispatcher.drain()
    for endpoint in (hanging, quick):
        deliveries = (await world.get(f"{PATH}/{endpoint['endpoint_id']}/deliveries"))["data"]
        assert sorted(d["state"] for d in deliveries) == ["delivered", "pending"]


async def test_long_failure_switches_an_endpoint_off_with_the_reason(world, sink, placed):
    created = await world.endpoint(sink.url)
    sink.mode = "500"
    await world.take(placed())
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


async def test_an_endpoint_that_says_gone_is_switched_off_at_once(world, sink, placed):
    created = await world.endpoint(sink.url)
    sink.mode = "410"
    await world.take(placed())
    await world.call_endpoints()
    assert (await world.get(f"{PATH}/{created['endpoint_id']}"))["disabled_reason"] == "endpoint_gone"


async def test_a_rotated_secret_signs_beside_the_old_one_for_a_while(world, sink, placed):
    created = await world.endpoint(sink.url)
    rotated = (await world.client.post(f"{PATH}/{created['endpoint_id']}/rotate")).json()
    assert rotated["secret"] != created["secret"]
    await world.take(placed())
    await world.call_endpoints()
    headers, body = sink.requests[-1]
    for secret in (created["secret"], rotated["secret"]):
        Webhook(secret).verify(body, headers)
    world.clock.advance(timedelta(hours=25))
    await world.take(placed(sequence=2))
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


async def test_a_test_message_tells_what_the_endpoint_answered(world, sink):
    created = await world.endpoint(sink.url)
    path = f"{PATH}/{created['endpoint_id']}/test"
    good = (await world.client.post(path)).json()
    assert (good["delivered"], good["status"]) == (True, 200)
    headers, body = sink.requests[0]
    assert Webhook(created["secret"]).verify(body, headers)["type"] == "webhook.test"
    sink.mode = "500"
    bad = (await world.client.post(path)).json()
    assert (bad["delivered"], bad["status"], bad["error"]) == (False, 500, "answered 500")
    assert (await world.get(f"{PATH}/{created['endpoint_id']}"))["health"]["state"] == "untried"


async def test_a_deleted_endpoint_is_called_no_more(world, sink, placed):
    created = await world.endpoint(sink.url)
    await world.take(placed())
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


async def test_old_webhooks_are_dropped_with_their_deliveries(world, sink, placed):
    await world.endpoint(sink.url)
    await world.take(placed())
    await world.call_endpoints()
    async with world.uow.transaction() as work:
        assert await work.deliveries.purge(world.clock.now() - timedelta(days=1), 100) == 0
        assert await work.deliveries.purge(world.clock.now() + timedelta(days=1), 100) == 1
    assert await world.rows("SELECT event_id FROM webhook_delivery") == []
