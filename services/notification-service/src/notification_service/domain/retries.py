"""When to try again, and when to give up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

MAIL_DELAYS: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 28800, 43200, 43200)
)
"""Waits between attempts at one e-mail: a mail server may be down for a day and a half."""

WEBHOOK_DELAYS: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
"""Waits between attempts at one webhook: the schedule of the Standard Webhooks specification."""

JITTER = 0.2


def next_attempt(attempts: int, delays: Sequence[timedelta], now: datetime, chance: float) -> datetime | None:
    """When to try again after ``attempts`` failed attempts (at least 1); None once the schedule is used up.

    ``chance`` in [0, 1) spreads the moment by up to a fifth either way, so that what failed together does
    not return together.
    """
    if attempts < 1:
        raise ValueError("an attempt must have been made")
    if attempts > len(delays):
        return None
    return now + delays[attempts - 1] * (1 + JITTER * (2 * chance - 1))


def endpoint_given_up(failing_since: datetime | None, now: datetime, patience: timedelta) -> bool:
    """Whether an endpoint has failed for so long, without one success, that it is switched off."""
    return failing_since is not None and now - failing_since >= patience
