"""The consumer laws that an order can be under."""

from __future__ import annotations

from enum import StrEnum


class Jurisdiction(StrEnum):
    """Whose consumer law applies to an order."""

    US = "US"
    EU = "EU"
    UK = "UK"


DEFAULT_ZONES = {
    Jurisdiction.US: "America/New_York",
    Jurisdiction.EU: "Europe/Athens",
    Jurisdiction.UK: "Europe/London",
}
"""The time zone of an order that names none: the one whose days end first there (of the United States, the mainland),
so that no deadline is missed."""

UNREGULATED_ZONE = "UTC"
"""The time zone of an order under no known consumer law that names none."""


def jurisdiction_named(name: str | None) -> Jurisdiction | None:
    """The jurisdiction of this name; None where no consumer law applies that is known here.

    An order that was placed before names were checked may have any.
    """
    try:
        return Jurisdiction(name) if name is not None else None
    except ValueError:
        return None


def zone_of(jurisdiction: Jurisdiction | None, time_zone: str | None) -> str:
    """The time zone in which an order's days end: its own, else that of its jurisdiction."""
    if time_zone is not None:
        return time_zone
    return UNREGULATED_ZONE if jurisdiction is None else DEFAULT_ZONES[jurisdiction]
