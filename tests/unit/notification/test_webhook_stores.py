"""What the stores of webhook endpoints and deliveries promise to the use cases.

Here the tests run on the stores in memory; ``tests/integration/notification/test_stores.py`` runs them on PostgreSQL.
Each takes the fixtures ``units`` and ``clock``, which stands at START.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.unit.notification.store_access import committed

from notification_service.application.ports.unit_of_work import NotificationUnits
from notification_service.application.ports.webhooks import DeliveryAttempt, NewDelivery, WebhookMessage
from notification_service.domain.webhook_endpoints import WebhookEndpoint, WebhookResponse, WebhookSubscription

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


ENDPOINT = WebhookEndpoint("e1", "https://shop.example.com/", "Shop", ("OrderPlaced",), True, None, None, START, 1)
OK = WebhookResponse(200, None, 0.1)
ERROR = WebhookResponse(500, "answered 500", 0.1)


async def add_endpoints(units: NotificationUnits, *endpoint_ids: str) -> None:
    async with committed(units) as uow:
        for endpoint_id in endpoint_ids:
            await uow.endpoints.add(replace(ENDPOINT, endpoint_id=endpoint_id), f"secret of {endpoint_id}")


class TestWebhookEndpoints:
    async def test_an_endpoint_is_stored_with_its_settings(self, units):
        await add_endpoints(units, "e1")
        async with committed(units) as uow:
            assert await uow.endpoints.lock("e1") == ENDPOINT
            assert await uow.endpoints.lock("none") is None
            overview = await uow.queries.webhook_endpoint("e1")
        assert overview is not None
        assert (overview.endpoint, overview.pending) == (ENDPOINT, 0)

    async def test_settings_and_health_are_saved(self, units):
        await add_endpoints(units, "e1", "e2")
        changed = WebhookEndpoint(
            endpoint_id="e1",
            url="https://new.example.com/",
            description="New",
            event_types=(),
            enabled=False,
            disabled_reason="by_request",
            disabled_at=START + MINUTE,
            created_at=START,
            version=7,
            failing_since=START,
            consecutive_failures=3,
            last_success_at=START,
            last_failure_at=START + MINUTE,
            last_status=500,
            last_error="answered 500",
        )
        async with committed(units) as uow:
            await uow.endpoints.lock("e1")
            await uow.endpoints.save(changed)
        async with committed(units) as uow:
            assert await uow.endpoints.lock("e1") == changed
            assert await uow.endpoints.lock("e2") == replace(ENDPOINT, endpoint_id="e2")

    async def test_subscriptions_are_those_of_enabled_endpoints(self, units):
        await add_endpoints(units, "e1", "e2")
        async with committed(units) as uow:
            await uow.endpoints.save(replace(ENDPOINT, enabled=False))
            assert await uow.endpoints.subscriptions() == [WebhookSubscription("e2", ("OrderPlaced",))]

    async def test_a_deleted_endpoint_is_gone_with_its_deliveries(self, units):
        await add_endpoints(units, "e1")
        await queue(units, ("e1", "m1"))
        async with committed(units) as uow:
            assert await uow.endpoints.delete("e1") is True
            assert await uow.endpoints.delete("e1") is False
            assert await uow.queries.webhook_endpoint("e1") is None
            assert await uow.endpoints.signing_secrets("e1", uow.now) == ()
            assert await uow.deliveries.count_pending("e1") == 0

    async def test_old_secrets_sign_until_the_time_given_when_a_new_one_is_added(self, units, clock):
        await add_endpoints(units, "e1", "e2")
        for name in ("second", "third"):
            clock.advance(MINUTE)
            async with committed(units) as uow:
                await uow.endpoints.add_secret("e1", name, uow.now, uow.now + 10 * MINUTE)

        async def signing(after):
            async with units.reading() as uow:
                return await uow.endpoints.signing_secrets("e1", START + after)

        assert await signing(2 * MINUTE) == ("third", "second", "secret of e1")
        assert await signing(11 * MINUTE) == ("third", "second")
        assert await signing(12 * MINUTE) == ("third",)
        async with units.reading() as uow:
            assert await uow.endpoints.signing_secrets("e2", START + DAY) == ("secret of e2",)

    async def test_endpoints_are_listed_by_id_with_their_pending_deliveries(self, units):
        await add_endpoints(units, "e3", "e1", "e2")
        await queue(units, ("e1", "m1"), ("e1", "m2"))
        async with units.reading() as uow:
            first = await uow.queries.webhook_endpoints(after=None, limit=2)
            rest = await uow.queries.webhook_endpoints(after="e2", limit=2)
        assert [(each.endpoint.endpoint_id, each.pending) for each in first] == [("e1", 2), ("e2", 0)]
        assert [each.endpoint.endpoint_id for each in rest] == ["e3"]


async def queue(units: NotificationUnits, *deliveries: tuple[str, str]) -> None:
    """Queue events m… for endpoints e…."""
    messages = {event_id: WebhookMessage(event_id, "OrderPlaced", f"body of {event_id}") for _, event_id in deliveries}
    async with committed(units) as uow:
        await uow.deliveries.add(list(messages.values()), [NewDelivery(*each) for each in deliveries], uow.now)


async def call(units: NotificationUnits, *, per_endpoint: int = 10, busy: tuple[str, ...] = ()):
    """Claim deliveries for a minute."""
    async with committed(units) as uow:
        return await uow.deliveries.claim_due(uow.now, uow.now + MINUTE, per_endpoint, busy)


async def deliveries_of(units: NotificationUnits, endpoint_id: str = "e1", before: str | None = None, limit: int = 10):
    async with units.reading() as uow:
        return await uow.queries.webhook_deliveries(endpoint_id, before=before, limit=limit)


class TestWebhookDeliveries:
    async def test_a_claim_has_all_that_a_call_needs(self, units, clock):
        await add_endpoints(units, "e1")
        await queue(units, ("e1", "m1"))
        clock.advance(timedelta(seconds=1))
        async with committed(units) as uow:
            await uow.endpoints.add_secret("e1", "newer", uow.now, uow.now + DAY)
        [claimed] = await call(units)
        assert (claimed.endpoint_id, claimed.event_id, claimed.event_type) == ("e1", "m1", "OrderPlaced")
        assert (claimed.attempts, claimed.body, claimed.url) == (1, "body of m1", ENDPOINT.url)
        assert claimed.secrets == ("newer", "secret of e1")

    async def test_an_event_is_queued_once_for_an_endpoint(self, units):
        await add_endpoints(units, "e1", "e2")
        await queue(units, ("e1", "m1"))
        await queue(units, ("e1", "m1"), ("e2", "m1"))
        assert {(each.endpoint_id, each.event_id) for each in await call(units)} == {("e1", "m1"), ("e2", "m1")}

    async def test_deliveries_to_endpoints_that_do_not_exist_are_left_out(self, units):
        await add_endpoints(units, "e1")
        await queue(units, ("none", "m1"), ("e1", "m1"))
        assert [each.endpoint_id for each in await call(units)] == ["e1"]

    async def test_a_claimed_delivery_comes_back_when_its_lease_ends(self, units, clock):
        await add_endpoints(units, "e1")
        await queue(units, ("e1", "m1"))
        await call(units)
        assert await call(units) == []
        clock.advance(MINUTE)
        [claimed] = await call(units)
        assert claimed.attempts == 2

    async def test_busy_and_disabled_endpoints_are_left_out(self, units):
        await add_endpoints(units, "e1", "e2", "e3")
        await queue(units, ("e1", "m1"), ("e2", "m1"), ("e3", "m1"))
        async with committed(units) as uow:
            await uow.endpoints.save(replace(ENDPOINT, endpoint_id="e2", enabled=False))
        assert [each.endpoint_id for each in await call(units, busy=("e1",))] == ["e3"]

    async def test_so_many_are_claimed_for_each_endpoint_the_longest_due_first(self, units, clock):
        await add_endpoints(units, "e1", "e2")
        await queue(units, ("e1", "m3"), ("e2", "m3"))
        clock.advance(MINUTE)
        await queue(units, ("e1", "m1"), ("e1", "m2"))
        clock.advance(MINUTE)
        claimed = {(each.endpoint_id, each.event_id) for each in await call(units, per_endpoint=2)}
        assert claimed >= {("e1", "m3"), ("e2", "m3")}
        assert len(claimed) == 3

    async def test_what_became_of_attempts_is_stored(self, units, clock):
        await add_endpoints(units, "e1", "e2")
        await queue(units, ("e1", "m1"), ("e1", "m2"), ("e1", "m3"), ("e2", "m1"))
        claims = {each.event_id: each for each in await call(units) if each.endpoint_id == "e1"}
        async with committed(units) as uow:
            attempts = [
                DeliveryAttempt(claims["m1"], OK, None),
                DeliveryAttempt(claims["m2"], ERROR, uow.now + DAY),
                DeliveryAttempt(claims["m3"], WebhookResponse(None, "no connection", 0.1), None),
            ]
            await uow.deliveries.record(attempts, uow.now)
            assert await uow.deliveries.count_pending("e1") == 1
        m3, m2, m1 = await deliveries_of(units)
        assert (m1.event_id, m1.event_type, m1.state, m1.attempts) == ("m1", "OrderPlaced", "delivered", 1)
        assert (m1.last_status, m1.last_error) == (200, None)
        assert (m1.created_at, m1.finished_at, m1.next_attempt_at) == (START, clock.now(), None)
        assert (m2.state, m2.last_status, m2.last_error) == ("pending", 500, "answered 500")
        assert (m2.next_attempt_at, m2.finished_at) == (clock.now() + DAY, None)
        assert (m3.state, m3.last_status, m3.last_error) == ("failed", None, "no connection")
        [other] = await deliveries_of(units, "e2")
        assert other.state == "pending"

    async def test_what_has_ended_is_not_recorded_again(self, units):
        await add_endpoints(units, "e1")
        await queue(units, ("e1", "m1"))
        [claimed] = await call(units)
        for response in (OK, ERROR):
            async with committed(units) as uow:
                await uow.deliveries.record([DeliveryAttempt(claimed, response, None)], uow.now)
        [delivery] = await deliveries_of(units)
        assert (delivery.state, delivery.last_status) == ("delivered", 200)

    async def test_deliveries_are_listed_newest_event_first(self, units):
        await add_endpoints(units, "e1", "e2")
        await queue(units, ("e1", "m1"), ("e1", "m2"), ("e1", "m3"), ("e2", "m4"))
        assert [each.event_id for each in await deliveries_of(units, limit=2)] == ["m3", "m2"]
        assert [each.event_id for each in await deliveries_of(units, before="m2")] == ["m1"]

    async def test_old_messages_are_purged_with_their_deliveries(self, units, clock):
        await add_endpoints(units, "e1")
        await queue(units, ("e1", "m1"), ("e1", "m2"))
        clock.advance(MINUTE)
        await queue(units, ("e1", "m3"))
        async with committed(units) as uow:
            assert await uow.deliveries.purge(START, 10) == 0
            assert await uow.deliveries.purge(START + MINUTE, 1) == 1
            assert await uow.deliveries.purge(START + MINUTE, 10) == 1
        assert [each.event_id for each in await deliveries_of(units)] == ["m3"]
