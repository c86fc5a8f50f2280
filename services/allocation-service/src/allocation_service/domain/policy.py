"""Allocation policies: versioned data that say in which order waiting demand is served."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

NO_DATE = date(9999, 12, 31)
"""Stands for "no date" in sort keys: such demand comes after every dated one."""


class Sort(StrEnum):
    """The order of the queue."""

    FIFO = "fifo"
    PRIORITY = "priority"


class Policy(NamedTuple):
    """``protect_promises``: demand promised before the next expected supply is served before the rest,
    so that a sort moves stock among waiters but never breaks a promise already made."""

    name: str = "default"
    version: int = 0
    sort: Sort = Sort.FIFO
    protect_promises: bool = True


class Demand(NamedTuple):
    """Units of one line that wait. ``order_skus_locked`` false: its order cannot be decided here."""

    line_id: str
    order_id: str
    sku: str
    quantity: int
    queued_at: datetime
    tier_rank: int = 0
    needed_by: date = NO_DATE
    promise_date: date | None = None
    preference: str | None = None
    ship_complete: bool = False
    order_skus_locked: bool = True


Key = tuple[int, int, date, datetime, str]
"""(unprotected, tier rank, needed by, queued at, line id): smaller is served first; a total order."""


def sort_key(demand: Demand, policy: Policy, next_supply: date | None) -> Key:
    """The place of a demand under a policy; ties always end in (queued at, line id)."""
    unprotected = 0
    if policy.protect_promises:
        promised = demand.promise_date
        unprotected = 1 if promised is None or promised >= (next_supply or NO_DATE) else 0
    if policy.sort is Sort.PRIORITY:
        return (unprotected, demand.tier_rank, demand.needed_by, demand.queued_at, demand.line_id)
    return (unprotected, 0, NO_DATE, demand.queued_at, demand.line_id)


class Location(NamedTuple):
    """Free units of a SKU at a location; lower ``priority`` serves first."""

    name: str
    priority: int
    free: int


class Supply(NamedTuple):
    """What can be given of a SKU now, and the date of the next expected supply."""

    sku: str
    locations: tuple[Location, ...]
    next_supply: date | None = None

    @property
    def free(self) -> int:
        """Free units over all locations."""
        return sum(location.free for location in self.locations if location.free > 0)


Grants = tuple[tuple[str, int], ...]
"""(location, units) pairs."""
