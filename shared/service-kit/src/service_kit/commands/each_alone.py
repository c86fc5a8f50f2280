"""Working on a batch so that an item that cannot be worked on stops nothing but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

import structlog

from service_kit.persistence.transient_errors import is_data_fault, is_statement_timeout
from service_kit.runtime.waiting import pause

log = structlog.get_logger(__name__)

_TRIES = 3
_PAUSES = 0.1, 5.0


class ParkedItems(Protocol):
    """Where items are set aside; see :class:`service_kit.persistence.parked_work.ParkedWork`."""

    async def held(self, task: str) -> frozenset[str]:
        """Items that are not to be tried yet."""
        ...

    async def due(self, task: str) -> frozenset[str]:
        """Items that are to be tried again now."""
        ...

    async def release(self, task: str, items: Collection[str]) -> None:
        """Nothing is wrong with these any more."""
        ...

    async def park(self, task: str, item: str, error: BaseException) -> None:
        """Set an item aside."""
        ...


async def work_through(
    parked: ParkedItems,
    task: str,
    find: Callable[[Collection[str]], Awaitable[Sequence[str]]],
    step: Callable[[Sequence[str]], Awaitable[int]],
) -> tuple[int, Sequence[str]]:
    """One round of a background task: what was set aside and is due again, then what ``find`` finds.

    ``find`` gets the items that are set aside and is to leave them out. Returns the sum of what the steps returned, and
    what was found. Errors as for ``each_alone``.
    """
    held, due = await parked.held(task), await parked.due(task)
    found = await find(held)
    total, done = await each_alone(parked, task, [*sorted(due), *(item for item in found if item not in due)], step)
    await parked.release(task, due & set(done))
    return total, found


async def each_alone(
    parked: ParkedItems, task: str, items: Sequence[str], step: Callable[[Sequence[str]], Awaitable[int]]
) -> tuple[int, list[str]]:
    """Call ``step`` with all of ``items``, and where the data of one of them fail it, with ever fewer of them.

    ``step`` is one transaction. An item that fails by itself is tried three times and parked under ``task``; time-outs
    count as failures of a batch at once, and of an item when there were three. Returns the sum of what the steps
    returned, and the items that were worked on. Raises every other error, which may pass: what was not worked on
    by then is left for the next round.
    """
    total, done = 0, []
    pieces = [list(items)] if items else []
    failures = 0
    while pieces:
        piece = pieces.pop()
        try:
            total += await step(piece)
        except Exception as error:
            if not (is_data_fault(error) or is_statement_timeout(error)):
                raise
            if len(piece) > 1:
                log.warning("batch_split", task=task, items=len(piece), error_type=type(error).__name__)
                middle = len(piece) // 2
                pieces += [piece[middle:], piece[:middle]]
                continue
            failures += 1
            if failures < _TRIES:
                await asyncio.sleep(pause(failures, *_PAUSES))
                pieces.append(piece)
                continue
            log.error("work_parked", task=task, error_type=type(error).__name__, exc_info=error)
            await parked.park(task, piece[0], error)
        else:
            done += piece
        failures = 0
    return total, done
