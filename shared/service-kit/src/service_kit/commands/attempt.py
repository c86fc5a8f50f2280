"""One attempt to carry out a batch of commands in one transaction, with their idempotency records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.commands.errors import OutcomeUnknown
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord, claim, release
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.transient_errors import is_transient

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
U = TypeVar("U", bound=SqlUnitOfWork)

BatchUseCase = Callable[[U, Sequence[C]], Awaitable[Sequence[R | Exception]]]
"""A use case for a batch: one result for each command, in order; a refusal is a result that is an exception.

What it refuses must leave no trace. An error that it raises undoes the whole batch.
"""


class LostRace(Exception):
    """Another process committed the same key meanwhile. Nothing was done: the next attempt finds its record."""


class Attempt(Protocol[C_contra, R_co]):
    """Carries out a batch once. Raises OutcomeUnknown where the commit may have happened, LostRace to go again."""

    async def __call__(
        self, commands: Sequence[C_contra], claims: Sequence[IdempotencyClaim | None]
    ) -> Sequence[R_co | Exception | IdempotencyRecord | Claimed]:
        """For each command, in order: its result, its refusal, or what stands under its key already."""
        ...

    async def rest(self) -> None:
        """No command waits any more: give back what is held between batches."""
        ...


class TransactionAttempt(Generic[U, C, R]):
    """Claims the keys, calls the use case and commits, all in one unit of work."""

    def __init__(self, units: SqlUnitOfWorkFactory[U], use_case: BatchUseCase[U, C, R]) -> None:
        self._units = units
        self._use_case = use_case

    async def __call__(
        self, commands: Sequence[C], claims: Sequence[IdempotencyClaim | None]
    ) -> Sequence[R | Exception | IdempotencyRecord | Claimed]:
        """See Attempt. The claims of refused commands are taken back: a failure is never recorded."""
        executed = False
        try:
            async with self._units.begin() as uow:
                known = await _claim(uow.connection, claims)
                fresh = [place for place, answer in enumerate(known) if answer is Claimed.NEW]
                results = await self._use_case(uow, [commands[place] for place in fresh]) if fresh else ()
                outcomes: list[R | Exception | IdempotencyRecord | Claimed] = list(known)
                refused = []
                for place, result in paired(fresh, results):
                    outcomes[place] = result
                    claimed = claims[place]
                    if isinstance(result, Exception) and claimed is not None:
                        refused.append(claimed)
                await release(uow.connection, refused)
                executed = True
                await uow.commit()
        except Exception as error:
            if executed and is_transient(error):
                raise OutcomeUnknown from error
            raise
        return outcomes

    async def rest(self) -> None:
        """See Attempt: nothing is held."""


async def _claim(
    connection: AsyncConnection, claims: Sequence[IdempotencyClaim | None]
) -> list[Claimed | IdempotencyRecord]:
    answers = iter(await claim(connection, [each for each in claims if each is not None]))
    return [Claimed.NEW if each is None else next(answers) for each in claims]


def paired(batch: Sequence[T], results: Sequence[R]) -> Iterator[tuple[T, R]]:
    """Each command with its result. RuntimeError where a use case answered fewer or more than it was given."""
    if len(results) != len(batch):
        raise RuntimeError(f"{len(results)} results for {len(batch)} commands")
    return zip(batch, results, strict=True)
