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

    @property
    def name(self) -> str:
        """``due 3-7``, ``due 61+``, ``overdue 5``, ``lead time``: as it is stored and shown."""
        if self.first < 0:
            return "lead time"
        if self.overdue:
            return f"overdue {self.first}" + ("+" if self.first == MOST_OVERDUE else "")
        return f"due {self.first}+" if self.last is None else f"due {self.first}-{self.last}"


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

NAMED = {one.name: one for one in (*SITUATIONS, LEAD_TIME)}
"""By the name that they are stored by."""


def situation_of(lead_days: int) -> Situation:
    """The situation of a date with so many days to go, negative ones where it has passed."""
    if lead_days < 0:
        return OVERDUE[min(-lead_days, MOST_OVERDUE) - 1]
    return next(band for band in LEAD_BANDS if band.last is None or lead_days <= band.last)
