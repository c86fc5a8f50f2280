"""Commands from HTTP, carried out in batches: what arrives during a commit shares the next one.

The idempotency record is written in the transaction of the effect, so either both are there after a
crash or neither is. An answer is given only after the commit.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import random
from typing import Generic, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.commands.at_once import raced, undone
from service_kit.commands.idempotency import (
    Claimed,
    IdempotencyClaim,
    IdempotencyRecord,
    claim,
    in_flight,
    key_reused,
    release,
)
from service_kit.http.problems import Problem, unavailable
from service_kit.persistence.database import Database, DirectConnection
from service_kit.persistence.transient_errors import is_transient
from service_kit.runtime.cause import Cause, current_cause
from service_kit.runtime.failpoints import failpoint

__all__ = ["CommandBatcher", "IdempotencyClaim", "Submitted"]

C = TypeVar("C")
R = TypeVar("R")
T = TypeVar("T")

_ATTEMPTS = 4
"""Times that a batch is tried while its errors are transient; then the callers get 503 and may repeat."""

_FIRST_WAIT = 0.05
"""Seconds before the second try, doubled each time, with jitter."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Submitted(Generic[R]):
    """What became of a command.

    ``status`` and ``resource_id`` are those of the first answer (201 and None without a claim).
    ``result`` is None where the answer repeats one: load the resource as it is now.
    """

    replayed: bool
    resource_id: str | None
    status: int
    result: R | None


@dataclass(slots=True, eq=False)
class _Pending(Generic[C, R]):
    command: C
    claim: IdempotencyClaim | None
    answer: asyncio.Future[Submitted[R]]
    cause: Cause | None = field(default_factory=current_cause.get)

    def succeed(self, result: R) -> None:
        claim = self.claim
        if not self.answer.done():
            resource_id, status = (claim.resource_id, claim.status) if claim else (None, 201)
            self.answer.set_result(Submitted(False, resource_id, status, result))

    def replay(self, resource_id: str, status: int) -> None:
        if not self.answer.done():
            self.answer.set_result(Submitted(True, resource_id, status, None))

    def settle(self, result: R | Problem | IdempotencyRecord | Claimed) -> None:
        if isinstance(result, Problem):
            self.fail(result)
        elif isinstance(result, IdempotencyRecord):
            self.follow(result)
        elif isinstance(result, Claimed):
            self.fail(in_flight())
        else:
            self.succeed(result)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def follow(self, record: IdempotencyRecord) -> None:
        """Answer from what is recorded under the key: the same body repeats it, another one is refused."""
        if self.claim is not None and record.fingerprint == self.claim.fingerprint:
            self.replay(record.resource_id, record.status)
        else:
            self.fail(key_reused())


class _OutcomeUnknown(Exception):
    """The connection was lost while committing: the effect may or may not be there."""


class _GaveUp(Exception):
    """The errors stayed transient for too long."""


AtOnce = Callable[
    [DirectConnection, Sequence[C], Sequence[IdempotencyClaim | None]],
    Awaitable[Sequence[R | Problem | IdempotencyRecord | Claimed]],
]


class CommandBatcher(Generic[C, R]):
    """Carries commands out, many in one transaction, each answered for itself.

    ``execute`` gets the connection and the new commands, and returns one result or Problem for each,
    in order; a command it refuses must leave no trace. An unexpected error undoes the batch, which is
    then carried out one by one, so that it fails the command at fault only. Transient errors
    (:func:`service_kit.persistence.database.is_transient`) are retried, then answered with 503.

    ``at_once`` in place of ``execute`` does all of it in one statement (:mod:`service_kit.commands.at_once`): it gets
    the claims as well, and for a command whose key is not free it returns what stands in its way.
    """

    def __init__(
        self,
        database: Database,
        execute: Callable[[AsyncConnection, Sequence[C]], Awaitable[Sequence[R | Problem]]] | None = None,
        *,
        at_once: AtOnce[C, R] | None = None,
        max_batch: int = 200,
    ) -> None:
        if (execute is None) == (at_once is None):
            raise TypeError("give execute or at_once")
        self._database = database
        self._execute = execute
        self._at_once = at_once
        self._max_batch = max_batch
        self._statements = database.autocommit()
        self._pending: deque[_Pending[C, R]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, command: C, claim: IdempotencyClaim | None = None) -> Submitted[R]:
        """Carry out ``command``; returns after the commit.

        Raises the Problem that ``execute`` answered; 422 ``idempotency_key_reused`` for a claim whose
        key was used with another body; 409 while another process works on the same key.
        """
        answer: asyncio.Future[Submitted[R]] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(command, claim, answer))
        if self._worker is None or self._worker.done():
            # A context of its own: batches must not speak in the name of whoever came first.
            self._worker = asyncio.create_task(self._work(), name="command-bus", context=contextvars.Context())
        return await answer

    async def _work(self) -> None:
        while self._pending:
            try:
                while self._pending:
                    await self._work_off()
            finally:
                # What comes meanwhile finds a worker that is not done: it looks once more.
                await self._statements.give_back()

    async def _work_off(self) -> None:
        """Run the next batch; each of its callers is answered."""
        batch: list[_Pending[C, R]] = []
        while self._pending and len(batch) < self._max_batch:
            pending = self._pending.popleft()
            # A caller that has gone before its command began is not carried out.
            if not pending.answer.done():
                batch.append(pending)
        try:
            await self._run_grouped(batch)
        except BaseException as error:
            for pending in batch:
                pending.fail(_own(error))
            if not isinstance(error, Exception):
                raise

    async def _run_grouped(self, batch: Sequence[_Pending[C, R]]) -> None:
        """Run the batch with one leader a key; whoever repeats a key in it shares its leader's outcome."""
        leaders: list[_Pending[C, R]] = []
        by_key: dict[tuple[str, str, str], tuple[IdempotencyClaim, asyncio.Future[Submitted[R]]]] = {}
        followers: list[_Pending[C, R]] = []
        for pending in batch:
            if pending.claim is not None and pending.claim.identity in by_key:
                followers.append(pending)
                continue
            leaders.append(pending)
            if pending.claim is not None:
                by_key[pending.claim.identity] = (pending.claim, pending.answer)
        await self._run(leaders)
        for follower in followers:
            if follower.claim is not None:
                self._share(follower, *by_key[follower.claim.identity])

    def _share(self, follower: _Pending[C, R], leading: IdempotencyClaim, answer: asyncio.Future[Submitted[R]]) -> None:
        error = None if answer.cancelled() else answer.exception()
        same_body = follower.claim is not None and follower.claim.fingerprint == leading.fingerprint
        if answer.cancelled() or (error is not None and not same_body):
            # The leader's fate says nothing about this one: it looks for itself, in the next batch.
            self._pending.append(follower)
        elif error is not None:
            follower.fail(_own(error))
        else:
            first = answer.result()
            # The leader itself may repeat an earlier answer, which names another resource than its claim.
            follower.follow(
                IdempotencyRecord(leading.fingerprint, first.resource_id or leading.resource_id, first.status)
            )

    async def _run(self, batch: Sequence[_Pending[C, R]]) -> None:
        if not batch:
            return
        try:
            await self._with_retries(batch)
        except _GaveUp:
            for pending in batch:
                pending.fail(unavailable())
        except Exception as error:
            # Whoever has an answer, or has gone, is not carried out a second time.
            open_ones = [pending for pending in batch if not pending.answer.done()]
            if len(batch) == 1:
                batch[0].fail(error)
                return
            log.warning("command_batch_split", commands=len(open_ones), error_type=type(error).__name__)
            for pending in open_ones:
                await self._run([pending])

    async def _with_retries(self, batch: Sequence[_Pending[C, R]]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                await (self._attempt(batch) if self._at_once is None else self._attempt_at_once(batch, self._at_once))
                return
            except _OutcomeUnknown:
                unclaimed = [pending for pending in batch if pending.claim is None]
                for pending in unclaimed:
                    # Nothing would recognise a second run of these.
                    pending.fail(unavailable("outcome_unknown", "Whether the request was carried out is not known."))
                batch = [pending for pending in batch if pending.claim is not None]
                if not batch:
                    return
            except Exception as error:
                if not (is_transient(error) or raced(error)):
                    raise
                log.warning("command_batch_retry", attempt=attempt + 1, error_type=type(error).__name__)
            await asyncio.sleep(_FIRST_WAIT * 2**attempt * (0.5 + random()))  # noqa: S311 - jitter
        raise _GaveUp

    async def _attempt(self, batch: Sequence[_Pending[C, R]]) -> None:
        executed = False
        current_cause.set(batch[0].cause if len(batch) == 1 else None)
        try:
            async with self._database.transaction() as connection:
                claimed = await self._claim(connection, batch)
                commands = [pending.command for pending in claimed.fresh]
                results = await self._execute(connection, commands) if commands and self._execute else ()
                outcomes = list(_paired(claimed.fresh, results))
                refused = [p.claim for p, result in outcomes if isinstance(result, Problem) and p.claim is not None]
                await release(connection, refused)
                executed = True
        except Exception as error:
            if executed and is_transient(error):
                raise _OutcomeUnknown from error
            raise
        failpoint("after_db_commit")
        for pending, result in (*claimed.known, *outcomes):
            pending.settle(result)

    async def _attempt_at_once(self, batch: Sequence[_Pending[C, R]], at_once: AtOnce[C, R]) -> None:
        begun = False
        current_cause.set(batch[0].cause if len(batch) == 1 else None)
        commands, claims = [pending.command for pending in batch], [pending.claim for pending in batch]
        try:
            async with self._statements.statement() as connection:
                failpoint("before_db_commit")
                begun = True
                results = await at_once(connection, commands, claims)
        except Exception as error:
            if begun and is_transient(error) and not undone(error):
                raise _OutcomeUnknown from error
            raise
        failpoint("after_db_commit")
        for pending, result in _paired(batch, results):
            pending.settle(result)

    async def _claim(self, connection: AsyncConnection, batch: Sequence[_Pending[C, R]]) -> _Claimed[C, R]:
        claims = [pending.claim for pending in batch if pending.claim is not None]
        answers = dict(zip((c.identity for c in claims), await claim(connection, claims), strict=True))
        fresh: list[_Pending[C, R]] = []
        known: list[tuple[_Pending[C, R], IdempotencyRecord | Claimed]] = []
        for pending in batch:
            answer = Claimed.NEW if pending.claim is None else answers[pending.claim.identity]
            if answer is Claimed.NEW:
                fresh.append(pending)
            else:
                known.append((pending, answer))
        return _Claimed(fresh, known)


@dataclass(frozen=True, slots=True)
class _Claimed(Generic[C, R]):
    """A batch, parted: to be carried out, and already answered or under way elsewhere."""

    fresh: list[_Pending[C, R]]
    known: list[tuple[_Pending[C, R], IdempotencyRecord | Claimed]]


def _paired(batch: Sequence[_Pending[C, R]], results: Sequence[T]) -> Iterator[tuple[_Pending[C, R], T]]:
    if len(results) != len(batch):
        raise RuntimeError(f"{len(results)} results for {len(batch)} commands")
    return zip(batch, results, strict=True)


def _own(error: BaseException) -> BaseException:
    """One error raised in many tasks would grow one traceback of all of them; a problem is copied instead."""
    if isinstance(error, Problem):
        return Problem(
            error.status,
            error.code,
            error.title,
            error.detail,
            errors=error.errors,
            headers=error.headers,
            extra=error.extra,
        )
    return error
