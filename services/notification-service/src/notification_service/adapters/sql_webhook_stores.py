"""Webhook endpoints and the deliveries to them in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.adapters.secret_box import SEALED, SecretBox
from notification_service.application.ports.webhooks import (
    ClaimedDelivery,
    DeliveryAttempt,
    NewDelivery,
    WebhookMessage,
)
from notification_service.domain.webhook_endpoints import WebhookEndpoint, WebhookSubscription
from service_kit.persistence.bulk import Columns, arrays, names, unnest

ENDPOINT_COLUMNS = """e.endpoint_id, e.url, e.description, e.event_types, e.enabled, e.disabled_reason, e.disabled_at,
    e.created_at, e.version, e.failing_since, e.consecutive_failures, e.last_success_at, e.last_failure_at,
    e.last_status, e.last_error"""
"""Those of an endpoint; see ``endpoint_of``."""
_CREATE = text(
    """
    INSERT INTO webhook_endpoint (endpoint_id, url, description, event_types, created_at)
    VALUES (:endpoint_id, :url, :description, CAST(:event_types AS text[]), :created_at)
    """
)
_ADD_SECRET = text("INSERT INTO webhook_secret (endpoint_id, secret, created_at) VALUES (:endpoint_id, :secret, :now)")
# Not FOR UPDATE: that would wait for transactions that queue deliveries to the endpoint.
_LOCK = text(f"SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoint e WHERE e.endpoint_id = :endpoint_id FOR NO KEY UPDATE")
_SAVE = text(
    """
    UPDATE webhook_endpoint
    SET url = :url, description = :description, event_types = CAST(:event_types AS text[]), enabled = :enabled,
        disabled_reason = :disabled_reason, disabled_at = :disabled_at, version = :version,
        failing_since = :failing_since, consecutive_failures = :consecutive_failures,
        last_success_at = :last_success_at, last_failure_at = :last_failure_at, last_status = :last_status,
        last_error = :last_error
    WHERE endpoint_id = :endpoint_id
    """
)
_DELETE = text("DELETE FROM webhook_endpoint WHERE endpoint_id = :endpoint_id")
_SUBSCRIPTIONS = text("SELECT endpoint_id, event_types FROM webhook_endpoint WHERE enabled")
_SECRETS = text(
    """
    SELECT secret FROM webhook_secret
    WHERE endpoint_id = :endpoint_id AND (expires_at IS NULL OR expires_at > :now) ORDER BY created_at DESC
    """
)
_END_SECRETS = text(
    """
    UPDATE webhook_secret SET expires_at = LEAST(expires_at, :until) WHERE endpoint_id = :endpoint_id
    """
)
# Those of a key that is not held are left out: they would come first in every round, and nobody can read them.
_UNSEALED = text(
    f"""
    SELECT endpoint_id, secret FROM webhook_secret
    WHERE secret NOT LIKE '{SEALED}%' OR secret LIKE ANY (CAST(:earlier AS text[]))
    ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_COUNT_UNREADABLE = text(
    f"""
    SELECT count(*) FROM webhook_secret
    WHERE secret LIKE '{SEALED}%' AND NOT secret LIKE ANY (CAST(:held AS text[]))
      AND (expires_at IS NULL OR expires_at > :now)
    """
)
_RESEAL = text("UPDATE webhook_secret SET secret = :sealed WHERE endpoint_id = :endpoint_id AND secret = :secret")
_DROP_SECRETS = text("DELETE FROM webhook_secret WHERE endpoint_id = :endpoint_id AND expires_at <= :now")
_MESSAGE_COLUMNS: Columns = (("event_id", "text"), ("event_type", "text"), ("body", "text"))
_ADD_MESSAGES = text(
    f"""
    INSERT INTO webhook_message ({names(_MESSAGE_COLUMNS)}, created_at)
    SELECT {names(_MESSAGE_COLUMNS)}, :now FROM {unnest(_MESSAGE_COLUMNS, "m")}
    ORDER BY event_id ON CONFLICT DO NOTHING
    """
)
_DELIVERY_COLUMNS: Columns = (("endpoint_id", "text"), ("event_id", "text"))
# The join leaves out endpoints that were deleted since they were read.
_ADD_DELIVERIES = text(
    f"""
    INSERT INTO webhook_delivery (endpoint_id, event_id, next_attempt_at, created_at)
    SELECT p.endpoint_id, p.event_id, :now, :now
    FROM {unnest(_DELIVERY_COLUMNS, "p")}
    JOIN (SELECT endpoint_id FROM webhook_endpoint WHERE endpoint_id = ANY(CAST(:endpoint_id AS text[]))
          FOR KEY SHARE) e ON e.endpoint_id = p.endpoint_id
    ON CONFLICT DO NOTHING
    """
)
_CLAIM = text(
    """
    WITH due AS MATERIALIZED (
        SELECT d.endpoint_id, d.event_id, e.url
        FROM webhook_endpoint e CROSS JOIN LATERAL (
            SELECT w.endpoint_id, w.event_id FROM webhook_delivery w
            WHERE w.endpoint_id = e.endpoint_id AND w.state = 'pending' AND w.next_attempt_at <= :now
            ORDER BY w.next_attempt_at LIMIT :per_endpoint
            FOR UPDATE SKIP LOCKED
        ) d
        WHERE e.enabled AND NOT e.endpoint_id = ANY(CAST(:busy AS text[]))
    ), claimed AS (
        UPDATE webhook_delivery AS w SET attempts = w.attempts + 1, next_attempt_at = :lease
        FROM due WHERE w.endpoint_id = due.endpoint_id AND w.event_id = due.event_id
        RETURNING w.endpoint_id, w.event_id, w.attempts, due.url
    )
    SELECT c.endpoint_id, c.event_id, m.event_type, c.attempts, m.body, c.url,
           ARRAY(SELECT s.secret FROM webhook_secret s
                 WHERE s.endpoint_id = c.endpoint_id AND (s.expires_at IS NULL OR s.expires_at > :now)
                 ORDER BY s.created_at DESC) AS secrets
    FROM claimed c JOIN webhook_message m USING (event_id) ORDER BY c.event_id
    """
)
_ATTEMPT_COLUMNS: Columns = (
    ("endpoint_id", "text"),
    ("event_id", "text"),
    ("accepted", "boolean"),
    ("retry_at", "timestamptz"),
    ("status", "integer"),
    ("error", "text"),
)
_RECORD = text(
    f"""
    UPDATE webhook_delivery AS w
    SET state = CASE WHEN r.accepted THEN 'delivered' WHEN r.retry_at IS NULL THEN 'failed' ELSE 'pending' END,
        next_attempt_at = r.retry_at, last_status = r.status, last_error = r.error,
        finished_at = CASE WHEN r.retry_at IS NULL THEN CAST(:now AS timestamptz) END
    FROM {unnest(_ATTEMPT_COLUMNS, "r")}
    WHERE w.endpoint_id = r.endpoint_id AND w.event_id = r.event_id AND w.state = 'pending'
    """
)
# Counted up to a bound: many deliveries to an endpoint that is down may be pending.
PENDING = """(SELECT count(*) FROM (SELECT FROM webhook_delivery d
    WHERE d.endpoint_id = {endpoint_id} AND d.state = 'pending' LIMIT 10000) AS bounded)"""
_COUNT_PENDING = text(f"SELECT {PENDING.format(endpoint_id=':endpoint_id')}")
_PURGE = text(
    """
    DELETE FROM webhook_message WHERE event_id IN (
        SELECT event_id FROM webhook_message WHERE created_at < :before ORDER BY created_at LIMIT :limit)
    """
)


class SqlWebhookEndpointStore:
    """Endpoints and their secrets, which ``box`` encrypts."""

    def __init__(self, conn: AsyncConnection, box: SecretBox) -> None:
        self._conn = conn
        self._box = box

    async def add(self, endpoint: WebhookEndpoint, secret: str) -> None:
        """See WebhookEndpointStore."""
        values = {
            "endpoint_id": endpoint.endpoint_id,
            "url": endpoint.url,
            "description": endpoint.description,
            "event_types": list(endpoint.event_types),
            "created_at": endpoint.created_at,
        }
        await self._conn.execute(_CREATE, values)
        await self._conn.execute(
            _ADD_SECRET,
            {"endpoint_id": endpoint.endpoint_id, "secret": self._box.seal(secret), "now": endpoint.created_at},
        )

    async def lock(self, endpoint_id: str) -> WebhookEndpoint | None:
        """See WebhookEndpointStore."""
        row = (await self._conn.execute(_LOCK, {"endpoint_id": endpoint_id})).one_or_none()
        return endpoint_of(row._mapping) if row else None

    async def save(self, endpoint: WebhookEndpoint) -> None:
        """See WebhookEndpointStore."""
        values = asdict(endpoint)
        del values["created_at"]
        await self._conn.execute(_SAVE, {**values, "event_types": list(endpoint.event_types)})

    async def delete(self, endpoint_id: str) -> bool:
        """See WebhookEndpointStore."""
        return (await self._conn.execute(_DELETE, {"endpoint_id": endpoint_id})).rowcount > 0

    async def signing_secrets(self, endpoint_id: str, now: datetime) -> tuple[str, ...]:
        """See WebhookEndpointStore."""
        rows = await self._conn.execute(_SECRETS, {"endpoint_id": endpoint_id, "now": now})
        return self._box.open_all(list(rows.scalars()))

    async def add_secret(self, endpoint_id: str, secret: str, now: datetime, previous_until: datetime) -> None:
        """See WebhookEndpointStore. Secrets that have expired are removed."""
        await self._conn.execute(_END_SECRETS, {"endpoint_id": endpoint_id, "until": previous_until})
        await self._conn.execute(_DROP_SECRETS, {"endpoint_id": endpoint_id, "now": now})
        sealed = self._box.seal(secret)
        await self._conn.execute(_ADD_SECRET, {"endpoint_id": endpoint_id, "secret": sealed, "now": now})

    async def seal_secrets(self, limit: int) -> int:
        """See WebhookEndpointStore."""
        if not self._box.marks:
            return 0
        earlier = [f"{mark}%" for mark in self._box.marks[1:]]
        rows = (await self._conn.execute(_UNSEALED, {"earlier": earlier, "limit": limit})).all()
        for row in rows:
            values = {"sealed": self._box.seal(self._box.open(row.secret)), "secret": row.secret}
            await self._conn.execute(_RESEAL, {**values, "endpoint_id": row.endpoint_id})
        return len(rows)

    async def count_unreadable(self, now: datetime) -> int:
        """See WebhookEndpointStore."""
        held = [f"{mark}%" for mark in self._box.marks]
        return int((await self._conn.execute(_COUNT_UNREADABLE, {"held": held, "now": now})).scalar_one())

    async def subscriptions(self) -> list[WebhookSubscription]:
        """See WebhookEndpointStore."""
        rows = await self._conn.execute(_SUBSCRIPTIONS)
        return [WebhookSubscription(row.endpoint_id, tuple(row.event_types)) for row in rows]


class SqlWebhookDeliveryStore:
    """Events on their way to endpoints; the body of an event is stored once. ``box`` has encrypted their secrets."""

    def __init__(self, conn: AsyncConnection, box: SecretBox) -> None:
        self._conn = conn
        self._box = box

    async def add(self, messages: Sequence[WebhookMessage], deliveries: Sequence[NewDelivery], now: datetime) -> None:
        """See WebhookDeliveryStore."""
        rows = ((m.event_id, m.event_type, m.body) for m in messages)
        await self._conn.execute(_ADD_MESSAGES, {**arrays(_MESSAGE_COLUMNS, rows), "now": now})
        pairs = ((delivery.endpoint_id, delivery.event_id) for delivery in deliveries)
        await self._conn.execute(_ADD_DELIVERIES, {**arrays(_DELIVERY_COLUMNS, pairs), "now": now})

    async def claim_due(
        self, now: datetime, lease_until: datetime, per_endpoint: int, busy: Collection[str]
    ) -> list[ClaimedDelivery]:
        """See WebhookDeliveryStore."""
        values = {"now": now, "lease": lease_until, "per_endpoint": per_endpoint, "busy": list(busy)}
        rows = await self._conn.execute(_CLAIM, values)
        return [ClaimedDelivery(**{**row._mapping, "secrets": self._box.open_all(row.secrets)}) for row in rows]

    async def record(self, attempts: Sequence[DeliveryAttempt], now: datetime) -> None:
        """See WebhookDeliveryStore."""
        rows = (
            (
                attempt.claim.endpoint_id,
                attempt.claim.event_id,
                attempt.response.accepted,
                attempt.retry_at,
                attempt.response.status,
                attempt.response.error,
            )
            for attempt in attempts
        )
        await self._conn.execute(_RECORD, {**arrays(_ATTEMPT_COLUMNS, rows), "now": now})

    async def count_pending(self, endpoint_id: str) -> int:
        """See WebhookDeliveryStore."""
        pending: int = (await self._conn.execute(_COUNT_PENDING, {"endpoint_id": endpoint_id})).scalar_one()
        return pending

    async def purge(self, created_before: datetime, limit: int) -> int:
        """See WebhookDeliveryStore."""
        return (await self._conn.execute(_PURGE, {"before": created_before, "limit": limit})).rowcount


def endpoint_of(columns_of_row: Mapping[Any, Any]) -> WebhookEndpoint:
    """The endpoint of a row of ``ENDPOINT_COLUMNS``."""
    return WebhookEndpoint(**{**columns_of_row, "event_types": tuple(columns_of_row["event_types"])})
