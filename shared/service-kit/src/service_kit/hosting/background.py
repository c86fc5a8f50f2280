"""The loop of a background task: look for work again and again, until the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from service_kit.runtime.failing_parts import failing_parts
from service_kit.runtime.waiting import pause, wait_for_any

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row, 0.2 to 10; see ``pause``."""
    return pause(failures, _FIRST_PAUSE, _LONGEST_PAUSE)


async def repeat(
    name: str,
    step: Callable[[], Awaitable[T]],
    stopping: asyncio.Event,
    *,
    every: float,
    wanted: asyncio.Event | None = None,
    more: Callable[[T], bool] = lambda _: False,
) -> None:
    """Run ``step`` at once and then every ``every`` seconds, until ``stopping`` is set; a step under way is finished.

    It runs again without a pause where ``more`` says so of its result, or once ``wanted`` is set (which is cleared
    before each step, so that what is wanted during a step brings about another one).

    A step that raises is logged and tried again after ``every`` seconds or ``pause_after`` so many failures, whichever
    is longer, even if it is wanted earlier. So a step must leave its work where the next one finds it: in the
    database, undone or claimed for a limited time. ``name`` is the step's name in the log and in ``failing_parts``,
    through which readiness and metrics tell of a step that keeps failing.
    """
    failures = 0
    while not stopping.is_set():
        if wanted is not None:
            wanted.clear()
        try:
            again = more(await step())
        except Exception as error:
            failures += 1
            failing_parts.failed(name, error)
            log.warning("background_step_failed", part=name, in_a_row=failures, exc_info=error)
            await wait_for_any(max(every, pause_after(failures)), stopping)
            continue
        failures = 0
        failing_parts.worked(name)
        if again:
            # Let others have their turn, however much there is to do.
            await asyncio.sleep(0)
        else:
            await wait_for_any(every, stopping, *([] if wanted is None else [wanted]))
