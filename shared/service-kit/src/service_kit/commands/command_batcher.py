"""Commands from HTTP, carried out in batches: what arrives during a commit shares the next one.

The idempotency record is written in the transaction of the effect, so either both are there after a
crash or neither is. An answer is given only after the commit.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from service_kit.commands.attempt import Attempt, BatchUseCase, LostRace, TransactionAttempt, paired
from service_kit.commands.errors import (
    CommandNotCarriedOut,
    IdempotencyKeyInFlight,
    IdempotencyKeyReused,
    OutcomeUnknown,
)
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.transient_errors import is_outage
from service_kit.runtime.cause import Cause, current_cause
from service_kit.runtime.failpoints import failpoint
from service_kit.runtime.waiting import pause

__all__ = ["CommandBatcher", "IdempotencyClaim", "Submitted"]

C = TypeVar("C")
R = TypeVar("R")
U = TypeVar("U", bound=SqlUnitOfWork)

_ATTEMPTS = 4
"""Times that a batch is tried during an outage; then the callers get 503 and may repeat."""

_PAUSES = 0.075, 0.6
"""Seconds before the second try, at most, and before the callers are told."""

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

    def resolve(self, result: R | Exception | IdempotencyRecord | Claimed) -> None:
        if isinstance(result, Exception):
            self.fail(result)
        elif isinstance(result, IdempotencyRecord):
            self.follow(result)
        elif isinstance(result, Claimed):
            self.fail(IdempotencyKeyInFlight())
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
            self.fail(IdempotencyKeyReused())


class CommandBatcher(Generic[C, R]):
    """Carries commands out, many in one attempt, each answered for itself.

    An unexpected error undoes the batch, which is then carried out one by one, so that it fails the command
    at fault only. Outages (:func:`service_kit.persistence.transient_errors.is_outage`) are retried; after that the
    callers get CommandNotCarriedOut and may repeat.
    """

    def __init__(self, attempt: Attempt[C, R], *, max_batch: int = 200) -> None:
        self._attempt = attempt
        self._max_batch = max_batch
        self._pending: deque[_Pending[C, R]] = deque()
        self._worker: asyncio.Task[None] | None = None

    @classmethod
    def on(
        cls, units: SqlUnitOfWorkFactory[U], use_case: BatchUseCase[U, C, R], *, max_batch: int = 200
    ) -> CommandBatcher[C, R]:
        """A batcher that calls ``use_case`` on one unit of work for each batch."""
        return cls(TransactionAttempt(units, use_case), max_batch=max_batch)

    async def submit(self, command: C, claim: IdempotencyClaim | None = None) -> Submitted[R]:
        """Carry out ``command``; returns after the commit.

        Raises the refusal of the use case; IdempotencyKeyReused for a claim whose key was used with another
        body; IdempotencyKeyInFlight while another process works on the same key; CommandNotCarriedOut and
        OutcomeUnknown where the database was not to be reached.
        """
        answer: asyncio.Future[Submitted[R]] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(command, claim, answer))
        if self._worker is None or self._worker.done():
            # A context of its own: batches must not speak in the name of whoever came first.
            self._worker = asyncio.create_task(self._work(), name="command-batcher", context=contextvars.Context())
        return await answer

    async def _work(self) -> None:
        while self._pending:
            try:
                while self._pending:
                    await self._work_off()
            finally:
                # What comes meanwhile finds a worker that is not done: it looks once more.
                await self._attempt.rest()

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
        except CommandNotCarriedOut as error:
            for pending in batch:
                pending.fail(_own(error))
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
                await self._carry_out(batch)
                return
            except OutcomeUnknown:
                unclaimed = [pending for pending in batch if pending.claim is None]
                for pending in unclaimed:
                    # Nothing would recognise a second run of these.
                    pending.fail(OutcomeUnknown())
                batch = [pending for pending in batch if pending.claim is not None]
                if not batch:
                    return
            except Exception as error:
                if not (is_outage(error) or isinstance(error, LostRace)):
                    raise
                log.warning("command_batch_retry", attempt=attempt + 1, error_type=type(error).__name__)
            await asyncio.sleep(pause(attempt + 1, *_PAUSES))
        raise CommandNotCarriedOut

    async def _carry_out(self, batch: Sequence[_Pending[C, R]]) -> None:
        current_cause.set(batch[0].cause if len(batch) == 1 else None)
        outcomes = await self._attempt([pending.command for pending in batch], [pending.claim for pending in batch])
        failpoint("after_db_commit")
        for pending, outcome in paired(batch, outcomes):
            pending.resolve(outcome)


def _own(error: BaseException) -> BaseException:
    """A copy for one caller: one error raised in many tasks would grow one traceback of all of them.

    ``copy.copy`` calls the class again with ``args``, which few exceptions with data of their own allow.
    """
    if not isinstance(error, Exception):
        return error
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    return copied
