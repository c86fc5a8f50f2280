"""When an attempt is looked at again, and how long its id protects from paying twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from order_service.domain.payments.attempts import AttemptState

KEY_LIFE = timedelta(hours=23)
"""How long after it was made a request may be repeated under its key.

Providers forget keys after 24 hours: from then on a repetition would be a second payment, so the attempt is looked up
by the id that was sent along with it.
"""

_FIRST = {
    AttemptState.STORED: timedelta(seconds=5),
    AttemptState.UNKNOWN: timedelta(seconds=5),
    AttemptState.PENDING: timedelta(minutes=1),
    AttemptState.ACTION_REQUIRED: timedelta(minutes=5),
}
_LONGEST = {AttemptState.STORED: timedelta(minutes=30), AttemptState.UNKNOWN: timedelta(minutes=30)}
_LONGEST_PENDING = timedelta(hours=2)


def look_after(looks: int, state: AttemptState, at: datetime) -> datetime | None:
    """When to look again after so many looks, the last ``at`` this moment: ever less often. None: it has ended."""
    first = _FIRST.get(state)
    if first is None:
        return None
    doubled: int = 2 ** min(looks - 1, 20)
    return at + min(first * doubled, _LONGEST.get(state, _LONGEST_PENDING))
