"""Runs a service whose clock is ahead or behind: hosts do not agree on the time to the minute.

    python -m backorder_verify.chaos.skewed_clock SECONDS MODULE

shifts the clock that the service's code asks, in memory, and then runs MODULE as `python -m MODULE` would.
"""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, datetime, timedelta

from service_kit.runtime.clock import SystemClock


def shift(seconds: float) -> None:
    """Let the clock of this process be ``seconds`` ahead; negative: behind."""
    ahead = timedelta(seconds=seconds)

    def now(_self: SystemClock) -> datetime:
        return datetime.now(UTC) + ahead

    setattr(SystemClock, "now", now)  # noqa: B010 - a method is replaced on purpose


def main() -> None:
    """Shift the clock, then run the service."""
    seconds, *module = sys.argv[1:]
    shift(float(seconds))
    sys.argv = module
    runpy.run_module(module[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
