"""``/v1/notifications``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from event_contracts import new_event_id
from notification_service.application.notifications.read_notifications import (
    get_notification as get_notification_by_id,
)
from notification_service.application.notifications.read_notifications import (
    list_notifications as list_notifications_of,
)
from notification_service.application.notifications.resend_notifications import ResendNotification
from notification_service.entrypoints.http.dependencies import Application, viewer_of
from notification_service.entrypoints.http.notification_schemas import (
    EmptyBody,
    NotificationDetail,
    NotificationView,
    notification_detail,
    notification_view,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import read
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import Binding, require
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.responses import set_location

router = APIRouter(prefix="/v1/notifications", tags=["notifications"])

NotificationId = Annotated[Name, Path(examples=["019a9c1e-7d2a-7cc0-9d3e-0d1f5f0a2f61"])]
Reader = Annotated[Principal, require("notifications:read", bound=(Binding.CUSTOMER,))]
Writer = Annotated[Principal, require("notifications:write", bound=(Binding.CUSTOMER,))]


@router.get("", summary="List notifications, newest first")
async def list_notifications(
    principal: Reader,
    *,
    app: Application,
    page: PageParams,
    request: Request,
    response: Response,
    order_id: Annotated[Name | None, Query(description="Of this order only")] = None,
) -> Page[NotificationView]:
    """Without the texts of the messages: read a notification to see them."""
    after = page.after(str)
    rows = await read(
        app.units,
        list_notifications_of,
        viewer_of(principal),
        order_id=order_id,
        before=after[0] if after else None,
        limit=page.limit + 1,
    )
    cursor = encode_cursor(rows[page.limit - 1].notification_id) if len(rows) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[notification_view(row) for row in rows[: page.limit]], next_cursor=cursor)


@router.get("/{notification_id}", summary="Read a notification", response_model=NotificationDetail)
async def get_notification(
    principal: Reader, app: Application, notification_id: NotificationId, request: Request, response: Response
) -> NotificationDetail | Response:
    """With recipient and texts, unless the contact was erased."""
    found = await read(app.units, get_notification_by_id, notification_id, viewer_of(principal))
    if not_modified(request, found.version):
        return not_modified_response(found.version)
    set_etag(response, found.version)
    return notification_detail(found)


@router.post("/{notification_id}/resend", summary="Send a notification again", status_code=201)
async def resend_notification(
    principal: Writer,
    app: Application,
    notification_id: NotificationId,
    key: Annotated[str, idempotency_key()],
    response: Response,
) -> NotificationDetail:
    """Creates a notification that says the same in the contact's current language.

    409 while the original is still on its way, and where its contact is not known (any more).
    """
    viewer = viewer_of(principal)
    await read(app.units, get_notification_by_id, notification_id, viewer)
    command = ResendNotification(new_event_id(), notification_id)
    mark = fingerprint(EmptyBody(), notification_id)
    claim = IdempotencyClaim(principal.key_id, "resend_notification", key, mark, command.notification_id)
    submitted = await app.resends.submit(command, claim)
    copy_id = submitted.resource_id or command.notification_id
    copy = await read(app.units, get_notification_by_id, copy_id, viewer)
    mark_replayed(response, submitted)
    set_location(response.headers, "notifications", copy.notification_id)
    set_etag(response, copy.version)
    return notification_detail(copy)
