"""A decision as a session makes it, to be stored."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.domain.decisions.recorded_ship_dates import ship_date_steps
from allocation_service.domain.promising.ship_dates import Handling
from allocation_service.domain.reasons import Reason


class DecisionRow(NamedTuple):
    """One demand in a step of a decision: what was known of it, what it got and why."""

    step: int
    """Number of the step within the decision, from 0."""
    rank: int
    """Number of the demand within the step, from 1, in the order in which the step served (or took back)."""
    line_id: str
    sku: str
    quantity: int
    """Units that were decided about."""
    granted: int
    """Units it got; negative: units that were taken back."""
    reason: Reason
    facts: Mapping[str, Any]
    """What else the step's kind stores of a demand."""


@dataclass(slots=True)
class DecisionRecord:
    """A decision as it is stored: enough to be computed again."""

    decision_id: str
    cause: str
    """Id of the event that brought it about, or the name of the background work."""
    cause_type: str
    """Type of that event, or the name of the background work."""
    decided_at: datetime
    """Business time."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    rows: list[DecisionRow] = field(default_factory=list)
    skus: set[str] = field(default_factory=set)
    ship_dates: MutableMapping[tuple[str, Handling], dict[date, date]] = field(default_factory=dict)
    """By SKU and the calendars that were used: the days of promises, and by when their units leave."""

    def name_ship_date(self, sku: str, handling: Handling | None, day: date) -> date | None:
        """The day by which units leave that are promised for a day, to be stored with the decision; None where no
        location that may ship them has a calendar."""
        if handling is None:
            return None
        dates = self.ship_dates.setdefault((sku, handling), {})
        if day not in dates:
            dates[day] = handling.ship_by(day, self.decided_at)
        return dates[day]

    def all_steps(self) -> list[dict[str, Any]]:
        """Its steps, and then the ship dates that it named."""
        return [*self.steps, *ship_date_steps(self.ship_dates)] if self.ship_dates else self.steps
