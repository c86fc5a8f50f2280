"""Storage of idempotency keys: claimed, released and looked up in sets, inside the effect's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """One caller's key for one operation.

    ``principal`` keeps callers' keys apart; ``fingerprint`` tells bodies apart; ``resource_id`` and
    ``status`` are what a repetition answers with.
    """

    principal: str
    operation: str
    key: str
    fingerprint: bytes
    resource_id: str
    status: int = 201

    @property
    def identity(self) -> tuple[str, str, str]:
        """What the key is unique by."""
        return (self.principal, self.operation, self.key)


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What a committed key stands for."""

    fingerprint: bytes
    resource_id: str
    status: int


class Claimed(Enum):
    """How a claim went where no record exists yet."""

    NEW = auto()
    IN_FLIGHT = auto()


# The lock is tried, never waited for: one slow duplicate elsewhere must not hold up a batch. It is
# freed after the commit is visible, so who gets it sees the record of whoever held it before.
_CLAIM = text(
    """
    WITH claim AS (
        SELECT * FROM unnest(
            CAST(:principals AS text[]), CAST(:operations AS text[]), CAST(:keys AS text[]),
            CAST(:fingerprints AS bytea[]), CAST(:resources AS text[]), CAST(:statuses AS smallint[])
        ) AS c (principal, operation, key, fingerprint, resource_id, status)
    ), locked AS MATERIALIZED (
        SELECT *, pg_try_advisory_xact_lock(
            hashtextextended(principal || E'\\x1f' || operation || E'\\x1f' || key, 4711)
        ) AS free FROM claim
    ), inserted AS (
        INSERT INTO idempotency_record (principal, operation, key, fingerprint, resource_id, status)
        SELECT principal, operation, key, fingerprint, resource_id, status FROM locked WHERE free
        ON CONFLICT DO NOTHING
        RETURNING principal, operation, key
    )
    SELECT l.principal, l.operation, l.key, l.free, i.key IS NOT NULL AS fresh
    FROM locked l LEFT JOIN inserted i USING (principal, operation, key)
    """
)

_RECORDS = text(
    """
    SELECT r.principal, r.operation, r.key, r.fingerprint, r.resource_id, r.status
    FROM unnest(CAST(:principals AS text[]), CAST(:operations AS text[]), CAST(:keys AS text[]))
        AS c (principal, operation, key)
    JOIN idempotency_record r USING (principal, operation, key)
    """
)

_RELEASE = text(
    """
    DELETE FROM idempotency_record r
    USING unnest(CAST(:principals AS text[]), CAST(:operations AS text[]), CAST(:keys AS text[]))
        AS c (principal, operation, key)
    WHERE (r.principal, r.operation, r.key) = (c.principal, c.operation, c.key)
    """
)

_FORGET = text(
    """
    DELETE FROM idempotency_record WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_record WHERE created_at < :before
        ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED
    ))
    """
)

Identity = tuple[str, str, str]


def _columns(identities: Sequence[Identity]) -> dict[str, list[str]]:
    return {
        "principals": [identity[0] for identity in identities],
        "operations": [identity[1] for identity in identities],
        "keys": [identity[2] for identity in identities],
    }


async def claim(connection: AsyncConnection, claims: Sequence[IdempotencyClaim]) -> list[Claimed | IdempotencyRecord]:
    """Claim each key (no two of them equal): new, in flight elsewhere, or what is recorded, in order."""
    if not claims:
        return []
    rows = await connection.execute(
        _CLAIM,
        {
            **_columns([claim.identity for claim in claims]),
            "fingerprints": [claim.fingerprint for claim in claims],
            "resources": [claim.resource_id for claim in claims],
            "statuses": [claim.status for claim in claims],
        },
    )
    answers: dict[Identity, Claimed | IdempotencyRecord] = {}
    recorded: list[Identity] = []
    for principal, operation, key, free, fresh in rows:
        identity = (principal, operation, key)
        answers[identity] = Claimed.NEW if fresh else Claimed.IN_FLIGHT
        if free and not fresh:
            recorded.append(identity)
    if recorded:
        # A statement of its own: the first one's snapshot may be older than the record.
        for row in await connection.execute(_RECORDS, _columns(recorded)):
            answers[(row[0], row[1], row[2])] = IdempotencyRecord(bytes(row[3]), row[4], row[5])
    return [answers[claim.identity] for claim in claims]


async def release(connection: AsyncConnection, claims: Sequence[IdempotencyClaim]) -> None:
    """Take back claims of commands that were refused: a failure is never recorded."""
    if claims:
        await connection.execute(_RELEASE, _columns([claim.identity for claim in claims]))


async def forget(connection: AsyncConnection, before: datetime, *, batch: int = 5000) -> int:
    """Drop up to ``batch`` records older than ``before``, oldest first; returns how many."""
    result = await connection.execute(_FORGET, {"before": before, "batch": batch})
    return int(result.rowcount)
