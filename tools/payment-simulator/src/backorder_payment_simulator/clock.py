"""The simulated time: that of this machine, plus what was skipped."""

from __future__ import annotations

import time

from backorder_payment_simulator.store import Store

_SKIPPED = "skipped_seconds"


class SimulatedClock:
    """Tells what time it is at the bank. What was skipped stays skipped after a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + float(self._store.setting(_SKIPPED, "0"))

    def skip(self, seconds: float) -> None:
        """Let time pass at once."""
        self._store.set(_SKIPPED, str(float(self._store.setting(_SKIPPED, "0")) + seconds))
