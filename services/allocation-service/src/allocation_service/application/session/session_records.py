"""What a session remembers of a line, a SKU, a deferred order and a cause, so that it can tell later what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain.demand.line import Entry
from allocation_service.domain.promising.learned_supply import AnnouncedDelivery
from allocation_service.domain.promising.line_promise import LinePromise


class LineAsStored(NamedTuple):
    """A line as the database has it; ``new`` lines are not there yet."""

    new: bool
    entries: tuple[Entry, ...]
    granted: dict[str, int]
    """Units by location, shipped ones included."""
    shipped: dict[str, int]
    """Units by location."""
    promise: LinePromise
    joined: datetime | None = None
    """The moment its first units joined the queue, or its order was placed."""
    unit_value: int = 0
    """Price of one unit in minor units of currency."""


class CountedLine(NamedTuple):
    """What the SKU's counters hold of a line: its waiting units, and what they are promised."""

    promise: LinePromise
    units: int


class SupplyBefore(NamedTuple):
    """What was there, expected and promised of a SKU when it was locked, and the terms that bound its promises: to tell
    what changed."""

    free: int
    inbound: tuple[AnnouncedDelivery, ...]
    backed: Mapping[date, int]
    """Units that known supply backs, by the date that they are promised for."""
    reorder_days: int
    release_date: date | None


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
