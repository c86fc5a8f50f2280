"""A batch of commands in one statement: claims, effects and events together, without a transaction around them.

A service writes the statement; it begins with :data:`CLAIMS`, makes what its free claims ask for, and ends
with :data:`RECORDED` and :data:`SENT`, so that all of it is there or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import asyncpg

from service_kit.commands.attempt import LostRace
from service_kit.commands.errors import OutcomeUnknown
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.messaging.outbox import Prepared
from service_kit.persistence.database import Database, DirectConnection
from service_kit.persistence.statements import Statement
from service_kit.persistence.transient_errors import is_transient
from service_kit.runtime.failpoints import failpoint

C = TypeVar("C")
R = TypeVar("R")

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
"""First of the statement. Records are looked up by key (``OFFSET 0``): a plan made while there are few of them
must not read them all when there are many.

What is made has the id that its claim names; nothing may be made of those ``refused``."""

RECORDED = """
recorded AS (
    INSERT INTO idempotency_record (principal, operation, key, fingerprint, resource_id, status)
    SELECT principal, operation, key, fingerprint, resource_id, status FROM claim JOIN made USING (resource_id)
)
"""
"""After ``made (resource_id)``, which returns what was made.

A key that was recorded between the statement's snapshot and its lock breaks the primary key, and with it all
that the statement did: see ``raced``. Where something else leaves the command out before that (a unique name that
``ON CONFLICT DO NOTHING`` meets), nothing breaks: ask ``recorded_meanwhile`` about whatever was not made.
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
"""After ``made``: the events whose key is the id of what was made."""

ANSWERS = """
SELECT resource_id AS claimed, CAST(NULL AS bytea), CAST(NULL AS text), CAST(NULL AS smallint), TRUE FROM made
UNION ALL SELECT claimed, fingerprint, resource_id, status, FALSE FROM known
UNION ALL SELECT resource_id, NULL, NULL, NULL, FALSE FROM claim WHERE NOT free
"""
"""The end of the statement, for ``answers``."""


def claim_parameters(claims: Sequence[IdempotencyClaim]) -> dict[str, list[Any]]:
    """Those of ``CLAIMS``; no two claims may have the same key."""
    return {
        "claim_principals": [claim.principal for claim in claims],
        "claim_operations": [claim.operation for claim in claims],
        "claim_keys": [claim.key for claim in claims],
        "claim_fingerprints": [claim.fingerprint for claim in claims],
        "claim_resources": [claim.resource_id for claim in claims],
        "claim_statuses": [claim.status for claim in claims],
    }


def event_parameters(rows: Sequence[Prepared]) -> dict[str, list[Any]]:
    """Those of ``SENT``."""
    names = ("event_ids", "event_topics", "event_keys", "event_headers", "event_values")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def answers(rows: Sequence[Any]) -> dict[str, Claimed | IdempotencyRecord]:
    """By the id that a command would make: made (NEW), recorded before, or in flight elsewhere.

    An id that is absent was not made: something else stands in its way, or its key was recorded meanwhile.
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
    """Records that others made of these keys after the statement's snapshot and before its lock, by the id that
    the command would have made. The locks were free, so a snapshot of now sees all there can be."""
    if not claims:
        return {}
    rows = await _RECORDS.rows(conn.driver, claim_parameters(claims))
    return {
        claimed: IdempotencyRecord(fingerprint, resource_id, status)
        for claimed, fingerprint, resource_id, status in rows
    }


def raced(error: BaseException) -> bool:
    """Whether the same key was recorded by another process meanwhile: the next try finds its record."""
    return isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "idempotency_record_pkey"


def undone(error: BaseException) -> bool:
    """Whether the server itself said that the statement failed, and so left no trace: unlike a lost connection,
    or a server that shuts down (classes 08 and 57P)."""
    return isinstance(error, asyncpg.PostgresError) and not str(error.sqlstate).startswith(("08", "57P"))


AtOnce = Callable[
    [DirectConnection, Sequence[C], Sequence[IdempotencyClaim | None]],
    Awaitable[Sequence[R | Exception | Claimed | IdempotencyRecord]],
]
"""Carries out a batch in one statement: for a command whose key is not free, what stands in its way."""


class SingleStatementAttempt(Generic[C, R]):
    """Carries out a batch in one statement, which is its own transaction. The connection is kept between batches."""

    def __init__(self, database: Database, at_once: AtOnce[C, R]) -> None:
        self._at_once = at_once
        self._statements = database.autocommit()

    async def __call__(
        self, commands: Sequence[C], claims: Sequence[IdempotencyClaim | None]
    ) -> Sequence[R | Exception | Claimed | IdempotencyRecord]:
        """See :class:`service_kit.commands.attempt.Attempt`."""
        begun = False
        try:
            async with self._statements.statement() as connection:
                failpoint("before_db_commit")
                begun = True
                return await self._at_once(connection, commands, claims)
        except Exception as error:
            if raced(error):
                raise LostRace from error
            if begun and is_transient(error) and not undone(error):
                raise OutcomeUnknown from error
            raise

    async def rest(self) -> None:
        """Let others have the connection."""
        await self._statements.give_back()
