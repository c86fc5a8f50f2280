"""When to try again, and when to give up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

MAIL_DELAYS: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 28800, 43200, 43200)
)
"""Delays between attempts to send one e-mail: a mail server may be down for a day and a half."""

WEBHOOK_DELAYS: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
"""Delays between attempts to deliver one webhook: the schedule of the Standard Webhooks specification."""

MAX_JITTER = 0.2
"""Share of a delay by which the next attempt is moved at most."""


def next_attempt(attempts: int, delays: Sequence[timedelta], now: datetime, jitter: float) -> datetime | None:
    """When to try again after ``attempts`` failed attempts; None once the schedule ``delays`` is used up.

    ``jitter`` in [0, 1) moves the moment by up to a fifth of the delay either way, so that deliveries that failed
    together are not tried again together. Raises ValueError for fewer than one attempt.
    """
    if attempts < 1:
        raise ValueError("an attempt must have been made")
    if attempts > len(delays):
        return None
    return now + delays[attempts - 1] * (1 + MAX_JITTER * (2 * jitter - 1))


def failing_too_long(failing_since: datetime | None, now: datetime, limit: timedelta) -> bool:
    """Whether an endpoint has failed for ``limit`` or longer, without one success, so that it is switched off."""
    return failing_since is not None and now - failing_since >= limit
