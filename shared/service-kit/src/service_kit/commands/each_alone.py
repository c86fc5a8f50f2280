"""Working on a batch so that an item that cannot be worked on stops nothing but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

import structlog

from service_kit.messaging.retrying import Retrying, Verdict, taken_apart
from service_kit.persistence.parked_work import SetAside
from service_kit.persistence.transient_errors import is_data_fault, is_statement_timeout
from service_kit.runtime.waiting import pause

log = structlog.get_logger(__name__)

_PAUSES = 0.1, 5.0
_PATIENCE = 30.0

Step = Callable[[Sequence[str]], Awaitable[int]]
"""Works on items in one transaction; returns how much it did."""


class ParkedItems(Protocol):
    """Where items are set aside; see :class:`service_kit.persistence.parked_work.ParkedWork`."""

    async def set_aside(self, task: str) -> SetAside:
        """What the task has set aside."""
        ...

    async def release(self, task: str, items: Collection[str]) -> None:
        """Nothing is wrong with these any more."""
        ...

    async def park(self, task: str, item: str, error: BaseException) -> None:
        """Set an item aside."""
        ...

    async def database_responds(self) -> bool:
        """Whether the database has time for anybody."""
        ...


async def work_through(
    parked: ParkedItems, task: str, find: Callable[[Collection[str]], Awaitable[Sequence[str]]], step: Step
) -> tuple[int, Sequence[str]]:
    """One round of a background task: what was set aside and is due again, then what ``find`` finds.

    ``find`` gets the items that are set aside and is to leave them out. Returns the sum of what the steps returned, and
    what was found. Errors as for ``each_alone``.
    """
    held, due = await parked.set_aside(task)
    found = await find(held)
    total, done = await each_alone(parked, task, [*sorted(due), *(item for item in found if item not in due)], step)
    # One that is held can be among those that were found: something new has happened to it.
    await parked.release(task, (held | due) & set(done))
    return total, found


async def each_alone(
    parked: ParkedItems, task: str, items: Sequence[str], step: Step, *, patience: float = _PATIENCE
) -> tuple[int, list[str]]:
    """Call ``step`` with all of ``items``, and where the data of one of them fail it, with ever fewer of them.

    ``step`` is one transaction. An item that fails by itself, or is timed out for ``patience`` seconds while the
    database responds, is parked under ``task``; how often it is tried says ``Retrying``. Returns the sum of what the
    steps returned, and the items that were worked on. Raises every other error, which may pass: what was not worked on
    by then is left for the next round.
    """
    total = 0
    done: list[str] = []
    pieces: list[Sequence[str]] = [list(items)] if items else []
    while pieces:
        piece = pieces.pop()
        outcome = await _try(parked, piece, step, patience)
        if isinstance(outcome, int):
            total += outcome
            done += piece
            continue
        verdict, error = outcome
        if verdict is Verdict.PARK:
            log.error("work_parked", task=task, error_type=type(error).__name__, exc_info=error)
            await parked.park(task, piece[0], error)
        else:
            log.warning("batch_split", task=task, items=len(piece), error_type=type(error).__name__)
            pieces += reversed(taken_apart(piece, verdict))
    return total, done


async def _try(
    parked: ParkedItems, piece: Sequence[str], step: Step, patience: float
) -> int | tuple[Verdict, Exception]:
    """What ``step`` returned, or what is to be done about its error; raises an error that may pass."""
    retrying = Retrying(len(piece), patience=patience)
    while True:
        try:
            return await step(piece)
        except Exception as error:
            timed_out = is_statement_timeout(error)
            if not (timed_out or is_data_fault(error)):
                raise
            verdict = retrying.judge(error)
            if verdict is Verdict.PARK and timed_out and not await parked.database_responds():
                raise
            if verdict is not Verdict.AGAIN:
                return verdict, error
            await asyncio.sleep(pause(retrying.failures, *_PAUSES))
