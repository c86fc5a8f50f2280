"""What past deliveries say about one to come: one observation for each delivery and each date announced for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from allocation_service.domain.lateness.situations import MOST_OVERDUE, Situation

NEWEST = 400
"""Observations that count, those with the newest dates."""


class AnnouncedDate(NamedTuple):
    """A date that was announced for a delivery of a supplier, and what became of it.

    It stood from ``lead_from`` down to ``lead_to`` days before it (None: it stands, or stood until the delivery was
    closed). ``arrived_on``: when the last units came, None where none did. ``closed``: nothing more is to come.
    """

    supplier: str
    eta: date
    lead_from: int
    lead_to: int | None
    arrived_on: date | None
    closed: bool

    @property
    def never_came(self) -> bool:
        """Closed before anything had arrived."""
        return self.closed and self.arrived_on is None

    def days_late(self) -> int | None:
        """Days from the date to the arrival of all; None while units are missing, and where they never came."""
        if not self.closed or self.arrived_on is None:
            return None
        return (self.arrived_on - self.eta).days


class Observation(NamedTuple):
    """``days`` that a delivery took from its date (or, overdue, from the day it is judged on), or, where it is still
    ``missing``, at least took until now. ``days`` None: it never came. ``lead``: the days to go, or overdue, that the
    pool's unit is measured by."""

    days: int | None
    missing: bool
    lead: int


def observed(past: Iterable[AnnouncedDate], situation: Situation, today: date) -> list[Observation]:
    """The newest observations of a situation. Only dates that are over count, whether the delivery came or not: the
    early ones among those still to come would flatter."""
    dates = sorted({one for one in past if one.eta < today}, key=lambda one: (one.eta, one.lead_from), reverse=True)
    found = [one for date_ in dates if (one := _observation(date_, situation, today)) is not None]
    return found[:NEWEST]


def _observation(past: AnnouncedDate, situation: Situation, today: date) -> Observation | None:
    return _overdue(past, situation, today) if situation.overdue else _not_due(past, situation, today)


def _not_due(past: AnnouncedDate, band: Situation, today: date) -> Observation | None:
    stood_from, stood_to = past.lead_from, past.lead_to
    if stood_from < band.first or (band.last is not None and stood_to is not None and stood_to > band.last):
        return None
    lead = stood_from if band.last is None else min(stood_from, band.last)
    if past.never_came:
        return Observation(None, True, lead)
    late = past.days_late()
    return Observation((today - past.eta).days, True, lead) if late is None else Observation(late, False, lead)


def _overdue(past: AnnouncedDate, situation: Situation, today: date) -> Observation | None:
    """Of a date that stood, and passed, and saw nothing come for as many days: how many more it took."""
    days = situation.first
    if (today - past.eta).days <= days or past.lead_from < -days:
        return None
    if past.lead_to is not None and past.lead_to > -days:
        return None
    lead = min(days, MOST_OVERDUE)
    if past.never_came:
        return Observation(None, True, lead)
    late = past.days_late()
    if late is None:
        return Observation((today - past.eta).days - days, True, lead)
    return Observation(late - days, False, lead) if late > days else None
