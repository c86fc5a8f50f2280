"""``/v1/webhook-endpoints``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from event_contracts import new_event_id
from notification_service.application.ports import UnitOfWorkFactory, WebhookSender
from notification_service.application.records import Endpoint
from notification_service.application.webhooks import (
    ChangeEndpoint,
    CreateEndpoint,
    change_endpoint,
    delete_endpoint,
    read_endpoint,
    rotate_secret,
    try_endpoint,
)
from notification_service.domain.targets import TargetRefused, check_url
from notification_service.entrypoints.http.webhook_models import (
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
from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import RequiredIfMatch, matches_version, set_etag
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, unprocessable
from service_kit.runtime.clock import Clock

EndpointId = Annotated[Name, Path(examples=["019a9c1e-7d2a-7cc0-9d3e-0d1f5f0a2f61"])]
Writer = Annotated[Principal, require("webhooks:write")]
Creations = CommandBatcher[CreateEndpoint, tuple[Endpoint, str]]


@dataclass(frozen=True, slots=True)
class WebhookParts:
    """What the routes work with."""

    uow: UnitOfWorkFactory
    clock: Clock
    creations: Creations
    sender: WebhookSender
    overlap: timedelta
    allow_localhost: bool

    def check(self, url: str) -> None:
        """Problem 422 unless the URL may be called."""
        try:
            check_url(url, allow_localhost=self.allow_localhost)
        except TargetRefused as refused:
            raise unprocessable([FieldError("/url", f"The URL {refused.reason}")]) from None


def webhook_routes(parts: WebhookParts) -> APIRouter:
    """The routes of webhook endpoints."""
    router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])
    _add_collection(router, parts)
    _add_changes(router, parts)
    _add_actions(router, parts)
    return router


def _add_collection(router: APIRouter, parts: WebhookParts) -> None:
    @router.post("", summary="Create a webhook endpoint", status_code=201)
    async def create_webhook_endpoint(
        principal: Writer, body: EndpointBody, key: Annotated[str, idempotency_key()], response: Response
    ) -> CreatedEndpointView:
        """The signing secret is in this answer and never shown again: lost, it is replaced by rotating."""
        parts.check(body.url)
        command = CreateEndpoint(new_event_id(), body.url, body.description, tuple(body.event_types))
        claim = IdempotencyClaim(
            principal.key_id, "create_webhook_endpoint", key, fingerprint(body), command.endpoint_id
        )
        submitted = await parts.creations.submit(command, claim)
        if submitted.result is not None:
            endpoint, secret = submitted.result
            view = created_view(endpoint, secret)
        else:
            endpoint = await read_endpoint(parts.uow, submitted.resource_id or "")
            view = created_view(endpoint, None)
        mark_replayed(response, submitted)
        response.headers["Location"] = f"/v1/webhook-endpoints/{endpoint.endpoint_id}"
        response.headers["Cache-Control"] = "no-store"
        set_etag(response, endpoint.version)
        return view

    @router.get("", summary="List webhook endpoints")
    async def list_webhook_endpoints(
        principal: Writer, page: PageParams, request: Request, response: Response
    ) -> Page[EndpointView]:
        """In the order of their creation, with their health."""
        after = page.after(str)
        async with parts.uow.reading() as work:
            rows = await work.endpoints.page(after=after[0] if after else None, limit=page.limit + 1)
        cursor = encode_cursor(rows[page.limit - 1].endpoint_id) if len(rows) > page.limit else None
        link_header(response, request, cursor)
        return Page(data=[endpoint_view(row) for row in rows[: page.limit]], next_cursor=cursor)


def _add_changes(router: APIRouter, parts: WebhookParts) -> None:
    @router.get("/{endpoint_id}", summary="Read a webhook endpoint", response_model=EndpointView)
    async def get_webhook_endpoint(principal: Writer, endpoint_id: EndpointId, response: Response) -> EndpointView:
        """With its health, which changes without a new version."""
        endpoint = await read_endpoint(parts.uow, endpoint_id)
        set_etag(response, endpoint.version)
        return endpoint_view(endpoint)

    @router.patch("/{endpoint_id}", summary="Change a webhook endpoint")
    async def change_webhook_endpoint(
        principal: Writer,
        endpoint_id: EndpointId,
        body: EndpointPatch,
        response: Response,
        if_match: RequiredIfMatch = None,
    ) -> EndpointView:
        """Events that came while it was switched off are not delivered afterwards."""
        if body.url is not None:
            parts.check(body.url)
        types = None if body.event_types is None else tuple(body.event_types)
        command = ChangeEndpoint(endpoint_id, body.url, body.description, types, body.enabled)
        endpoint = await change_endpoint(
            parts.uow, parts.clock, command, lambda found: matches_version(if_match, found.version, required=True)
        )
        set_etag(response, endpoint.version)
        return endpoint_view(endpoint)

    @router.delete("/{endpoint_id}", summary="Delete a webhook endpoint", status_code=204)
    async def delete_webhook_endpoint(principal: Writer, endpoint_id: EndpointId) -> None:
        """With everything that is still queued for it."""
        await delete_endpoint(parts.uow, endpoint_id)


def _add_actions(router: APIRouter, parts: WebhookParts) -> None:
    @router.post("/{endpoint_id}/rotate", summary="Rotate a webhook endpoint's secret")
    async def rotate_webhook_secret(principal: Writer, endpoint_id: EndpointId, response: Response) -> RotatedView:
        """The new secret is shown this once. For a while messages carry signatures of both."""
        _, secret, until = await rotate_secret(parts.uow, parts.clock, endpoint_id, parts.overlap)
        response.headers["Cache-Control"] = "no-store"
        return RotatedView(endpoint_id=endpoint_id, secret=secret, previous_valid_until=until)

    @router.post("/{endpoint_id}/test", summary="Send a test message")
    async def send_test_webhook(principal: Writer, endpoint_id: EndpointId) -> TestView:
        """Calls the endpoint now with an event of type `webhook.test` and tells what it answered."""
        message_id = new_event_id()
        answer = await try_endpoint(parts.uow, parts.sender, parts.clock, endpoint_id, message_id)
        return test_view(answer, message_id)

    @router.get("/{endpoint_id}/deliveries", summary="List a webhook endpoint's deliveries, newest first")
    async def list_webhook_deliveries(
        principal: Writer, endpoint_id: EndpointId, page: PageParams, request: Request, response: Response
    ) -> Page[DeliveryView]:
        """Kept for a while after they are finished."""
        after = page.after(str)
        await read_endpoint(parts.uow, endpoint_id)
        async with parts.uow.reading() as work:
            rows = await work.deliveries.page(endpoint_id, before=after[0] if after else None, limit=page.limit + 1)
        cursor = encode_cursor(rows[page.limit - 1].event_id) if len(rows) > page.limit else None
        link_header(response, request, cursor)
        return Page(data=[delivery_view(row) for row in rows[: page.limit]], next_cursor=cursor)
