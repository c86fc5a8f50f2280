"""The order's own latest acceptable date: a promise that passes it needs the customer's word, and silence cancels.

It is a term of the order, not of a law, and holds under every jurisdiction and under none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from order_service.domain.promises.calendar import end_of_day
from order_service.domain.promises.records import Choice, Offer, OfferedLine, SilenceMeans

TIME_TO_REPLY = timedelta(days=3)
"""A date that passes the latest acceptable one when that is over, or nearly, cancels no sooner than this after it was
offered."""


@dataclass(frozen=True, slots=True)
class LatestDate:
    """The latest day that the customer accepts, None: any; and when an offer to go beyond it lapses."""

    day: date | None
    lapses_at: datetime | None = None

    def is_passed_by(self, told: date | None) -> bool:
        """Whether a date that is told is beyond it; one that cannot be named is."""
        return self.day is not None and (told is None or told > self.day)


def latest_date_after(stated: date | None, offers: Sequence[tuple[Offer, OfferedLine]], zone: str) -> LatestDate:
    """The latest acceptable date after the offers of a line: a day that the customer accepted takes its place.

    Unlike an offer that a law demands, it need not have been sent: the customer's own date needs no notice to hold.
    """
    if stated is None:
        return LatestDate(None)
    day: date | None = stated
    lapses_at: datetime | None = None
    for offer, line in offers:
        if day is None:
            break
        if offer.reply is not None and offer.superseded:
            continue  # The date was amended after this reply, and is the newer word.
        if line.to_date is not None and line.to_date <= day:
            continue
        by = lapse(day, offer.made_at, zone) if lapses_at is None else lapses_at
        reply = offer.reply
        if reply is not None and reply.choice is not Choice.CANCEL and reply.received_at < by:
            accepted = reply.until if reply.choice is Choice.GRANT_UNTIL else line.to_date
            day, lapses_at = (None if accepted is None else max(day, accepted)), None
        elif offer.silence_means is SilenceMeans.CANCELLATION:
            lapses_at = by
    return LatestDate(day, lapses_at)


def lapse(day: date, made_at: datetime, zone: str) -> datetime:
    """When silence about an offer that was made then cancels."""
    return max(end_of_day(day, zone), made_at + TIME_TO_REPLY)
