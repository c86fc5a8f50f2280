"""Storage of idempotency keys: claimed, released and looked up in sets, inside the effect's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.persistence.bulk import Columns, arrays, names, unnest


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


_KEY_COLUMNS: Columns = (("principal", "text"), ("operation", "text"), ("key", "text"))
RECORD_COLUMNS: Columns = (
    *_KEY_COLUMNS,
    ("fingerprint", "bytea"),
    ("resource_id", "text"),
    ("status", "smallint"),
)
"""What a claim becomes once its command is carried out."""

# The lock is tried, never waited for: one slow duplicate elsewhere must not hold up a batch. It is
# freed after the commit is visible, so who gets it sees the record of whoever held it before.
_CLAIM = text(
    f"""
    WITH claim AS (
        SELECT * FROM {unnest(RECORD_COLUMNS, "c")}
    ), locked AS MATERIALIZED (
        SELECT *, pg_try_advisory_xact_lock(
            hashtextextended(principal || E'\\x1f' || operation || E'\\x1f' || key, 4711)
        ) AS free FROM claim
    ), inserted AS (
        INSERT INTO idempotency_record ({names(RECORD_COLUMNS)})
        SELECT {names(RECORD_COLUMNS)} FROM locked WHERE free
        ON CONFLICT DO NOTHING
        RETURNING principal, operation, key
    )
    SELECT l.principal, l.operation, l.key, l.free, i.key IS NOT NULL AS fresh
    FROM locked l LEFT JOIN inserted i USING (principal, operation, key)
    """
)

_RECORDS = text(
    f"""
    SELECT r.principal, r.operation, r.key, r.fingerprint, r.resource_id, r.status
    FROM {unnest(_KEY_COLUMNS, "c")}
    JOIN idempotency_record r USING (principal, operation, key)
    """
)

_RELEASE = text(
    f"""
    DELETE FROM idempotency_record r
    USING {unnest(_KEY_COLUMNS, "c")}
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


def claim_rows(claims: Sequence[IdempotencyClaim]) -> Iterator[tuple[object, ...]]:
    """The values of ``RECORD_COLUMNS``."""
    return ((*claim.identity, claim.fingerprint, claim.resource_id, claim.status) for claim in claims)


async def claim(connection: AsyncConnection, claims: Sequence[IdempotencyClaim]) -> list[Claimed | IdempotencyRecord]:
    """Claim each key (no two of them equal): new, in flight elsewhere, or what is recorded, in order."""
    if not claims:
        return []
    rows = await connection.execute(_CLAIM, arrays(RECORD_COLUMNS, claim_rows(claims)))
    answers: dict[Identity, Claimed | IdempotencyRecord] = {}
    recorded: list[Identity] = []
    for principal, operation, key, free, fresh in rows:
        identity = (principal, operation, key)
        answers[identity] = Claimed.NEW if fresh else Claimed.IN_FLIGHT
        if free and not fresh:
            recorded.append(identity)
    if recorded:
        # A statement of its own: the first one's snapshot may be older than the record.
        for row in await connection.execute(_RECORDS, arrays(_KEY_COLUMNS, recorded)):
            answers[(row[0], row[1], row[2])] = IdempotencyRecord(bytes(row[3]), row[4], row[5])
    return [answers[claim.identity] for claim in claims]


async def release(connection: AsyncConnection, claims: Sequence[IdempotencyClaim]) -> None:
    """Take back claims of commands that were refused: a failure is never recorded."""
    if claims:
        await connection.execute(_RELEASE, arrays(_KEY_COLUMNS, [claim.identity for claim in claims]))


async def forget(connection: AsyncConnection, before: datetime, *, batch: int = 5000) -> int:
    """Drop up to ``batch`` records older than ``before``, oldest first; returns how many."""
    result = await connection.execute(_FORGET, {"before": before, "batch": batch})
    return int(result.rowcount)
