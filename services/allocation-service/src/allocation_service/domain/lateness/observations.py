"""What past deliveries say about one to come: one observation for each delivery and each date announced for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from allocation_service.domain.lateness.situations import LEAD_BANDS, MOST_OVERDUE, OVERDUE, Situation

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


def observations(past: Iterable[AnnouncedDate], today: date) -> dict[Situation, list[Observation]]:
    """By situation: the newest observations. Only dates that are over count, whether the delivery came or not: the
    early ones among those still to come would flatter."""
    dates = sorted(
        {one for one in past if one.eta < today},
        key=lambda one: (one.eta, one.lead_from, one.days_late() or 0),
        reverse=True,
    )
    found: dict[Situation, list[Observation]] = {}
    for one in dates:
        for situation, observation in (*_not_due(one, today), *_overdue(one, today)):
            some = found.setdefault(situation, [])
            if len(some) < NEWEST:
                some.append(observation)
    return found


def _not_due(past: AnnouncedDate, today: date) -> Iterator[tuple[Situation, Observation]]:
    """In each band that the date stood in."""
    late = past.days_late()
    for band in LEAD_BANDS:
        before = band.last is not None and past.lead_to is not None and past.lead_to > band.last
        if past.lead_from < band.first or before:
            continue
        lead = past.lead_from if band.last is None else min(past.lead_from, band.last)
        if past.never_came:
            yield band, Observation(None, True, lead)
        elif late is None:
            yield band, Observation((today - past.eta).days, True, lead)
        else:
            yield band, Observation(late, False, lead)


def _overdue(past: AnnouncedDate, today: date) -> Iterator[tuple[Situation, Observation]]:
    """On each day that the date stood, had passed and had seen nothing come: how many more days it took."""
    late = past.days_late()
    last = MOST_OVERDUE if past.lead_to is None else min(MOST_OVERDUE, -past.lead_to)
    for days in range(max(1, -past.lead_from), min(last, (today - past.eta).days - 1) + 1):
        if past.never_came:
            yield OVERDUE[days - 1], Observation(None, True, days)
        elif late is None:
            yield OVERDUE[days - 1], Observation((today - past.eta).days - days, True, days)
        elif late > days:
            yield OVERDUE[days - 1], Observation(late - days, False, days)
        else:
            return
