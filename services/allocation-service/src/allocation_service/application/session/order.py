"""An order as allocation keeps it, and the order events that allocation owes an event of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from allocation_service.domain.demand.line import Line


class OrderEventKind(StrEnum):
    """What an event of the order service did to its order. Stored in the column ``answer_due``."""

    PLACED = "placed"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    SHIPPED = "shipped"


@dataclass(slots=True)
class Order:
    """An order with those of its lines that are in the session."""

    order_id: str
    basis: int = -1
    """The order sequence that was applied last; -1 before the first."""
    reference: str = ""
    placed_at: datetime | None = None
    """Business time."""
    ship_complete: bool = False
    customer_id: str | None = None
    tier: str | None = None
    tier_rank: int = 0
    """Number of the tier among the service's tiers, 0 is the best; one more than the last for an unknown tier."""
    channel: str | None = None
    region: str | None = None
    needed_by: date | None = None
    latest_acceptable: date | None = None
    """Units that would be promised for a later day are declined."""
    preference: str | None = None
    """The location that should serve the order, if it has stock."""
    correlation_id: str = ""
    decided_before: bool = False
    """All of its units were decided about once: from then on, a declined increment no longer declines all of it."""
    event_due: OrderEventKind | None = None
    """The order event whose own event follows when the order, which was deferred, is decided; None: none is due."""
    bypassed: int = 0
    """How often others were served before it although it could not be filled whole."""
    lines: dict[str, Line] = field(default_factory=dict)
    """By line id; all of the order's lines if it is ``whole``."""
    whole: bool = False
    """Every line of the order is in the session."""
    stored: bool = False
    """The database has a row of the order."""
    changed: bool = False
    """The row has to be written."""
    moved: bool = False
    """What its queue positions depend on has changed in this batch."""

    def skus(self) -> set[str]:
        """SKUs of all of its lines."""
        return {line.sku for line in self.lines.values()}

    @property
    def undecided(self) -> bool:
        """Some of its units have not been decided about."""
        return any(line.undecided for line in self.lines.values())
