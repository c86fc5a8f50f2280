"""Webhook endpoints and deliveries in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.application.records import (
    ClaimedWebhook,
    Delivery,
    Endpoint,
    WebhookMessage,
    WebhookResult,
)
from service_kit.persistence.bulk import Columns, arrays, names, unnest

_COLUMNS = """e.endpoint_id, e.url, e.description, e.event_types, e.enabled, e.disabled_reason, e.disabled_at,
    e.created_at, e.version, e.failing_since, e.consecutive_failures, e.last_success_at, e.last_failure_at,
    e.last_status, e.last_error"""
# Counted up to a bound: the backlog of a dead endpoint may be long.
_PENDING = """(SELECT count(*) FROM (SELECT FROM webhook_delivery d
    WHERE d.endpoint_id = e.endpoint_id AND d.state = 'pending' LIMIT 10000) AS bounded) AS pending"""
_CREATE = text(
    """
    INSERT INTO webhook_endpoint (endpoint_id, url, description, event_types, created_at)
    VALUES (:endpoint_id, :url, :description, CAST(:event_types AS text[]), :created_at)
    """
)
_ADD_SECRET = text("INSERT INTO webhook_secret (endpoint_id, secret, created_at) VALUES (:endpoint_id, :secret, :now)")
_UPDATE = text(
    """
    UPDATE webhook_endpoint
    SET url = :url, description = :description, event_types = CAST(:event_types AS text[]), enabled = :enabled,
        disabled_reason = :disabled_reason, disabled_at = :disabled_at, failing_since = :failing_since,
        consecutive_failures = :consecutive_failures, version = version + 1
    WHERE endpoint_id = :endpoint_id
    """
)
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
_RESULT_COLUMNS: Columns = (
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
    FROM {unnest(_RESULT_COLUMNS, "r")}
    WHERE w.endpoint_id = :endpoint_id AND w.event_id = r.event_id AND w.state = 'pending'
    """
)
_HEALTH = text(
    f"""
    UPDATE webhook_endpoint AS e
    SET consecutive_failures = CASE WHEN :succeeded THEN 0 ELSE e.consecutive_failures + :failures END,
        failing_since = CASE WHEN :succeeded THEN NULL WHEN :failures > 0 THEN COALESCE(e.failing_since, :now)
                             ELSE e.failing_since END,
        last_success_at = CASE WHEN :succeeded THEN :now ELSE e.last_success_at END,
        last_failure_at = CASE WHEN :failures > 0 THEN :now ELSE e.last_failure_at END,
        last_status = :status, last_error = :error
    WHERE e.endpoint_id = :endpoint_id
    RETURNING {_COLUMNS}
    """.replace(":succeeded", "CAST(:succeeded AS boolean)")
    .replace(":failures", "CAST(:failures AS integer)")
    .replace(":now", "CAST(:now AS timestamptz)")
)
_PURGE = text(
    """
    DELETE FROM webhook_message WHERE event_id IN (
        SELECT event_id FROM webhook_message WHERE created_at < :before ORDER BY created_at LIMIT :limit)
    """
)


class SqlEndpoints:
    """Endpoints and their secrets."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, endpoint: Endpoint, secret: str) -> None:
        """Create one with its first secret."""
        values = {
            "endpoint_id": endpoint.endpoint_id,
            "url": endpoint.url,
            "description": endpoint.description,
            "event_types": list(endpoint.event_types),
            "created_at": endpoint.created_at,
        }
        await self._conn.execute(_CREATE, values)
        await self._conn.execute(
            _ADD_SECRET, {"endpoint_id": endpoint.endpoint_id, "secret": secret, "now": endpoint.created_at}
        )

    async def find(self, endpoint_id: str, *, lock: bool = False) -> Endpoint | None:
        """One endpoint with the number of its pending deliveries."""
        statement = f"SELECT {_COLUMNS}, {_PENDING} FROM webhook_endpoint e WHERE e.endpoint_id = :endpoint_id" + (
            " FOR UPDATE" if lock else ""
        )
        row = (await self._conn.execute(text(statement), {"endpoint_id": endpoint_id})).one_or_none()
        return _endpoint(row) if row else None

    async def page(self, *, after: str | None, limit: int) -> list[Endpoint]:
        """Endpoints by id, which is the order of their making."""
        statement = text(
            f"""SELECT {_COLUMNS}, {_PENDING} FROM webhook_endpoint e
            WHERE CAST(:after AS text) IS NULL OR e.endpoint_id > :after ORDER BY e.endpoint_id LIMIT :limit"""
        )
        rows = await self._conn.execute(statement, {"after": after, "limit": limit})
        return [_endpoint(row) for row in rows]

    async def update(self, endpoint: Endpoint) -> None:
        """Write what the merchant may change, and the state."""
        values = {
            "endpoint_id": endpoint.endpoint_id,
            "url": endpoint.url,
            "description": endpoint.description,
            "event_types": list(endpoint.event_types),
            "enabled": endpoint.enabled,
            "disabled_reason": endpoint.disabled_reason,
            "disabled_at": endpoint.disabled_at,
            "failing_since": endpoint.failing_since,
            "consecutive_failures": endpoint.consecutive_failures,
        }
        await self._conn.execute(_UPDATE, values)

    async def delete(self, endpoint_id: str) -> bool:
        """Remove it with its deliveries; False if there was none."""
        statement = text("DELETE FROM webhook_endpoint WHERE endpoint_id = :endpoint_id")
        return (await self._conn.execute(statement, {"endpoint_id": endpoint_id})).rowcount > 0

    async def secrets(self, endpoint_id: str, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        rows = await self._conn.execute(_SECRETS, {"endpoint_id": endpoint_id, "now": now})
        return tuple(rows.scalars())

    async def rotate(self, endpoint_id: str, secret: str, now: datetime, overlap_until: datetime) -> None:
        """Add a secret; older ones end at ``overlap_until`` at the latest, ended ones are dropped."""
        await self._conn.execute(_END_SECRETS, {"endpoint_id": endpoint_id, "until": overlap_until})
        await self._conn.execute(_DROP_SECRETS, {"endpoint_id": endpoint_id, "now": now})
        await self._conn.execute(_ADD_SECRET, {"endpoint_id": endpoint_id, "secret": secret, "now": now})

    async def subscribers(self) -> list[tuple[str, tuple[str, ...]]]:
        """(endpoint id, event types) of the enabled endpoints."""
        rows = await self._conn.execute(text("SELECT endpoint_id, event_types FROM webhook_endpoint WHERE enabled"))
        return [(row.endpoint_id, tuple(row.event_types)) for row in rows]


class SqlWebhookDeliveries:
    """Events on their way to endpoints; an event's body is stored once."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, messages: Sequence[WebhookMessage], pairs: Sequence[tuple[str, str]], now: datetime) -> None:
        """Queue (endpoint id, event id) pairs; known ones are left out."""
        rows = ((m.event_id, m.event_type, m.body) for m in messages)
        await self._conn.execute(_ADD_MESSAGES, {**arrays(_MESSAGE_COLUMNS, rows), "now": now})
        await self._conn.execute(_ADD_DELIVERIES, {**arrays(_DELIVERY_COLUMNS, pairs), "now": now})

    async def claim(
        self, now: datetime, lease_until: datetime, per_endpoint: int, busy: Collection[str]
    ) -> list[ClaimedWebhook]:
        """Take due deliveries; the lease is their next attempt if nothing is recorded."""
        values = {"now": now, "lease": lease_until, "per_endpoint": per_endpoint, "busy": list(busy)}
        rows = await self._conn.execute(_CLAIM, values)
        return [ClaimedWebhook(**{**row._mapping, "secrets": tuple(row.secrets)}) for row in rows]

    async def record(self, results: Sequence[WebhookResult], now: datetime) -> Endpoint | None:
        """Write results of one endpoint's attempts and its health."""
        endpoint_id = results[0].claim.endpoint_id
        failures = [result.answer for result in results if not result.answer.accepted]
        latest = failures[-1] if failures else results[-1].answer
        health = {
            "endpoint_id": endpoint_id,
            "succeeded": len(failures) < len(results),
            "failures": len(failures),
            "status": latest.status,
            "error": latest.error,
            "now": now,
        }
        row = (await self._conn.execute(_HEALTH, health)).one_or_none()
        if row is None:
            return None
        rows = ((r.claim.event_id, r.answer.accepted, r.retry_at, r.answer.status, r.answer.error) for r in results)
        await self._conn.execute(_RECORD, {**arrays(_RESULT_COLUMNS, rows), "endpoint_id": endpoint_id, "now": now})
        return _endpoint(row)

    async def page(self, endpoint_id: str, *, before: str | None, limit: int) -> list[Delivery]:
        """An endpoint's deliveries, newest event first."""
        statement = text(
            """
            SELECT d.event_id, m.event_type, d.state, d.attempts, d.next_attempt_at, d.last_status, d.last_error,
                   d.created_at, d.finished_at
            FROM webhook_delivery d JOIN webhook_message m USING (event_id)
            WHERE d.endpoint_id = :endpoint_id AND (CAST(:before AS text) IS NULL OR d.event_id < :before)
            ORDER BY d.event_id DESC LIMIT :limit
            """
        )
        rows = await self._conn.execute(statement, {"endpoint_id": endpoint_id, "before": before, "limit": limit})
        return [Delivery(**row._mapping) for row in rows]

    async def purge(self, before: datetime, limit: int) -> int:
        """Drop old messages with their deliveries."""
        return (await self._conn.execute(_PURGE, {"before": before, "limit": limit})).rowcount


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(**{**row._mapping, "event_types": tuple(row.event_types)})
