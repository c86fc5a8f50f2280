"""Secrets of webhook endpoints in the database: encrypted, and encrypted anew when the key changes."""

from datetime import timedelta
from functools import partial

from sqlalchemy import text

from event_contracts import new_event_id
from notification_service.adapters.secret_box import SecretBox
from notification_service.adapters.sql_unit_of_work import SqlNotificationUnitOfWork
from notification_service.application.webhooks.create_webhook_endpoints import (
    CreateWebhookEndpoint,
    create_webhook_endpoints,
)
from notification_service.application.webhooks.seal_webhook_secrets import seal_webhook_secrets
from service_kit.commands.execute import execute, read
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory

OLD, NEW = "o" * 40, "n" * 40


async def created(units):
    command = CreateWebhookEndpoint(new_event_id(), "https://shop.example.com/hook", "", ())
    [one] = await execute(units, create_webhook_endpoints, [command])
    return one


def on(database, *keys):
    return SqlUnitOfWorkFactory(database, partial(SqlNotificationUnitOfWork, box=SecretBox(keys)))


async def test_secrets_are_encrypted_and_move_to_a_new_key(units):
    with_keys = partial(on, units.database)

    async def stored():
        async with units.database.reading() as connection:
            return list((await connection.execute(text("SELECT secret FROM webhook_secret"))).scalars())

    async def secrets_of(one, keys):
        async def found(uow):
            return await uow.endpoints.signing_secrets(one.endpoint.endpoint_id, uow.now)

        return await read(with_keys(*keys), found)

    plain, sealed = await created(units), await created(with_keys(OLD))
    assert plain.secret in await stored()
    assert not any(sealed.secret in one for one in await stored())

    assert await execute(with_keys(NEW, OLD), seal_webhook_secrets) == 2
    [new] = SecretBox([NEW]).marks
    assert all(one.startswith(new) for one in await stored())
    assert await execute(with_keys(NEW, OLD), seal_webhook_secrets) == 0
    for one in (plain, sealed):
        assert await secrets_of(one, [NEW]) == (one.secret,)
        assert await secrets_of(one, [OLD]) == (), "another key opens nothing, and fails nothing"


async def test_secrets_of_a_key_that_is_not_held_keep_no_other_from_being_encrypted(units):
    for _ in range(3):
        await created(on(units.database, "lost" * 10))
    await created(units)
    await created(on(units.database, OLD))
    with_new = on(units.database, NEW, OLD)
    assert await execute(with_new, seal_webhook_secrets, 1) == 1
    assert await execute(with_new, seal_webhook_secrets, 2) == 1
    assert await execute(with_new, seal_webhook_secrets, 2) == 0


async def test_secrets_whose_key_is_missing_sign_nothing_and_are_told_of_until_they_are_replaced(world, sink):
    lost = await created(on(world.database, OLD))
    path = f"/v1/webhook-endpoints/{lost.endpoint.endpoint_id}"
    assert (await world.client.patch(path, json={"url": sink.url}, headers={"If-Match": '"1"'})).status_code == 200
    world.service.health.started = True
    assert (await world.service.health.warnings())["webhook_keys"].startswith("1 webhook secrets are encrypted with a")
    tried = (await world.post(f"{path}/test")).json()
    assert (tried["status"], tried["error"]) == (None, "no secret to sign with can be read")
    assert sink.requests == []

    assert (await world.post(f"{path}/rotate")).status_code == 200
    assert (await world.post(f"{path}/test")).json()["status"] == 200
    world.clock.advance(timedelta(hours=25))
    assert await world.service.health.warnings() == {}
