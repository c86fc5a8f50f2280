"""Events of the ``allocations`` topic, keyed by order: allocation's absolute state of its lines."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from event_contracts.model import Identifier, Instant, Payload, Quantity, Version


class Promise(Payload):
    """The date a waiting quantity is promised for; ``date`` null means no date can be named."""

    date: dt.date | None = None
    revision: Version = Field(description="Counts the dates that were named for the line, the first one is 1")
    cause: str = Field(
        max_length=200,
        description="What brought the date about: the type of an event, such as OrderPlaced or InboundRescheduled, or"
        " where no event did, what allocation was doing, such as Recheck (a deferred order was decided), Run or Lent;"
        " for people and statistics, new ones may come",
    )
    basis: str | None = Field(
        default=None,
        max_length=50,
        description="What the date rests on: stock, inbound (announced deliveries) or lead_time; null where dates are"
        " taken as suppliers announce them, and then the following are null too",
    )
    ship_by: dt.date | None = Field(default=None, description="When the units leave, handling included")
    deliver_by: dt.date | None = Field(default=None, description="When the customer has them, transit included")
    confidence: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Per cent, when the date was named: a lower bound of the probability that it is kept",
    )
    source: str | None = Field(
        default=None,
        max_length=200,
        description="The supplier of the last delivery that the date needs or, by the lead time, the SKU",
    )
    table_version: Version | None = Field(
        default=None, description="Version of the table of lateness that the date was named by"
    )


class AllocationLine(Payload):
    """A line at allocation: quantity = (allocated - shipped) + waiting + declined + cancelled + shipped."""

    line_id: Identifier
    sku: Identifier
    line_version: Version
    allocated: dict[Identifier, Quantity] = Field(
        default_factory=dict, description="Cumulative grants per location, shipped units included"
    )
    waiting: Quantity = Field(
        default=0,
        description="Units without stock, those included that nothing was decided about yet because their SKU has no"
        " selling policy: then reason_code is selling_mode_unknown",
    )
    declined: Quantity = 0
    reason: str = Field(default="", max_length=500, description="The reason of the last decision, in English words")
    reason_code: str | None = Field(
        default=None,
        max_length=100,
        description="The same as a code; new codes may come, so that a reader must expect ones it does not know",
    )
    reason_parameters: dict[str, str | bool | int] | None = Field(
        default=None, description="Of the code: names, units, truth values, and days as ISO 8601 has them"
    )
    promise: Promise | None = None


class AllocationState(Payload):
    """All events of the topic share this payload; the event's type names the cause.

    ``basis`` is the order sequence that allocation had applied when it decided. ``lines`` holds the
    lines that this decision answers for (all of the order's where it answers an order event).
    """

    order_id: Identifier
    basis: Version
    decision_id: Identifier
    decided_at: Instant
    lines: tuple[AllocationLine, ...]
