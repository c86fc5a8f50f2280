"""What a session remembers of a line, a SKU, a deferred order and a cause, so that it can tell later what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain.demand.line import Entry


class LineAsStored(NamedTuple):
    """A line as the database has it; ``new`` lines are not there yet."""

    new: bool
    entries: tuple[Entry, ...]
    granted: dict[str, int]
    """Units by location, shipped ones included."""
    shipped: dict[str, int]
    """Units by location."""
    promise_date: date | None
    joined: datetime | None = None
    """The moment its first units joined the queue, or its order was placed."""
    unit_value: int = 0
    """Price of one unit in minor units of currency."""


class CountedLine(NamedTuple):
    """What the SKU's counters hold of a line: its waiting units, and the day they are promised for."""

    promise_date: date | None
    units: int


class SupplyBefore(NamedTuple):
    """What was there and expected of a SKU when it was locked, to tell a slip from a gain."""

    free: int
    inbound: tuple[tuple[datetime, int], ...]
    """When each delivery is expected, and its units."""


@dataclass(slots=True)
class DeferredOrder:
    """An order that must be decided by itself, with all of its SKUs locked."""

    order_id: str
    cause_event: str
    cause_time: datetime
    skus: tuple[str, ...]


class Origin(NamedTuple):
    """What brought something about: its name, the event (None for a sweep) and that one's trace.

    ``name`` is the type of an event (``InboundRescheduled``) or the name of a background task's work; decisions store
    it as ``cause_type``, and promises that it revises publish it as their ``cause``.
    """

    name: str
    event_id: str | None = None
    traceparent: str | None = None
