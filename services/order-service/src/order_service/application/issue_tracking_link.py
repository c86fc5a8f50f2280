"""Use case: make a link that opens one order, read-only, to somebody without an API key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from order_service.application.errors import TrackingLinksUnavailable
from order_service.application.find_orders import check_visible
from order_service.application.ports import OrderUnitOfWork, TrackingTokens
from order_service.application.queries import Visibility


@dataclass(frozen=True, slots=True)
class TrackingToken:
    """A token, and when it expires."""

    token: str
    expires_at: datetime


async def issue_tracking_link(
    uow: OrderUnitOfWork, tokens: TrackingTokens, order_id: str, visibility: Visibility, days: int
) -> TrackingToken:
    """A token that opens the order for ``days``. Nothing is stored.

    Raises OrderNotFound, and TrackingLinksUnavailable if there is no secret to sign with.
    """
    await check_visible(uow, order_id, visibility)
    if not tokens.available:
        raise TrackingLinksUnavailable
    expires_at = (uow.now + timedelta(days=days)).replace(microsecond=0)
    return TrackingToken(tokens.token(order_id, expires_at), expires_at)
