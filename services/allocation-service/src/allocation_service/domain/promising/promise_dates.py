"""Promise dates: available-to-promise over stock and inbound, so that later orders never break earlier promises.

S(t) is the free stock on hand and all inbound expected by t, C(t) the units promised by t. The promise
for d units is the first t from which S - C >= d for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple


class Expected(NamedTuple):
    """Units expected on a date (the first entry of a supply curve: on hand now)."""

    day: date
    units: int


def effective_eta(eta: datetime, now: datetime, grace_days: int) -> date:
    """The day to count on: an overdue delivery is expected ``grace_days`` from now, never in the past."""
    day = eta.date()
    return day if day >= now.date() else now.date() + timedelta(days=grace_days)


def expected_supply(
    free: int, inbound: Iterable[tuple[datetime, int]], now: datetime, grace_days: int
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


def covered_from(expected: Sequence[Expected], promised: Mapping[date, int], units: int, today: date) -> date | None:
    """min{t : S(u) - C(u) >= units for all u >= t}, or None where the supply known does not cover it.

    Walks back from the end of time, so that a queue whose supply is spoken for costs one comparison.
    """
    supply = sum(one.units for one in expected)
    left = supply - sum(promised.values())
    if left < units:
        return None
    change: dict[date, int] = {}
    for day, quantity in promised.items():
        change[max(day, today)] = change.get(max(day, today), 0) - quantity
    for day, quantity in expected:
        change[max(day, today)] = change.get(max(day, today), 0) + quantity
    found = today
    for day in sorted(change, reverse=True):
        found = day
        left -= change[day]
        if left < units:
            return found
    return today


def promise(
    expected: Sequence[Expected],
    promised: Mapping[date, int],
    units: int,
    now: datetime,
    *,
    lead_time_days: int,
    not_before: date | None = None,
) -> date | None:
    """The promise date for ``units`` more; None where no date can be named."""
    today = now.date()
    found = covered_from(expected, promised, units, today)
    if found is None:
        found = lead_time_date(expected, promised, today, lead_time_days)
    if found is None:
        return None
    return max(found, not_before) if not_before else found


def kept_through(
    expected: Sequence[Expected], promised: Mapping[date, int], giving: int, today: date, backed: date | None = None
) -> date | None:
    """The last day for which promises would break if ``giving`` units went to others; None where there is none.

    max{t : S(t) - C(t) < giving}, over the days t that something is promised for, through the last delivery that
    is known or was known when promises were made (``backed``): what is promised for a later day was promised by
    the lead time. Once all that is promised by then is served, whatever is left of ``giving`` may go to
    anybody: S - C covers it on every day after.
    """
    found, supply, promises, position = None, 0, 0, 0
    last = max(today, expected[-1].day, backed or today)
    for day in sorted(promised):
        if day > last:
            break
        promises += promised[day]
        while position < len(expected) and expected[position].day <= max(day, today):
            supply += expected[position].units
            position += 1
        if supply - promises < giving:
            found = day
    return found


class Revision(NamedTuple):
    """What a revision of a SKU's promises goes by; ``supply_before`` is all that was expected before."""

    sku: str
    expected: tuple[Expected, ...]
    supply_before: int
    now: datetime
    lead_time_days: int
    not_before: date | None
    cause: str
    decision_id: str
    cause_event: str | None = None

    @property
    def fallback(self) -> date | None:
        """The date of a line that no known supply covers any more."""
        return lead_time_date(self.expected, {}, self.now.date(), self.lead_time_days)


class Waiting(NamedTuple):
    """Waiting units and the date they are promised for, in the queue's order among equal dates."""

    line_id: str
    units: int
    promise_date: date | None
    queued_at: datetime
    rest: tuple[date | None, ...] = ()
    """Dates of the lines of other SKUs that must come too, where the order ships complete."""


def revise(waiting: Sequence[Waiting], revision: Revision) -> dict[str, date | None]:
    """New dates after supply slipped or was lost, of the lines that move only; never an earlier date.

    Units are counted in the order (promise date, queue); each line is due when the supply reaches its
    cumulative count. Lines beyond all supply keep their date if the supply never covered them and it
    is still to come; otherwise a new delivery is counted on, and where there is none the date is taken
    back (None). A line that must come with others comes no sooner than they do. A line in several
    places has the latest of their dates, and none while a place has none. The pure twin of the one SQL
    statement.
    """
    expected, today, not_before = revision.expected, revision.now.date(), revision.not_before
    latest, fallback = date.max, revision.fallback
    ordered = sorted(waiting, key=lambda one: (one.promise_date or latest, one.queued_at, one.line_id))
    total, cumulative = sum(one.units for one in expected), 0
    due: dict[str, date | None] = {}
    for one in ordered:
        cumulative += one.units
        found = one.promise_date
        if cumulative <= total or found is None or found < today or cumulative <= revision.supply_before:
            found = _due(expected, cumulative) if cumulative <= total else fallback
            if found is not None and not_before is not None:
                found = max(found, not_before)
        if found is not None and one.rest:
            found = None if None in one.rest else max(found, *(day for day in one.rest if day))
        known = due.get(one.line_id, found)
        due[one.line_id] = None if found is None or known is None else max(found, known)
    old = {one.line_id: one.promise_date for one in waiting}
    return {line_id: day for line_id, day in due.items() if _moves(old[line_id], day)}


def _moves(old: date | None, due: date | None) -> bool:
    return old is not due if old is None or due is None else due > old


def _due(expected: Sequence[Expected], cumulative: int) -> date:
    reached = 0
    for day, units in expected:
        reached += units
        if reached >= cumulative:
            return day
    raise ValueError("the supply does not reach")


def is_worse(before: Sequence[Expected], after: Sequence[Expected], given: int) -> bool:
    """Whether on some day less is expected than was, beyond the ``given`` units that waiting demand received."""
    days = sorted({one.day for one in before} | {one.day for one in after})
    return any(
        sum(one.units for one in after if one.day <= day) + given < sum(one.units for one in before if one.day <= day)
        for day in days
    )
