"""Ship dates as a decision stores them, a step of the kind ``ship_by``, and computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from allocation_service.domain.promising.ship_dates import Handling, calendar_document, calendar_from

ShipDates = Mapping[tuple[str, Handling], Mapping[date, date]]
"""By SKU and the locations that may ship it: the day of each promise, and the day by which the units leave."""


def ship_date_steps(named: ShipDates) -> Iterable[dict[str, Any]]:
    """Steps with the calendars that dates were named by, and the dates."""
    for (sku, handling), dates in named.items():
        yield {
            "kind": "ship_by",
            "sku": sku,
            "calendars": [[location, calendar_document(one)] for location, one in handling.calendars],
            "dates": [[day, dates[day]] for day in sorted(dates)],
        }


def check_ship_dates(step: Mapping[str, Any], now: datetime) -> None:
    """Raise ValueError where the calendars that are stored lead to other dates than those that are."""
    handling = Handling(tuple((location, calendar_from(one)) for location, one in step["calendars"]))
    for stored, told in step["dates"]:
        found = handling.ship_by(date.fromisoformat(stored), now).isoformat()
        if found != told:
            raise ValueError(f"what is there on {stored} leaves by {found}, and {told} was told")
