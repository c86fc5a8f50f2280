"""The read models of the API in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.adapters.sql_contact_store import CONTACT_COLUMNS
from notification_service.adapters.sql_notification_store import NOTIFICATION_COLUMNS, notification_of
from notification_service.adapters.sql_webhook_stores import ENDPOINT_COLUMNS, PENDING, endpoint_of
from notification_service.application.ports.queries import EndpointOverview, WebhookDelivery
from notification_service.domain.contacts import Contact
from notification_service.domain.notifications import Notification

_CONTACT = text(f"SELECT {CONTACT_COLUMNS} FROM contact WHERE contact_id = :contact_id")
_NOTIFICATION = text(
    f"""
    SELECT {NOTIFICATION_COLUMNS}, n.recipient, n.subject, n.body_text, n.body_html
    FROM notification n WHERE notification_id = :id
      AND (CAST(:customer_id AS text) IS NULL OR EXISTS (
        SELECT FROM watched_order o WHERE o.order_id = n.order_id AND o.customer_id = CAST(:customer_id AS text)))
    """
)
_ENDPOINT_AND_PENDING = f"""
    SELECT {ENDPOINT_COLUMNS}, {PENDING.format(endpoint_id="e.endpoint_id")} AS pending FROM webhook_endpoint e
"""
_ENDPOINT = text(f"{_ENDPOINT_AND_PENDING} WHERE e.endpoint_id = :endpoint_id")
_ENDPOINTS = text(
    f"""
    {_ENDPOINT_AND_PENDING}
    WHERE CAST(:after AS text) IS NULL OR e.endpoint_id > :after ORDER BY e.endpoint_id LIMIT :limit
    """
)
_DELIVERIES = text(
    """
    SELECT d.event_id, m.event_type, d.state, d.attempts, d.next_attempt_at, d.last_status, d.last_error,
           d.created_at, d.finished_at
    FROM webhook_delivery d JOIN webhook_message m USING (event_id)
    WHERE d.endpoint_id = :endpoint_id AND (CAST(:before AS text) IS NULL OR d.event_id < :before)
    ORDER BY d.event_id DESC LIMIT :limit
    """
)


class SqlNotificationQueries:
    """Ids are ordered by time, so pages are read by id."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def contact(self, contact_id: str) -> Contact | None:
        """See NotificationQueries."""
        row = (await self._conn.execute(_CONTACT, {"contact_id": contact_id})).one_or_none()
        return Contact(**row._mapping) if row else None

    async def notification(self, notification_id: str, *, customer_id: str | None = None) -> Notification | None:
        """See NotificationQueries."""
        values = {"id": notification_id, "customer_id": customer_id}
        row = (await self._conn.execute(_NOTIFICATION, values)).one_or_none()
        return notification_of(row) if row else None

    async def notifications(
        self, *, order_id: str | None, customer_id: str | None, before: str | None, limit: int
    ) -> list[Notification]:
        """See NotificationQueries."""
        source, conditions = "notification n", ["TRUE"]
        if customer_id is not None:
            source += " JOIN watched_order o USING (order_id)"
            conditions.append("o.customer_id = :customer_id")
        if order_id is not None:
            conditions.append("n.order_id = :order_id")
        if before is not None:
            conditions.append("n.notification_id < :before")
        where = " AND ".join(conditions)
        statement = (
            f"SELECT {NOTIFICATION_COLUMNS} FROM {source} WHERE {where} ORDER BY n.notification_id DESC LIMIT :limit"
        )
        filters = {"order_id": order_id, "customer_id": customer_id, "before": before}
        values = {name: value for name, value in filters.items() if value is not None}
        rows = await self._conn.execute(text(statement), {**values, "limit": limit})
        return [notification_of(row) for row in rows]

    async def webhook_endpoint(self, endpoint_id: str) -> EndpointOverview | None:
        """See NotificationQueries."""
        row = (await self._conn.execute(_ENDPOINT, {"endpoint_id": endpoint_id})).one_or_none()
        return _overview(row) if row else None

    async def webhook_endpoints(self, *, after: str | None, limit: int) -> list[EndpointOverview]:
        """See NotificationQueries."""
        return [_overview(row) for row in await self._conn.execute(_ENDPOINTS, {"after": after, "limit": limit})]

    async def webhook_deliveries(self, endpoint_id: str, *, before: str | None, limit: int) -> list[WebhookDelivery]:
        """See NotificationQueries."""
        values = {"endpoint_id": endpoint_id, "before": before, "limit": limit}
        return [WebhookDelivery(**row._mapping) for row in await self._conn.execute(_DELIVERIES, values)]


def _overview(row: Row[Any]) -> EndpointOverview:
    values = dict(row._mapping)
    pending = values.pop("pending")
    return EndpointOverview(endpoint_of(values), pending)
