"""A delivery that is over, as it is told afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from allocation_service.domain.lateness.observations import AnnouncedDate


class StatedDate(NamedTuple):
    """A date for a delivery, and when it was announced."""

    announced_on: date
    eta: date


@dataclass(frozen=True, slots=True)
class PastDelivery:
    """A purchase-order line that is closed. ``reference``: the caller's name of it. ``arrived_on``: when the last units
    came, None where none did."""

    reference: str
    supplier: str
    dates: tuple[StatedDate, ...]
    closed_on: date
    arrived_on: date | None
    ordered: int | None = None
    received: int | None = None

    def announced(self) -> list[AnnouncedDate]:
        """What became of each of its dates: one stood until the next was announced, the last until it was closed."""
        found = []
        for number, (announced_on, eta) in enumerate(self.dates):
            lead_from = (eta - announced_on).days
            last = number == len(self.dates) - 1
            until = self.closed_on if last else self.dates[number + 1].announced_on
            lead_to = min(lead_from, (eta - until).days + (not last))
            found.append(AnnouncedDate(self.supplier, eta, lead_from, lead_to, self.arrived_on, True))
        return found

    def fault(self, today: date) -> tuple[str, str] | None:
        """The first field that cannot be, and why; None where all can."""
        if any(one.announced_on > other.announced_on for one, other in pairwise(self.dates)):
            return "dates", "must be in the order in which they were announced"
        if self.closed_on > today:
            return "closed_on", "lies ahead; state deliveries that are over"
        if self.closed_on < self.dates[-1].announced_on:
            return "closed_on", "lies before the last date was announced"
        if self.arrived_on is not None and self.arrived_on > self.closed_on:
            return "arrived_on", "lies after the line was closed"
        return None
