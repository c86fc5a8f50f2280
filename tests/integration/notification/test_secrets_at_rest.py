"""Secrets of webhook endpoints in the database: encrypted, and encrypted anew when the key changes."""

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


async def test_secrets_are_encrypted_and_move_to_a_new_key(units):
    def with_keys(*keys):
        return SqlUnitOfWorkFactory(units.database, partial(SqlNotificationUnitOfWork, box=SecretBox(keys)))

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
    assert all(one.startswith(str(SecretBox([NEW]).mark)) for one in await stored())
    assert await execute(with_keys(NEW, OLD), seal_webhook_secrets) == 0
    for one in (plain, sealed):
        assert await secrets_of(one, [NEW]) == (one.secret,)
        assert await secrets_of(one, [OLD]) == (), "another key opens nothing, and fails nothing"
