"""One order line as allocation keeps it: quantities that always add up, and its places in the queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain import protocol_rules
from allocation_service.domain.promising.learned_supply import PromiseSource
from allocation_service.domain.promising.line_promise import LinePromise
from allocation_service.domain.promising.promise_dates import UNDATED
from allocation_service.domain.reasons import Reason


class Entry(NamedTuple):
    """A place in the queue: ``quantity`` units of a line, waiting since ``queued_at``."""

    queued_at: datetime
    quantity: int


@dataclass(slots=True)
class Line:
    """quantity = granted (cumulative, shipped included) + waiting + declined + cancelled.

    ``layers`` are the units that are granted or wait, oldest first, each with the moment it joined the
    queue. Grants cover the oldest, undecided units are the newest: what lies between waits in the queue.
    """

    line_id: str
    order_id: str
    sku: str
    quantity: int = 0
    cancelled: int = 0
    declined: int = 0
    undecided: int = 0
    granted: dict[str, int] = field(default_factory=dict)
    shipped: dict[str, int] = field(default_factory=dict)
    layers: list[Entry] = field(default_factory=list)
    granted_units: int = 0
    live_units: int = 0
    version: int = 0
    reason: Reason | None = None
    promise_date: date | None = None
    promise_revision: int = 0
    promise_cause: str = ""
    """Type of the event that brought the promise date about, or the name of what allocation was doing."""
    unit_value: int = 0
    claim_date: date = UNDATED
    backed: bool = False
    promise_source: PromiseSource | None = None
    """What the date rested on when it was named; None where it was taken as announced."""
    ship_by: date | None = None
    """By when the units leave, as it was when the date was named; None where nobody stated how long handling takes."""

    @property
    def promise(self) -> LinePromise:
        """The promise of the units that wait, and what it rests on."""
        return LinePromise(self.promise_date, self.claim_date, self.backed)

    @property
    def waiting(self) -> int:
        """Units that wait, undecided ones included."""
        return self.live_units - self.granted_units

    @property
    def queued_units(self) -> int:
        """Units that wait in the queue (they have been accepted)."""
        return self.live_units - self.granted_units - self.undecided

    @property
    def unshipped(self) -> int:
        """Units granted and still in the building."""
        return self.granted_units - sum(self.shipped.values())

    def unshipped_at(self, location: str) -> int:
        """Units granted at a location and still there."""
        return self.granted.get(location, 0) - self.shipped.get(location, 0)

    def entries(self) -> list[Entry]:
        """The line's places in the queue, oldest first."""
        if self.queued_units <= 0:
            return []
        if len(self.layers) == 1:
            return [Entry(self.layers[0].queued_at, self.queued_units)]
        found: dict[datetime, int] = {}
        start, end, position = self.granted_units, self.live_units - self.undecided, 0
        for queued_at, units in self.layers:
            part = min(end, position + units) - max(start, position)
            if part > 0:
                found[queued_at] = found.get(queued_at, 0) + part
            position += units
        return [Entry(queued_at, units) for queued_at, units in sorted(found.items())]

    def learn(self, quantity: int, cancelled: int, shipped: dict[str, int], now: datetime) -> dict[str, int]:
        """Apply the order's newer facts; the change of grants per location (forced up, or released).

        Added units join the queue ``now`` and are undecided; a cut takes waiting units first, newest
        first, then what was declined, then grants that have not left.
        """
        self.quantity, self.cancelled = quantity, cancelled
        alive = quantity - cancelled
        if not self.granted and not shipped:
            self.declined = protocol_rules.declined_after_change(self.declined, alive, 0)
            self._resize(max(0, alive - self.declined), now)
            return {}
        before = dict(self.granted)
        self._ship(shipped)
        kept = max(self.shipped_units, min(self.granted_units, alive))
        self._release(self.granted_units - kept)
        self.declined = protocol_rules.declined_after_change(self.declined, alive, self.granted_units)
        self._resize(max(self.granted_units, alive - self.declined), now)
        return {
            location: self.granted.get(location, 0) - before.get(location, 0)
            for location in {*before, *self.granted}
            if self.granted.get(location, 0) != before.get(location, 0)
        }

    @property
    def shipped_units(self) -> int:
        """Units that have left, from all locations."""
        return sum(self.shipped.values())

    def grant(self, location: str, units: int) -> None:
        """Give waiting units stock of a location; the oldest of the line go first."""
        if units <= 0 or units > self.queued_units:
            raise ValueError(f"{self.line_id}: cannot grant {units}, {self.queued_units} wait")
        self.granted[location] = self.granted.get(location, 0) + units
        self.granted_units += units

    def deallocate(self, location: str, units: int) -> None:
        """Return granted units that have not left; they take the places in the queue they had."""
        if units <= 0 or units > self.unshipped_at(location):
            raise ValueError(f"{self.line_id}: cannot give back {units} at {location}")
        self.granted[location] -= units
        self.granted_units -= units

    def accept(self, units: int) -> None:
        """Let undecided units into the queue."""
        self.undecided -= units

    def decline(self, units: int) -> None:
        """Refuse undecided units."""
        self.undecided -= units
        self.declined += units
        self._trim(self.live_units - units)

    def _ship(self, shipped: dict[str, int]) -> None:
        for location, units in shipped.items():
            if units == self.shipped.get(location, 0):
                continue
            self.shipped[location] = units
            held = self.granted.get(location, 0)
            forced = protocol_rules.granted_after_shipment(held, units)
            if forced != held:
                self.granted[location] = forced
                self.granted_units += forced - held

    def _release(self, units: int) -> None:
        for location in sorted(self.granted, reverse=True):
            part = min(units, self.unshipped_at(location))
            if part > 0:
                self.granted[location] -= part
                self.granted_units -= part
                units -= part

    def _resize(self, live: int, now: datetime) -> None:
        added = live - self.live_units
        if added > 0:
            self.layers.append(Entry(now, added))
            self.live_units = live
            self.undecided = min(self.undecided + added, self.waiting)
        else:
            self._trim(live)

    def _trim(self, live: int) -> None:
        excess = self.live_units - live
        while excess > 0:
            queued_at, units = self.layers.pop()
            if units > excess:
                self.layers.append(Entry(queued_at, units - excess))
            excess -= min(units, excess)
        self.live_units = live
        self.undecided = min(self.undecided, self.waiting)
