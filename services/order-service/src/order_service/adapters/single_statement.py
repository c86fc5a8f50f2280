"""A batch of commands in one SQL statement: idempotency keys, effects and events, without BEGIN and COMMIT.

One statement costs one round trip where a transaction costs five. It begins with :data:`CLAIMS`, makes what the free
claims ask for in a part named ``made``, and ends with :data:`RECORDED`, :data:`SENT` and :data:`OUTCOMES`. PostgreSQL
carries out all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import asyncpg

from service_kit.commands.attempt import LostRace
from service_kit.commands.errors import OutcomeUnknown
from service_kit.commands.idempotency import (
    RECORD_COLUMNS,
    Claimed,
    IdempotencyClaim,
    IdempotencyRecord,
    claim_rows,
)
from service_kit.messaging.outbox import OUTBOX_COLUMNS, Prepared
from service_kit.persistence.bulk import arrays, names, unnest
from service_kit.persistence.database import Database, DirectConnection
from service_kit.persistence.statements import Statement
from service_kit.persistence.transient_errors import is_transient
from service_kit.runtime.failpoints import failpoint

C = TypeVar("C")
R = TypeVar("R")

CLAIMS = f"""
claim AS MATERIALIZED (
    SELECT c.*, pg_try_advisory_xact_lock(
        hashtextextended(principal || E'\\x1f' || operation || E'\\x1f' || key, 4711)
    ) AS free
    FROM {unnest(RECORD_COLUMNS, "c", "claim_")}
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
"""The first parts of the statement: they claim the keys.

A claim names the id of what its command would make. ``refused`` holds the ids that must not be made, because their key
is recorded already or another process works on it. Records are looked up one by one (``OFFSET 0``), so that a plan made
while there are few of them does not read all of them when there are many.
"""

RECORDED = f"""
recorded AS (
    INSERT INTO idempotency_record ({names(RECORD_COLUMNS)})
    SELECT {names(RECORD_COLUMNS)} FROM claim JOIN made USING (resource_id)
)
"""
"""Records the keys of what was made; stands after ``made (resource_id)``.

A key that was recorded between the statement's snapshot and its lock violates the primary key and undoes the whole
statement; see :func:`lost_race`. If something else left the command out before (a unique name met by ``ON CONFLICT DO
NOTHING``), the key violates nothing: ask :func:`recorded_meanwhile` about everything that was not made.
"""

SENT = f"""
sent AS (
    INSERT INTO outbox ({names(OUTBOX_COLUMNS)})
    SELECT {names(OUTBOX_COLUMNS)}
    FROM {unnest(OUTBOX_COLUMNS, "event", "event_", position=True)}
    JOIN made ON made.resource_id = event.key
    ORDER BY position
)
"""
"""Stores the events whose key is the id of something made; stands after ``made``."""

OUTCOMES = """
SELECT resource_id AS claimed, CAST(NULL AS bytea), CAST(NULL AS text), CAST(NULL AS smallint), TRUE FROM made
UNION ALL SELECT claimed, fingerprint, resource_id, status, FALSE FROM known
UNION ALL SELECT resource_id, NULL, NULL, NULL, FALSE FROM claim WHERE NOT free
"""
"""The end of the statement; its rows are for :func:`outcomes_of`."""


def claim_parameters(claims: Sequence[IdempotencyClaim]) -> dict[str, list[Any]]:
    """The parameters of ``CLAIMS``; no two claims may have the same key."""
    return arrays(RECORD_COLUMNS, claim_rows(claims), "claim_")


def event_parameters(rows: Sequence[Prepared]) -> dict[str, list[Any]]:
    """The parameters of ``SENT``."""
    return arrays(OUTBOX_COLUMNS, rows, "event_")


def outcomes_of(rows: Sequence[Any]) -> dict[str, Claimed | IdempotencyRecord]:
    """What became of the commands, by the id that each would make: made (NEW), recorded before, or in flight elsewhere.

    A command whose id is absent was not carried out, because something other than its key stood in its way, or because
    its key was recorded after the statement's snapshot.
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
    f"""
    SELECT c.resource_id AS claimed, r.fingerprint, r.resource_id, r.status
    FROM {unnest(RECORD_COLUMNS, "c", "claim_")}
    JOIN idempotency_record AS r USING (principal, operation, key)
    """
)


async def recorded_meanwhile(
    conn: DirectConnection, claims: Sequence[IdempotencyClaim]
) -> dict[str, IdempotencyRecord]:
    """Records that other processes made of these keys between the statement's snapshot and its locks.

    They are returned by the id that the command would have made. The statement got the locks of these keys, so nobody
    works on them any more, and the snapshot of this query sees every record there can be.
    """
    if not claims:
        return {}
    rows = await _RECORDS.rows(conn.driver, claim_parameters(claims))
    return {
        claimed: IdempotencyRecord(fingerprint, resource_id, status)
        for claimed, fingerprint, resource_id, status in rows
    }


def lost_race(error: BaseException) -> bool:
    """Whether the statement failed because another process recorded one of its keys first."""
    return isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "idempotency_record_pkey"


def undone(error: BaseException) -> bool:
    """Whether the server reported that the statement failed, so that it left no trace.

    After a lost connection or a shutdown of the server (classes 08 and 57P) the statement may have been committed.
    """
    return isinstance(error, asyncpg.PostgresError) and not str(error.sqlstate).startswith(("08", "57P"))


BatchInOneStatement = Callable[
    [DirectConnection, Sequence[C], Sequence[IdempotencyClaim | None]],
    Awaitable[Sequence[R | Exception | Claimed | IdempotencyRecord]],
]
"""Carries out a batch; returns for each command its result, its refusal, or what stands under its key already."""


class SingleStatementAttempt(Generic[C, R]):
    """An attempt in one statement, which is its own transaction. The connection is kept between batches."""

    def __init__(self, database: Database, carry_out: BatchInOneStatement[C, R]) -> None:
        self._carry_out = carry_out
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
                return await self._carry_out(connection, commands, claims)
        except Exception as error:
            if lost_race(error):
                raise LostRace from error
            if begun and is_transient(error) and not undone(error):
                raise OutcomeUnknown from error
            raise

    async def rest(self) -> None:
        """See Attempt: returns the connection to the pool."""
        await self._statements.give_back()
