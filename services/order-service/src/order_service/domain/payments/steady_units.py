"""Which units have been allocated for long enough to be charged: what is taken back at once is never charged."""

from __future__ import annotations

from datetime import datetime, timedelta

STEADY_AFTER = timedelta(seconds=60)
"""How long a unit is allocated before it is charged."""

Since = tuple[tuple[datetime, int], ...]
"""Units by the moment since when they are allocated without a break, the longest first."""


def observed(since: Since, units: int, at: datetime) -> Since:
    """What is known after ``units`` were seen allocated ``at`` this moment: new ones began then, the newest left."""
    known = sum(number for _, number in since)
    if units > known:
        return (*since, (at, units - known))
    kept: list[tuple[datetime, int]] = []
    for began, number in since:
        left = min(number, units)
        units -= left
        if left:
            kept.append((began, left))
    return _merged(kept, at)


def _merged(since: list[tuple[datetime, int]], at: datetime) -> Since:
    """Those that have been allocated for long enough need no times of their own."""
    steady = [(began, number) for began, number in since if began + STEADY_AFTER <= at]
    if len(steady) < 2:
        return tuple(since)
    newest = max(began for began, _ in steady)
    return ((newest, sum(number for _, number in steady)), *since[len(steady) :])


def steady_units(since: Since, at: datetime) -> int:
    """Units that have been allocated for long enough ``at`` this moment."""
    return sum(number for began, number in since if began + STEADY_AFTER <= at)


def next_steady(since: Since, at: datetime) -> datetime | None:
    """When more units will have been allocated for long enough; None: no unit is on its way."""
    return min((began + STEADY_AFTER for began, _ in since if began + STEADY_AFTER > at), default=None)
