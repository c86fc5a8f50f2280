"""Trying out webhook endpoints."""

from __future__ import annotations

import json

from notification_service.application.ports.unit_of_work import NotificationUnits
from notification_service.application.ports.webhooks import WebhookSender
from notification_service.application.webhooks.read_webhooks import get_webhook_endpoint
from notification_service.domain.webhook_endpoints import WebhookResponse

TEST_TYPE = "webhook.test"


async def send_test_webhook(
    units: NotificationUnits, sender: WebhookSender, endpoint_id: str, message_id: str
) -> WebhookResponse:
    """Call an endpoint now with a test message, whether it is enabled or not; how it responded.

    The call is made once and recorded nowhere: the endpoint's health stays as it is. No transaction is open
    meanwhile. Raises WebhookEndpointNotFound.
    """
    async with units.reading() as uow:
        endpoint = (await get_webhook_endpoint(uow, endpoint_id)).endpoint
        secrets = await uow.endpoints.signing_secrets(endpoint_id, uow.now)
        body = {
            "id": message_id,
            "type": TEST_TYPE,
            "version": 1,
            "timestamp": uow.now.isoformat().replace("+00:00", "Z"),
            "data": {"endpoint_id": endpoint_id},
        }
    return await sender.send(endpoint.url, message_id, json.dumps(body), secrets)
