"""Delivering webhooks: to whom, how often, and when an endpoint is switched off."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE
from tests.unit.notification.in_memory_stores import InMemoryUnits
from tests.unit.notification.scenario import WEBHOOK_RULES

from notification_service.application.webhooks.change_webhook_endpoint import (
    ChangeWebhookEndpoint,
    change_webhook_endpoint,
)
from notification_service.application.webhooks.delete_webhook_endpoint import delete_webhook_endpoint
from notification_service.application.webhooks.purge_webhooks import purge_webhooks
from notification_service.application.webhooks.rotate_webhook_secret import rotate_webhook_secret
from notification_service.application.webhooks.send_test_webhook import send_test_webhook
from notification_service.domain.webhook_endpoints import VersionRequired, WebhookEndpointNotFound
from service_kit.commands.execute import execute
from service_kit.commands.expected_version import ExpectedVersion, VersionMismatch
from service_kit.testing import eventually

URL = "https://shop.example.com/hook"
SLOW = "https://slow.example.com/hook"


async def delivered(scenario, created):
    """Whether nothing is pending for the endpoint."""
    return (await scenario.endpoint(created.endpoint.endpoint_id)).pending == 0


def types_of(sender):
    return sorted(json.loads(request.body)["type"] for request in sender.requests)


async def test_an_endpoint_gets_the_events_of_its_types(scenario, sender):
    created = await scenario.create_endpoint(URL, "OrderBackordered")
    placed, event = scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE))
    await scenario.apply(placed, event)
    assert await scenario.call_endpoints() == 1
    [request] = sender.requests
    message = json.loads(request.body)
    assert (request.url, request.secrets) == (URL, (created.secret,))
    assert (request.message_id, message["id"], message["type"]) == (event.id, event.id, "OrderBackordered")
    assert message["data"] == json.loads(event.value())
    overview = await scenario.endpoint(created.endpoint.endpoint_id)
    assert (overview.endpoint.last_success_at is not None, overview.pending) == (True, 0)


async def test_an_endpoint_without_types_gets_all_events_and_those_of_notifications_too(scenario, sender):
    await scenario.create_endpoint(URL)
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.call_endpoints()
    assert types_of(sender) == ["NotificationSent", "OrderBackordered", "OrderPlaced"]
    assert "example.com" not in repr([request.body for request in sender.requests])


async def test_an_event_that_comes_twice_is_delivered_once(scenario, sender):
    await scenario.create_endpoint(URL)
    event = scenario.placed()
    for _ in range(3):
        await scenario.apply(event)
    await scenario.call_endpoints()
    await scenario.apply(event)
    await scenario.call_endpoints()
    assert len(sender.requests) == 1


async def test_a_failed_call_is_repeated_by_the_schedule_with_the_same_id(scenario, sender, clock):
    created = await scenario.create_endpoint(URL)
    endpoint_id = created.endpoint.endpoint_id
    sender.respond(500)
    await scenario.apply(scenario.placed())
    await scenario.call_endpoints()
    assert await scenario.call_endpoints() == 0
    failing = (await scenario.endpoint(endpoint_id)).endpoint
    assert (failing.failing_since, failing.consecutive_failures, failing.last_status) == (clock.now(), 1, 500)
    sender.respond(200)
    clock.advance(timedelta(seconds=7))
    assert await scenario.call_endpoints() == 1
    first, second = (request.message_id for request in sender.requests)
    assert first == second
    [delivery] = await scenario.deliveries(endpoint_id)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 2, 200)
    healthy = (await scenario.endpoint(endpoint_id)).endpoint
    assert (healthy.failing_since, healthy.consecutive_failures) == (None, 0)


async def test_calls_end_with_the_schedule(scenario, sender, clock):
    created = await scenario.create_endpoint(URL)
    sender.respond(500)
    await scenario.apply(scenario.placed())
    rules = replace(WEBHOOK_RULES, delays=[timedelta(seconds=5), timedelta(seconds=5)])
    for _ in range(4):
        await scenario.call_endpoints(rules)
        clock.advance(timedelta(minutes=1))
    assert len(sender.requests) == 3
    [delivery] = await scenario.deliveries(created.endpoint.endpoint_id)
    assert (delivery.state, delivery.last_error) == ("failed", "answered 500")


async def test_an_endpoint_that_hangs_holds_up_nobody_else(scenario, sender):
    hanging = await scenario.create_endpoint(SLOW)
    quick = await scenario.create_endpoint(URL)
    sender.hanging[SLOW] = asyncio.Event()
    dispatcher = scenario.dispatcher()
    await scenario.apply(scenario.placed())
    assert await dispatcher.dispatch_webhooks() == 2
    await eventually(lambda: delivered(scenario, quick))
    await scenario.apply(scenario.amended())
    assert await dispatcher.dispatch_webhooks() == 1, "one endpoint is still being called, one call at a time"
    sender.hanging[SLOW].set()
    await dispatcher.drain()
    assert await dispatcher.dispatch_webhooks() == 1
    await dispatcher.drain()
    states = [delivery.state for delivery in await scenario.deliveries(quick.endpoint.endpoint_id)]
    assert states == ["delivered", "delivered"]
    slow = await scenario.deliveries(hanging.endpoint.endpoint_id)
    assert {(delivery.state, delivery.last_error) for delivery in slow} == {("pending", "no answer within 15 s")}


@dataclass
class UnreliableUnits:
    """Units of work on a database that may be away."""

    units: InMemoryUnits
    away: bool = False

    def begin(self):
        if self.away:
            raise ConnectionError("the database is away")
        return self.units.begin()

    def reading(self):
        return self.units.reading()


async def test_calls_that_cannot_be_recorded_are_made_again_once_their_lease_ends(scenario, sender, clock, units):
    await scenario.create_endpoint(URL)
    await scenario.apply(scenario.placed())
    scenario.units = unreliable = UnreliableUnits(units)

    class SenderDuringAnOutage:
        async def send(self, *call):
            unreliable.away = True
            return await sender.send(*call)

    scenario.sender = SenderDuringAnOutage()
    with capture_logs() as logs:
        assert await scenario.call_endpoints() == 1
    assert [(entry["event"], entry["error_type"]) for entry in logs] == [("webhook_results_lost", "ConnectionError")]
    unreliable.away, scenario.sender = False, sender
    assert await scenario.call_endpoints() == 0, "the lease has not ended"
    clock.advance(timedelta(minutes=2))
    assert await scenario.call_endpoints() == 1
    first, second = sender.requests
    assert first.message_id == second.message_id


async def test_long_failure_switches_an_endpoint_off_with_the_reason(scenario, sender, clock, units):
    created = await scenario.create_endpoint(URL)
    endpoint_id = created.endpoint.endpoint_id
    sender.respond(500)
    await scenario.apply(scenario.placed())
    await scenario.call_endpoints()
    clock.advance(timedelta(days=5, seconds=1))
    await scenario.call_endpoints()
    disabled = (await scenario.endpoint(endpoint_id)).endpoint
    assert (disabled.enabled, disabled.disabled_reason) == (False, "failing_for_too_long")
    assert disabled.version == 2
    clock.advance(timedelta(days=1))
    assert await scenario.call_endpoints() == 0
    change = ChangeWebhookEndpoint(endpoint_id, ExpectedVersion(frozenset({2})), enabled=True)
    enabled = await execute(units, change_webhook_endpoint, change)
    assert (enabled.endpoint.enabled, enabled.endpoint.failing_since, enabled.pending) == (True, None, 1)
    sender.respond(200)
    assert await scenario.call_endpoints() == 1


@pytest.mark.parametrize(
    ("expected", "refusal"), [(None, VersionRequired), (ExpectedVersion(frozenset({7})), VersionMismatch)]
)
async def test_an_endpoint_is_changed_only_on_its_current_version(scenario, units, expected, refusal):
    created = await scenario.create_endpoint(URL)
    change = ChangeWebhookEndpoint(created.endpoint.endpoint_id, expected, enabled=False)
    with pytest.raises(refusal):
        await execute(units, change_webhook_endpoint, change)
    assert (await scenario.endpoint(created.endpoint.endpoint_id)).endpoint == created.endpoint


async def test_an_endpoint_that_says_it_is_gone_is_switched_off_at_once(scenario, sender):
    created = await scenario.create_endpoint(URL)
    sender.respond(410)
    await scenario.apply(scenario.placed())
    await scenario.call_endpoints()
    disabled = (await scenario.endpoint(created.endpoint.endpoint_id)).endpoint
    assert disabled.disabled_reason == "endpoint_gone"


async def test_a_rotated_secret_signs_together_with_the_old_one_for_a_while(scenario, sender, clock, units):
    created = await scenario.create_endpoint(URL)
    clock.advance(timedelta(seconds=1))
    endpoint_id = created.endpoint.endpoint_id
    rotated = await execute(units, rotate_webhook_secret, endpoint_id, timedelta(hours=24))
    assert rotated.secret != created.secret
    assert rotated.previous_valid_until == clock.now() + timedelta(hours=24)
    await scenario.apply(scenario.placed())
    await scenario.call_endpoints()
    assert sender.requests[-1].secrets == (rotated.secret, created.secret)
    clock.advance(timedelta(hours=25))
    await scenario.apply(scenario.amended())
    await scenario.call_endpoints()
    assert sender.requests[-1].secrets == (rotated.secret,)


async def test_a_test_message_is_sent_at_once_and_leaves_the_health_as_it_is(scenario, sender, units):
    created = await scenario.create_endpoint(URL)
    endpoint_id = created.endpoint.endpoint_id
    before = await scenario.endpoint(endpoint_id)
    sender.respond(500)
    response = await send_test_webhook(units, sender, endpoint_id, "m1")
    assert (response.accepted, response.status, response.error) == (False, 500, "answered 500")
    [request] = sender.requests
    assert (request.message_id, request.secrets) == ("m1", (created.secret,))
    message = json.loads(request.body)
    assert (message["type"], message["data"]) == ("webhook.test", {"endpoint_id": endpoint_id})
    assert await scenario.endpoint(endpoint_id) == before


async def test_a_deleted_endpoint_is_called_no_more(scenario, units):
    created = await scenario.create_endpoint(URL)
    endpoint_id = created.endpoint.endpoint_id
    await scenario.apply(scenario.placed())
    await execute(units, delete_webhook_endpoint, endpoint_id)
    assert await scenario.call_endpoints() == 0
    with pytest.raises(WebhookEndpointNotFound):
        await scenario.endpoint(endpoint_id)


async def test_an_endpoint_deleted_during_a_call_stays_deleted(scenario, sender, units):
    created = await scenario.create_endpoint(SLOW)
    endpoint_id = created.endpoint.endpoint_id
    sender.hanging[SLOW] = asyncio.Event()
    await scenario.apply(scenario.placed())
    dispatcher = scenario.dispatcher()
    await dispatcher.dispatch_webhooks()
    await execute(units, delete_webhook_endpoint, endpoint_id)
    sender.hanging[SLOW].set()
    with capture_logs() as logs:
        await dispatcher.drain()
    assert logs == []
    with pytest.raises(WebhookEndpointNotFound):
        await scenario.endpoint(endpoint_id)


@pytest.mark.parametrize("use_case", ["change", "delete", "rotate", "test"])
async def test_an_endpoint_that_does_not_exist_is_refused(units, sender, use_case):
    attempts = {
        "change": lambda: execute(units, change_webhook_endpoint, ChangeWebhookEndpoint("none", None)),
        "delete": lambda: execute(units, delete_webhook_endpoint, "none"),
        "rotate": lambda: execute(units, rotate_webhook_secret, "none", timedelta(hours=24)),
        "test": lambda: send_test_webhook(units, sender, "none", "m1"),
    }
    with pytest.raises(WebhookEndpointNotFound) as refusal:
        await attempts[use_case]()
    assert refusal.value.endpoint_id == "none"
    assert sender.requests == []


async def test_old_webhooks_are_removed_with_their_deliveries(scenario, clock, units):
    created = await scenario.create_endpoint(URL)
    await scenario.apply(scenario.placed())
    await scenario.call_endpoints()
    clock.advance(timedelta(days=1))
    assert await execute(units, purge_webhooks, timedelta(days=2)) == 0
    assert await execute(units, purge_webhooks, timedelta(hours=23)) == 1
    assert await scenario.deliveries(created.endpoint.endpoint_id) == []


async def test_calls_are_counted(scenario, sender):
    def count(outcome):
        return REGISTRY.get_sample_value("webhook_attempts_total", {"outcome": outcome}) or 0

    before = count("accepted"), count("failed")
    await scenario.create_endpoint(URL)
    await scenario.apply(scenario.placed())
    await scenario.call_endpoints()
    sender.respond(500)
    await scenario.apply(scenario.amended())
    await scenario.call_endpoints()
    assert (count("accepted") - before[0], count("failed") - before[1]) == (1, 1)


async def test_a_delivery_that_cannot_even_be_attempted_is_a_failed_one_and_alone(scenario, sender):
    created = await scenario.create_endpoint(URL)
    broken = scenario.placed("o1")
    await scenario.apply(broken, scenario.placed("o2"))
    usual = sender.send

    async def cannot(url, message_id, body, secrets):
        if message_id == broken.id:
            raise ValueError("a defect")
        return await usual(url, message_id, body, secrets)

    sender.send = cannot
    await scenario.call_endpoints()
    deliveries = {delivery.event_id: delivery for delivery in await scenario.deliveries(created.endpoint.endpoint_id)}
    assert len(sender.requests) == 1
    failed = deliveries.pop(broken.id)
    assert (failed.state, failed.last_error) == ("pending", "the call could not be made (ValueError)")
    assert [delivery.state for delivery in deliveries.values()] == ["delivered"]
