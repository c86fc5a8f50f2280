"""What every part of the simulator works on: the store, the time, the events, and how long things take."""

from __future__ import annotations

from dataclasses import dataclass, field

from backorder_payment_simulator.clock import SimulatedClock
from backorder_payment_simulator.events import Events
from backorder_payment_simulator.store import Store


@dataclass(frozen=True, slots=True)
class Delays:
    """Simulated seconds that things take."""

    refund: float = 30.0
    """Until a refund that pends succeeds."""
    refund_failure: float = 60.0
    """Until a refund that seemed to succeed fails."""
    debit: float = 30.0
    """Until a bank account was debited."""
    search: float = 60.0
    """Until a search finds what is new; Stripe says that it takes up to a minute."""


@dataclass(frozen=True, slots=True)
class Bank:
    """The state of the simulator, and what acts on it. ``public_url`` is where browsers find it."""

    store: Store
    clock: SimulatedClock
    events: Events
    public_url: str = "http://127.0.0.1:8026"
    delays: Delays = field(default_factory=Delays)

    def timestamp(self) -> int:
        """The simulated time in whole seconds, as it is shown."""
        return int(self.clock.now())
