"""Which parts of this process fail, and since when: for readiness and alarms."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from prometheus_client import Gauge

PART_FAILING = Gauge("part_failing_seconds", "How long a background part has failed in a row; 0: it works", ["part"])

_TELL_AFTER_FAILURES = 3
_TELL_AFTER_SECONDS = 30.0


@dataclass(slots=True)
class _Failing:
    since: float
    last: float
    failures: int
    error: str
    forget_after: float | None


class FailingParts:
    """The parts whose last round failed."""

    def __init__(self) -> None:
        self._parts: dict[str, _Failing] = {}

    def failed(self, part: str, error: BaseException, *, forget_after: float | None = None) -> None:
        """A round of ``part`` failed. With ``forget_after``, seconds without another failure count as success."""
        now = monotonic()
        self._forget(now)
        failing = self._parts.setdefault(part, _Failing(now, now, 0, "", forget_after))
        failing.last, failing.failures, failing.error = now, failing.failures + 1, type(error).__name__
        PART_FAILING.labels(part).set(max(1.0, now - failing.since))

    def worked(self, part: str) -> None:
        """A round of ``part`` succeeded."""
        if self._parts.pop(part, None) is not None:
            PART_FAILING.labels(part).set(0)

    def troubles(self) -> dict[str, str]:
        """Parts that failed three times in a row or for half a minute, with words that name the kind of error."""
        now = monotonic()
        self._forget(now)
        return {
            part: f"failed {failing.failures} times in a row, since {now - failing.since:.0f} s ({failing.error})"
            for part, failing in self._parts.items()
            if failing.failures >= _TELL_AFTER_FAILURES or now - failing.since >= _TELL_AFTER_SECONDS
        }

    def _forget(self, now: float) -> None:
        for part, failing in list(self._parts.items()):
            if failing.forget_after is not None and now - failing.last > failing.forget_after:
                self.worked(part)


failing_parts = FailingParts()
"""Those of this process."""
