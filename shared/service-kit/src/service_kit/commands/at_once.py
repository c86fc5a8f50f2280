"""A batch of commands in one statement: claims, effects and events together, without a transaction around it.

A service writes the statement. It begins with :data:`CLAIMS`, makes the resources of the claims that are free, and
ends with :data:`RECORDED` and :data:`SENT`, so that either all of it takes effect or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.messaging.outbox import Prepared
from service_kit.persistence.database import DirectConnection
from service_kit.persistence.statements import Statement

CLAIMS = """
claim AS MATERIALIZED (
    SELECT c.*, pg_try_advisory_xact_lock(
        hashtextextended(principal || E'\\x1f' || operation || E'\\x1f' || key, 4711)
    ) AS free
    FROM unnest(
        CAST(:claim_principals AS text[]), CAST(:claim_operations AS text[]), CAST(:claim_keys AS text[]),
        CAST(:claim_fingerprints AS bytea[]), CAST(:claim_resources AS text[]), CAST(:claim_statuses AS smallint[])
    ) AS c (principal, operation, key, fingerprint, resource_id, status)
), known AS MATERIALIZED (
    SELECT c.resource_id AS claimed, r.fingerprint, r.resource_id, r.status
    FROM claim c, LATERAL (
        SELECT fingerprint, resource_id, status FROM idempotency_record
        WHERE (principal, operation, key) = (c.principal, c.operation, c.key) OFFSET 0
    ) AS r
), refused AS MATERIALIZED (
    SELECT claimed AS resource_id FROM known UNION ALL SELECT resource_id FROM claim WHERE NOT free
)
"""
"""The beginning of the statement. Records are looked up by key (``OFFSET 0``), because a plan that was made while
there were few of them must not read them all once there are many.

What is made has the id that its claim names. Nothing may be made for the ids in ``refused``."""

RECORDED = """
recorded AS (
    INSERT INTO idempotency_record (principal, operation, key, fingerprint, resource_id, status)
    SELECT principal, operation, key, fingerprint, resource_id, status FROM claim JOIN made USING (resource_id)
)
"""
"""Comes after ``made (resource_id)``, which returns what was made.

A key that was recorded between the statement's snapshot and its lock violates the primary key and undoes the whole
statement: see ``raced``. If the command was left out before that for another reason (a unique name met
``ON CONFLICT DO NOTHING``), no error is raised: ask ``recorded_meanwhile`` about whatever was not made.
"""

SENT = """
sent AS (
    INSERT INTO outbox (event_id, topic, key, headers, value)
    SELECT event_id, topic, key, headers, value
    FROM unnest(
        CAST(:event_ids AS text[]), CAST(:event_topics AS text[]), CAST(:event_keys AS text[]),
        CAST(:event_headers AS bytea[]), CAST(:event_values AS bytea[])
    ) WITH ORDINALITY AS event (event_id, topic, key, headers, value, position)
    JOIN made ON made.resource_id = event.key
    ORDER BY position
)
"""
"""Comes after ``made``: stores the events whose key is the id of what was made."""

ANSWERS = """
SELECT resource_id AS claimed, CAST(NULL AS bytea), CAST(NULL AS text), CAST(NULL AS smallint), TRUE FROM made
UNION ALL SELECT claimed, fingerprint, resource_id, status, FALSE FROM known
UNION ALL SELECT resource_id, NULL, NULL, NULL, FALSE FROM claim WHERE NOT free
"""
"""The end of the statement; ``answers`` reads its rows."""


def claim_parameters(claims: Sequence[IdempotencyClaim]) -> dict[str, list[Any]]:
    """The parameters of ``CLAIMS``; no two claims may have the same key."""
    return {
        "claim_principals": [claim.principal for claim in claims],
        "claim_operations": [claim.operation for claim in claims],
        "claim_keys": [claim.key for claim in claims],
        "claim_fingerprints": [claim.fingerprint for claim in claims],
        "claim_resources": [claim.resource_id for claim in claims],
        "claim_statuses": [claim.status for claim in claims],
    }


def event_parameters(rows: Sequence[Prepared]) -> dict[str, list[Any]]:
    """The parameters of ``SENT``."""
    names = ("event_ids", "event_topics", "event_keys", "event_headers", "event_values")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def answers(rows: Sequence[Any]) -> dict[str, Claimed | IdempotencyRecord]:
    """By the id that a command would make: whether it was made (NEW), recorded before, or is in flight elsewhere.

    An id that is missing was not made: either something else prevented it, or its key was recorded meanwhile.
    """
    found: dict[str, Claimed | IdempotencyRecord] = {}
    for claimed, fingerprint, resource_id, status, made in rows:
        if made:
            found[claimed] = Claimed.NEW
        elif fingerprint is not None:
            found[claimed] = IdempotencyRecord(fingerprint, resource_id, status)
        else:
            found.setdefault(claimed, Claimed.IN_FLIGHT)
    return found


_RECORDS = Statement(
    """
    SELECT c.resource_id AS claimed, r.fingerprint, r.resource_id, r.status
    FROM unnest(
        CAST(:claim_principals AS text[]), CAST(:claim_operations AS text[]), CAST(:claim_keys AS text[]),
        CAST(:claim_resources AS text[])
    ) AS c (principal, operation, key, resource_id)
    JOIN idempotency_record AS r USING (principal, operation, key)
    """
)


async def recorded_meanwhile(
    conn: DirectConnection, claims: Sequence[IdempotencyClaim]
) -> dict[str, IdempotencyRecord]:
    """The records of these keys that others made after the statement's snapshot and before its lock, by the id that
    the command would have made. The locks were free, so a snapshot taken now sees all of these records."""
    if not claims:
        return {}
    rows = await _RECORDS.rows(conn.driver, claim_parameters(claims))
    return {
        claimed: IdempotencyRecord(fingerprint, resource_id, status)
        for claimed, fingerprint, resource_id, status in rows
    }


def raced(error: BaseException) -> bool:
    """Whether another process recorded the same key meanwhile; the next try finds that record."""
    return isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "idempotency_record_pkey"


def undone(error: BaseException) -> bool:
    """Whether the server itself reported that the statement failed, so that it had no effect. After a lost connection
    or while the server shuts down (classes 08 and 57P) the effect is unknown."""
    return isinstance(error, asyncpg.PostgresError) and not str(error.sqlstate).startswith(("08", "57P"))
