"""Which dates an order may name, both when it is placed and when it is amended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

_LAST_TIME_ZONE = timedelta(hours=12)
"""A day ends last at UTC-12; until then it may still be today for the caller."""

_PASSED = "The day has passed; name a later one."


class Dates(Protocol):
    """Anything that has the two dates of an order."""

    @property
    def needed_by(self) -> date | None: ...

    @property
    def latest_acceptable_date(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class DateFault:
    """A date or time that an order cannot have: the field that states it, and what is wrong with it."""

    field: str
    detail: str


def find_order_of_times_fault(field: str, at: datetime, placed_at: datetime) -> DateFault | None:
    """What is wrong with a change ``at`` this time of an order placed at ``placed_at``: nothing precedes its order."""
    if at >= placed_at:
        return None
    placed = placed_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return DateFault(
        field, f"It lies before the order was placed, {placed}. State the time of day too, or leave it out."
    )


def find_quoted_date_fault(field: str, quoted: date | None, at: datetime) -> DateFault | None:
    """What is wrong with a date that was quoted for a line that is ordered ``at`` this time: it has not passed then."""
    return DateFault(field, _PASSED) if quoted is not None and quoted < (at - _LAST_TIME_ZONE).date() else None


def find_date_faults(wanted: Dates, at: datetime, current: Dates | None = None) -> Iterator[DateFault]:
    """Find each date of ``wanted`` that an order placed or changed ``at`` this business time cannot name.

    A date is judged at the business time of the change, so that an order imported from last year may name last
    year's dates. A date that equals the one in ``current`` is not judged again: it was valid when it was set, and
    only time has passed since.
    """
    needed_by, latest = wanted.needed_by, wanted.latest_acceptable_date
    needed_by_is_new = current is None or needed_by != current.needed_by
    latest_is_new = current is None or latest != current.latest_acceptable_date
    today = (at - _LAST_TIME_ZONE).date()
    if needed_by is not None and needed_by_is_new and needed_by < today:
        yield DateFault("needed_by", _PASSED)
    if latest is not None and latest_is_new and latest < today:
        yield DateFault("latest_acceptable_date", _PASSED)
    elif needed_by is None or latest is None or latest >= needed_by:
        return
    elif latest_is_new:
        yield DateFault("latest_acceptable_date", f"It lies before needed_by, {needed_by}.")
    elif needed_by_is_new:
        yield DateFault("needed_by", f"It lies after latest_acceptable_date, {latest}.")
