"""Promise dates: available-to-promise over stock and inbound, so that later orders never break earlier promises.

S(t) is the free stock on hand and all inbound expected by t, C(t) the units that others claim by t. The promise
for d units is the first t from which S - C >= d for ever. It is *backed* by that supply. Where the supply known does
not cover the units, the date is named by the lead time, and nothing backs it.

The *claim date* of units is the day from which they count in C: the date that they were first promised for, or the
day of the delivery that covers them if that is earlier. It stays when their promise moves, so that a promise that
moves keeps its place. Units without a date claim last of all (``UNDATED``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple


class Expected(NamedTuple):
    """Units expected on a date (the first entry of a supply curve: on hand now)."""

    day: date
    units: int


UNDATED = date.max
"""The claim date of units for which no date has been named yet."""


class PromisedDate(NamedTuple):
    """The date for some units, None where none can be named; ``backed`` by known supply, or else by the lead time."""

    day: date | None
    backed: bool


def later(first: date | None, second: date | None) -> date | None:
    """The later of two dates, either of which may be missing."""
    if first is None or second is None:
        return first or second
    return max(first, second)


def effective_eta(eta: date, now: datetime, grace_days: int) -> date:
    """The day to count on: an overdue delivery is expected ``grace_days`` from now, never in the past."""
    day = eta.date() if isinstance(eta, datetime) else eta
    return day if day >= now.date() else now.date() + timedelta(days=grace_days)


def expected_supply(
    free: int, inbound: Iterable[tuple[date, int]], now: datetime, grace_days: int
) -> tuple[Expected, ...]:
    """What is on hand today, then the inbound by day, ascending."""
    days: dict[date, int] = {}
    for eta, units in inbound:
        if units > 0:
            day = effective_eta(eta, now, grace_days)
            days[day] = days.get(day, 0) + units
    return (Expected(now.date(), max(0, free)), *(Expected(day, days[day]) for day in sorted(days)))


def lead_time_date(
    expected: Sequence[Expected], promised: Mapping[date, int], today: date, lead_time_days: int
) -> date | None:
    """The date where nothing inbound covers the demand: a new delivery, behind all that is expected or promised."""
    if lead_time_days <= 0:
        return None
    latest = max((promised_day for promised_day, units in promised.items() if units > 0), default=today)
    return max(today + timedelta(days=lead_time_days), expected[-1].day, latest)


def covered_from(expected: Sequence[Expected], claimed: Mapping[date, int], units: int, today: date) -> date | None:
    """min{t : S(u) - C(u) >= units for all u >= t}, or None where the supply known does not cover it. ``claimed``: the
    units that others claim, by claim date.

    Walks back from the end of time, so that a queue whose supply is spoken for costs one comparison.
    """
    supply = sum(one.units for one in expected)
    left = supply - sum(claimed.values())
    if left < units:
        return None
    change = _changes(expected, claimed, today)
    found = today
    for day in sorted(change, reverse=True):
        found = day
        left -= change[day]
        if left < units:
            return found
    return today


def _changes(expected: Sequence[Expected], taken: Mapping[date, int], today: date) -> dict[date, int]:
    """By how much S - C changes on each day from ``today`` on; ``taken``: the units of C, by day."""
    change: dict[date, int] = {}
    for day, units in taken.items():
        change[max(day, today)] = change.get(max(day, today), 0) - units
    for day, units in expected:
        change[max(day, today)] = change.get(max(day, today), 0) + units
    return change


def promise(
    expected: Sequence[Expected],
    claimed: Mapping[date, int],
    promised: Mapping[date, int],
    units: int,
    now: datetime,
    *,
    lead_time_days: int,
    not_before: date | None = None,
) -> PromisedDate:
    """The promise for ``units`` more. What others were ``promised``, by the dates that they were told, bounds a date
    that is named by the lead time."""
    today = now.date()
    covered = covered_from(expected, claimed, units, today)
    found = covered or lead_time_date(expected, promised, today, lead_time_days)
    if found is not None and not_before is not None:
        found = max(found, not_before)
    return PromisedDate(found, covered is not None)


def kept_through(expected: Sequence[Expected], backed: Mapping[date, int], giving: int, today: date) -> date | None:
    """The last claim date of backed promises that would break if ``giving`` units went to others; None where there is
    none.

    max{t : S(t) - C(t) < giving}, over the days t that backed units claim (``backed``, by claim date). Once all
    that is claimed by then is served, whatever is left of ``giving`` may go to anybody: S - C covers it on every day
    after. Promises by the lead time tie no supply.
    """
    found, supply, claims, position = None, 0, 0, 0
    for day in sorted(backed):
        claims += backed[day]
        while position < len(expected) and expected[position].day <= max(day, today):
            supply += expected[position].units
            position += 1
        if supply - claims < giving:
            found = day
    return found


def uncommitted(expected: Sequence[Expected], backed: Mapping[date, int], today: date) -> int:
    """min{S(t) - C(t) : t >= today}, at most what is there today: units that may be given away for ever without that a
    backed promise breaks (``backed``: units by claim date)."""
    left, change = 0, _changes(expected, backed, today)
    least = max(0, expected[0].units)
    for day in sorted(change):
        left += change[day]
        least = min(least, left)
    return max(0, least)


class Outlook(NamedTuple):
    """What is expected of a SKU, and the backed units by the dates that they are promised for."""

    expected: tuple[Expected, ...]
    backed: Mapping[date, int]


def loses_cover(before: Outlook, after: Outlook, today: date) -> bool:
    """Whether backed promises are no longer covered that were, or are missing more than they were: S(t) - C(t), which
    is negative where more is promised of known supply by a day than is expected by then, falls below zero."""
    if before == after:
        return False
    was, now = _changes(*before, today), _changes(*after, today)
    left_before = left_after = 0
    for day in sorted({*was, *now}):
        left_before += was.get(day, 0)
        left_after += now.get(day, 0)
        if left_after < min(0, left_before):
            return True
    return False
