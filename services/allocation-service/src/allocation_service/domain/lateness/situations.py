"""In which situation an announced date is judged: by how far it lies ahead, or by how long it is overdue.

Dates are compared with past ones that stood as far ahead: a date announced for tomorrow is met more surely than one for
next quarter, and a delivery that is overdue already says more about itself than any history of new dates.
"""

from __future__ import annotations

from typing import NamedTuple


class Situation(NamedTuple):
    """What an announced date has in common with those that it is judged by: days from ``first`` to ``last`` to go
    (``last`` None: any more), or, ``overdue``, ``first`` days past it and nothing there."""

    overdue: bool
    first: int
    last: int | None


LEAD_BANDS = (
    Situation(False, 0, 2),
    Situation(False, 3, 7),
    Situation(False, 8, 21),
    Situation(False, 22, 60),
    Situation(False, 61, None),
)
"""Days to go of dates that are judged alike."""

MOST_OVERDUE = 30
"""Days past its date after which a delivery is judged like all that are this late."""

OVERDUE = tuple(Situation(True, days, days) for days in range(1, MOST_OVERDUE + 1))

LEAD_TIME = Situation(False, -1, -1)
"""Of units that no announced delivery covers: judged by the lines that were promised by the lead time alone."""

SITUATIONS = (*LEAD_BANDS, *OVERDUE)


def situation_of(lead_days: int) -> Situation:
    """The situation of a date with so many days to go, negative ones where it has passed."""
    if lead_days < 0:
        return OVERDUE[min(-lead_days, MOST_OVERDUE) - 1]
    return next(band for band in LEAD_BANDS if band.last is None or lead_days <= band.last)
