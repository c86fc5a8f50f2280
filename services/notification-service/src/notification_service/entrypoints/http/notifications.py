"""``/v1/notifications``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from event_contracts import new_event_id
from notification_service.application.ports import UnitOfWorkFactory
from notification_service.application.records import Notification, NotificationState
from notification_service.application.resending import Resend
from notification_service.domain.lines import ChangeKind
from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import not_found

NotificationId = Annotated[Name, Path(examples=["019a9c1e-7d2a-7cc0-9d3e-0d1f5f0a2f61"])]
Reader = Annotated[Principal, require("notifications:read")]
Writer = Annotated[Principal, require("notifications:write")]


class ChangeView(ResponseModel):
    """One thing that a message says about one line."""

    kind: ChangeKind
    line_id: str
    sku: str = Field(examples=["85123A"])
    name: str | None = Field(examples=["White hanging heart T-light holder"])
    quantity: int = Field(description="Units that this is about", examples=[2])
    waiting: int = Field(description="Units of the line that wait afterwards", examples=[2])
    promise_date: date | None
    previous_date: date | None = Field(description="The date that the customer knew before")
    reason: str


class ContentView(ResponseModel):
    """What was sent to whom; gone once the contact is erased."""

    recipient: str = Field(examples=["ada@example.com"])
    subject: str
    text: str
    html: str


class NotificationView(ResponseModel):
    """A message to a customer."""

    notification_id: str
    order_id: str
    reference: str = Field(description="The caller's own name of the order", examples=["536365"])
    contact_id: str
    template: ChangeKind = Field(description="The weightiest of the changes")
    channel: str = Field(examples=["email"])
    state: NotificationState
    attempts: int
    next_attempt_at: datetime | None = Field(description="For a message that waits for its contact: when it gives up")
    reason: str | None = Field(
        description="Why it failed or was superseded, or why the last attempt failed", examples=["no_contact"]
    )
    changes: list[ChangeView]
    cause: str = Field(description="Id of the event that made it")
    resend_of: str | None
    created_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None


class NotificationDetail(NotificationView):
    """A message with its words."""

    content: ContentView | None = Field(description="Null until it is sent, and after an erasure")


class _NoBody(RequestModel):
    """A resend takes no body."""


def _fields(notification: Notification) -> dict[str, Any]:
    finished, state = notification.finished_at, notification.state
    facts = notification.facts
    return {
        "notification_id": notification.notification_id,
        "order_id": notification.order_id,
        "reference": facts["reference"],
        "contact_id": notification.contact_id,
        "template": notification.template,
        "channel": notification.channel,
        "state": state,
        "attempts": notification.attempts,
        "next_attempt_at": notification.next_attempt_at,
        "reason": notification.reason,
        "changes": [change for section in facts["sections"] for change in section["changes"]],
        "cause": notification.cause,
        "resend_of": notification.resend_of,
        "created_at": notification.created_at,
        "sent_at": finished if state is NotificationState.SENT else None,
        "failed_at": finished if state is NotificationState.FAILED else None,
    }


def _detail(notification: Notification, *, with_content: bool) -> NotificationDetail:
    content = None
    if with_content and notification.recipient is not None:
        content = ContentView(
            recipient=notification.recipient,
            subject=notification.subject or "",
            text=notification.body_text or "",
            html=notification.body_html or "",
        )
    return NotificationDetail(**_fields(notification), content=content)


async def _visible(uow: UnitOfWorkFactory, notification_id: str, principal: Principal) -> Notification:
    async with uow.reading() as work:
        found = await work.notifications.find(notification_id)
        if found is None or (principal.order_id is not None and principal.order_id != found.order_id):
            raise not_found("notification")
        bound = principal.customer_id
        if bound is not None and await work.notifications.customer_of(found.order_id) != bound:
            raise not_found("notification")
    return found


def notification_routes(uow: UnitOfWorkFactory, resends: CommandBatcher[Resend, str]) -> APIRouter:
    """The routes of notifications."""
    router = APIRouter(prefix="/v1/notifications", tags=["notifications"])

    @router.get("", summary="List notifications, newest first")
    async def list_notifications(
        principal: Reader,
        page: PageParams,
        request: Request,
        response: Response,
        order_id: Annotated[Name | None, Query(description="Of this order only")] = None,
    ) -> Page[NotificationView]:
        """Without the words of the messages: read one to see them."""
        after = page.after(str)
        if principal.order_id is not None:
            if order_id not in {None, principal.order_id}:
                return Page(data=[])
            order_id = principal.order_id
        async with uow.reading() as work:
            rows = await work.notifications.page(
                order_id=order_id,
                customer_id=principal.customer_id,
                before=after[0] if after else None,
                limit=page.limit + 1,
            )
        cursor = encode_cursor(rows[page.limit - 1].notification_id) if len(rows) > page.limit else None
        link_header(response, request, cursor)
        return Page(data=[NotificationView(**_fields(row)) for row in rows[: page.limit]], next_cursor=cursor)

    @router.get("/{notification_id}", summary="Read a notification", response_model=NotificationDetail)
    async def get_notification(
        principal: Reader, notification_id: NotificationId, request: Request, response: Response
    ) -> NotificationDetail | Response:
        """With recipient and words, unless the contact was erased or the caller came by a tracking link."""
        found = await _visible(uow, notification_id, principal)
        if not_modified(request, found.version):
            return not_modified_response(found.version)
        set_etag(response, found.version)
        return _detail(found, with_content=principal.order_id is None)

    @router.post("/{notification_id}/resend", summary="Send a notification again", status_code=201)
    async def resend_notification(
        principal: Writer,
        notification_id: NotificationId,
        key: Annotated[str, idempotency_key()],
        response: Response,
    ) -> NotificationDetail:
        """A new notification that tells the same facts in the contact's present language.

        409 while the original is still on its way, and where its contact is not known (any more).
        """
        await _visible(uow, notification_id, principal)
        command = Resend(new_event_id(), notification_id)
        mark = fingerprint(_NoBody(), notification_id)
        claim = IdempotencyClaim(principal.key_id, "resend_notification", key, mark, command.notification_id)
        submitted = await resends.submit(command, claim)
        copy = await _visible(uow, submitted.resource_id or command.notification_id, principal)
        mark_replayed(response, submitted)
        response.headers["Location"] = f"/v1/notifications/{copy.notification_id}"
        set_etag(response, copy.version)
        return _detail(copy, with_content=principal.order_id is None)

    return router
