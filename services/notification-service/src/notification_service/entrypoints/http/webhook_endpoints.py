"""``/v1/webhook-endpoints``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from event_contracts import new_event_id
from notification_service.application.ports.queries import EndpointOverview
from notification_service.application.webhooks import read_webhooks
from notification_service.application.webhooks.change_webhook_endpoint import (
    ChangeWebhookEndpoint,
)
from notification_service.application.webhooks.change_webhook_endpoint import (
    change_webhook_endpoint as change_endpoint,
)
from notification_service.application.webhooks.create_webhook_endpoints import CreateWebhookEndpoint
from notification_service.application.webhooks.delete_webhook_endpoint import (
    delete_webhook_endpoint as delete_endpoint,
)
from notification_service.application.webhooks.rotate_webhook_secret import rotate_webhook_secret as rotate_secret
from notification_service.domain.webhook_targets import check_url
from notification_service.entrypoints.http.dependencies import Application
from notification_service.entrypoints.http.webhook_endpoint_schemas import (
    CreatedEndpointView,
    DeliveryView,
    EndpointBody,
    EndpointPatch,
    EndpointView,
    RotatedView,
    TestView,
    created_view,
    delivery_view,
    endpoint_view,
    test_view,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import execute, read
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import RequiredIfMatch, expected_version, set_etag
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.responses import set_location

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])

EndpointId = Annotated[Name, Path(examples=["019a9c1e-7d2a-7cc0-9d3e-0d1f5f0a2f61"])]
Writer = Annotated[Principal, require("webhooks:write")]


@router.post("", summary="Create a webhook endpoint", status_code=201)
async def create_webhook_endpoint(
    principal: Writer,
    app: Application,
    body: EndpointBody,
    key: Annotated[str, idempotency_key()],
    response: Response,
) -> CreatedEndpointView:
    """The signing secret is in this answer and never shown again. A lost secret is replaced by rotating it."""
    check_url(body.url, allow_localhost=app.settings.local_mode)
    command = CreateWebhookEndpoint(new_event_id(), body.url, body.description, tuple(body.event_types))
    claim = IdempotencyClaim(principal.key_id, "create_webhook_endpoint", key, fingerprint(body), command.endpoint_id)
    submitted = await app.endpoint_creations.submit(command, claim)
    if submitted.result is not None:
        overview, secret = EndpointOverview(submitted.result.endpoint, pending=0), submitted.result.secret
    else:
        # This answer repeats an earlier one, which alone had the secret.
        overview = await read(app.units, read_webhooks.get_webhook_endpoint, submitted.resource_id or "")
        secret = None
    view = created_view(overview, secret)
    mark_replayed(response, submitted)
    set_location(response.headers, "webhook-endpoints", view.endpoint_id)
    response.headers["Cache-Control"] = "no-store"
    set_etag(response, view.version)
    return view


@router.get("", summary="List webhook endpoints")
async def list_webhook_endpoints(
    principal: Writer, app: Application, page: PageParams, request: Request, response: Response
) -> Page[EndpointView]:
    """In the order of their creation, with their health."""
    after = page.after(str)
    rows = await read(
        app.units, read_webhooks.list_webhook_endpoints, after=after[0] if after else None, limit=page.limit + 1
    )
    cursor = encode_cursor(rows[page.limit - 1].endpoint.endpoint_id) if len(rows) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[endpoint_view(row) for row in rows[: page.limit]], next_cursor=cursor)


@router.get("/{endpoint_id}", summary="Read a webhook endpoint", response_model=EndpointView)
async def get_webhook_endpoint(
    principal: Writer, app: Application, endpoint_id: EndpointId, response: Response
) -> EndpointView:
    """With its health, which changes without a new version."""
    overview = await read(app.units, read_webhooks.get_webhook_endpoint, endpoint_id)
    set_etag(response, overview.endpoint.version)
    return endpoint_view(overview)


@router.patch("/{endpoint_id}", summary="Change a webhook endpoint")
async def change_webhook_endpoint(
    principal: Writer,
    *,
    app: Application,
    endpoint_id: EndpointId,
    body: EndpointPatch,
    response: Response,
    if_match: RequiredIfMatch = None,
) -> EndpointView:
    """Events that happen while an endpoint is switched off are not delivered later."""
    if body.url is not None:
        check_url(body.url, allow_localhost=app.settings.local_mode)
    event_types = None if body.event_types is None else tuple(body.event_types)
    command = ChangeWebhookEndpoint(
        endpoint_id, expected_version(if_match), body.url, body.description, event_types, body.enabled
    )
    overview = await execute(app.units, change_endpoint, command)
    set_etag(response, overview.endpoint.version)
    return endpoint_view(overview)


@router.delete("/{endpoint_id}", summary="Delete a webhook endpoint", status_code=204)
async def delete_webhook_endpoint(principal: Writer, app: Application, endpoint_id: EndpointId) -> None:
    """With everything that is queued for it."""
    await execute(app.units, delete_endpoint, endpoint_id)


@router.post("/{endpoint_id}/rotate", summary="Rotate a webhook endpoint's secret")
async def rotate_webhook_secret(
    principal: Writer, app: Application, endpoint_id: EndpointId, response: Response
) -> RotatedView:
    """The new secret is shown only here. For a while messages carry signatures of both secrets."""
    overlap = timedelta(hours=app.settings.webhook_secret_overlap_hours)
    rotated = await execute(app.units, rotate_secret, endpoint_id, overlap)
    response.headers["Cache-Control"] = "no-store"
    return RotatedView(
        endpoint_id=endpoint_id, secret=rotated.secret, previous_valid_until=rotated.previous_valid_until
    )


@router.post("/{endpoint_id}/test", summary="Send a test message")
async def send_test_webhook(principal: Writer, app: Application, endpoint_id: EndpointId) -> TestView:
    """Calls the endpoint now with an event of type `webhook.test` and returns how it responded."""
    message_id = new_event_id()
    return test_view(await app.send_test_webhook(endpoint_id, message_id), message_id)


@router.get("/{endpoint_id}/deliveries", summary="List a webhook endpoint's deliveries, newest first")
async def list_webhook_deliveries(
    principal: Writer,
    *,
    app: Application,
    endpoint_id: EndpointId,
    page: PageParams,
    request: Request,
    response: Response,
) -> Page[DeliveryView]:
    """Deliveries are kept for a while after they have ended."""
    after = page.after(str)
    rows = await read(
        app.units,
        read_webhooks.list_webhook_deliveries,
        endpoint_id,
        before=after[0] if after else None,
        limit=page.limit + 1,
    )
    cursor = encode_cursor(rows[page.limit - 1].event_id) if len(rows) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[delivery_view(row) for row in rows[: page.limit]], next_cursor=cursor)
