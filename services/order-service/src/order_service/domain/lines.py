"""One order line: what was ordered, cancelled and shipped here, and what allocation last answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from order_service.domain.states import State, Totals


@dataclass(frozen=True, slots=True)
class PromisedDate:
    """The date waiting units are promised for; ``date`` None: no date can be named."""

    date: date | None
    revision: int
    cause: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why allocation decided as it did: in English words, and as a ``code`` with its ``parameters``.

    Without a code: nothing was decided yet, or it was before allocation's answers had codes.
    """

    words: str = ""
    code: str | None = None
    parameters: Mapping[str, str | bool | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """Allocation's absolute state of one line; ``basis`` is the order sequence it had applied."""

    line_id: str
    line_version: int
    basis: int
    decided_at: datetime
    allocated: Mapping[str, int]
    waiting: int
    declined: int
    reason: Reason
    promise: PromisedDate | None


@dataclass(slots=True)
class Standing:
    """A line at one location. ``allocated`` and ``shipped`` are cumulative; shipped units stay allocated.

    ``recalled`` units were taken back at ``recalled_at``: a shipment that left before may still be reported.
    """

    allocated: int = 0
    shipped: int = 0
    recalled: int = 0
    recalled_at: datetime | None = None

    @property
    def open(self) -> int:
        """Units granted here that have not left yet."""
        return max(0, self.allocated - self.shipped)

    def shippable(self, shipped_at: datetime) -> int:
        """Units that a shipment of that moment may take: what left before a take-back has left."""
        if self.recalled_at is not None and shipped_at < self.recalled_at:
            return max(0, self.allocated + self.recalled - self.shipped)
        return self.open


@dataclass(slots=True)
class Line:
    """A demand. ``cut_sequence`` is the order sequence of the last cancellation or amendment downwards."""

    line_id: str
    position: int
    sku: str
    quantity: int
    reference: str | None = None
    unit_price: int = 0
    cancelled: int = 0
    cut_sequence: int = 0
    line_version: int = 0
    basis: int = 0
    waiting: int = 0
    declined: int = 0
    reason: Reason = Reason()
    promise: PromisedDate | None = None
    locations: dict[str, Standing] = field(default_factory=dict)

    @property
    def shipped(self) -> int:
        """Units that have left, all locations together."""
        return sum(standing.shipped for standing in self.locations.values()) if self.locations else 0

    @property
    def allocated(self) -> int:
        """Units with stock that have not left yet, as allocation answered."""
        return sum(standing.open for standing in self.locations.values()) if self.locations else 0

    @property
    def cancellable(self) -> int:
        """Units that can still be cancelled: all but the shipped ones (a cancellation clears declined ones)."""
        return self.quantity - self.cancelled - self.shipped

    @property
    def totals(self) -> Totals:
        """The line's quantities; ``allocated`` never exceeds what is open."""
        shipped = self.shipped
        still_open = max(0, self.quantity - self.cancelled - self.declined - shipped)
        return Totals(
            self.quantity,
            self.cancelled,
            self.declined,
            shipped,
            still_open,
            min(still_open, self.allocated),
            self.waiting,
        )

    @property
    def state(self) -> State:
        """The line's derived state."""
        return self.totals.state

    def cut_is_answered(self) -> bool:
        """Allocation knows of the last cut, so that its grants no longer include cancelled units."""
        return self.basis >= self.cut_sequence

    def apply(self, answer: Answer) -> bool:
        """Take over an answer of a newer line version as it stands; True if anything visible changed.

        An answer of the same version only confirms a newer basis. Older ones change nothing.
        """
        if answer.line_version < self.line_version:
            return False
        changed = answer.basis > self.basis
        self.basis = max(self.basis, answer.basis)
        if answer.line_version == self.line_version:
            return changed
        self.line_version = answer.line_version
        self.waiting = answer.waiting
        self.declined = answer.declined
        self.reason = answer.reason
        self.promise = answer.promise
        for location in {*self.locations, *answer.allocated}:
            self._regrant(location, answer.allocated.get(location, 0), answer.decided_at)
        return True

    def _regrant(self, location: str, allocated: int, decided_at: datetime) -> None:
        standing = self.locations.setdefault(location, Standing())
        fallen = standing.allocated - allocated
        if fallen > 0:
            standing.recalled, standing.recalled_at = fallen, decided_at
        elif fallen < 0:
            standing.recalled, standing.recalled_at = 0, None
        standing.allocated = allocated
