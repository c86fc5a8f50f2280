"""How long the customer has to pay after a bank declined, and when the bank is asked again."""

from __future__ import annotations

from datetime import datetime, timedelta

GRACE = timedelta(hours=48)
"""From the first decline until the units that are still not paid are cancelled and go to somebody else."""

OWED_RETRY = timedelta(hours=24)
"""How often a bank is asked for what has shipped unpaid: that stays owed until it is paid."""

_RETRIES = (timedelta(hours=4), timedelta(hours=8), timedelta(hours=12), timedelta(hours=20))
"""The bank is asked again 4, 12, 24 and 44 hours after the first decline, which is within the grace."""


def retry_after(declines: int, at: datetime) -> datetime:
    """When to ask again after so many declines in a row, the last of them ``at`` this moment."""
    return at + (_RETRIES[declines - 1] if declines <= len(_RETRIES) else OWED_RETRY)
