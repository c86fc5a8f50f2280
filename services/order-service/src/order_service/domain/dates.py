"""Which dates an order may name, whether it is placed with them or amended to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Protocol

_LAST_ZONE = timedelta(hours=12)
"""A day ends last at UTC-12: until then it may be the caller's today."""

_PASSED = "The day has passed; name a later one."


class Dates(Protocol):
    """What has the two dates of an order."""

    @property
    def needed_by(self) -> date | None: ...

    @property
    def latest_acceptable_date(self) -> date | None: ...


def faults_of_dates(wanted: Dates, at: datetime, known: Dates | None = None) -> Iterator[tuple[str, str]]:
    """Field and words of each date that cannot be meant.

    ``at`` is the business time of the order or its change: one that is imported from last year needs what it
    needed then. Dates that stand already (``known``) were judged when they came; time has passed since.
    """
    needed_by, latest = wanted.needed_by, wanted.latest_acceptable_date
    needed_anew = known is None or needed_by != known.needed_by
    latest_anew = known is None or latest != known.latest_acceptable_date
    today = (at - _LAST_ZONE).date()
    if needed_by is not None and needed_anew and needed_by < today:
        yield "needed_by", _PASSED
    if latest is not None and latest_anew and latest < today:
        yield "latest_acceptable_date", _PASSED
    elif needed_by is None or latest is None or latest >= needed_by:
        return
    elif latest_anew:
        yield "latest_acceptable_date", f"It lies before needed_by, {needed_by}."
    elif needed_anew:
        yield "needed_by", f"It lies after latest_acceptable_date, {latest}."
