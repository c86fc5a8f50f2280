"""What steps of maintenance found and did."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Backlog(NamedTuple):
    """What waits in all queues; ``oldest`` joined its queue first, None where nothing waits."""

    oldest: datetime | None
    units: int
    lines: int


class RetentionStep(NamedTuple):
    """What one step did; ``done``: there is nothing left to do for now."""

    decisions: int
    lines: int
    done: bool


NOTHING = RetentionStep(0, 0, done=True)
"""There was nothing to do."""


class InputRetentionStep(NamedTuple):
    """What one step removed; the next begins behind ``reached``, or ``done``: there is nothing left for now."""

    lines: int
    reached: str
    done: bool
