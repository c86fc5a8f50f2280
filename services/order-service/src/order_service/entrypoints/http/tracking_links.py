"""Links that open an order without a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from order_service.application.issue_tracking_link import issue_tracking_link
from order_service.entrypoints.http.dependencies import Application, Writer, visible_to
from order_service.entrypoints.http.fields import OrderId
from order_service.entrypoints.http.tracking_link_schemas import NewTrackingLink, TrackingLink
from service_kit.commands.execute import read

router = APIRouter(prefix="/v1/orders", tags=["events"])


@router.post("/{order_id}/tracking-links", status_code=201, summary="Make a tracking link")
async def create_tracking_link(
    *,
    principal: Writer,
    order_id: OrderId,
    application: Application,
    response: Response,
    body: Annotated[NewTrackingLink | None, Body()] = None,
) -> TrackingLink:
    """A signed link that opens this order and its events, read-only, for somebody without a key.

    Nothing is stored, so no Idempotency-Key is needed: every link opens the order until it expires.
    """
    settings, tokens = application.settings, application.tracking_tokens
    days = (body.days if body else None) or settings.tracking_link_days
    issued = await read(application.units, issue_tracking_link, tokens, order_id, visible_to(principal), days)
    # Never from the request, whose Host anybody may choose: the link is mailed to a customer.
    home = settings.own_url
    response.headers["Referrer-Policy"] = "no-referrer"
    return TrackingLink(
        url=f"{home}/v1/orders/{order_id}?token={issued.token}", token=issued.token, expires_at=issued.expires_at
    )
