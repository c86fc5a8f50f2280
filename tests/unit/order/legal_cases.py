"""Orders as the law sees them, for tests: one line, told a day, with what was offered and answered since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from order_service.domain.promises.calendar import end_of_day
from order_service.domain.promises.jurisdictions import Jurisdiction
from order_service.domain.promises.records import (
    Basis,
    Choice,
    LineFacts,
    Offer,
    OfferedLine,
    OfferKind,
    OrderFacts,
    PromiseRecord,
    Reply,
    SilenceMeans,
)

LINE = "line-1"

ZONES = ("America/New_York", "America/Los_Angeles", "Pacific/Apia", "Africa/Cairo", "America/Havana", "Asia/Kolkata")
"""With clocks that change at two, at midnight and at one in the morning, a date line that was crossed, half hours."""

DAYS_OF_CHANGED_CLOCKS = (
    date(2025, 3, 8), date(2025, 3, 9), date(2025, 4, 24), date(2025, 4, 25), date(2025, 10, 31), date(2025, 11, 1),
    date(2025, 11, 2), date(2011, 12, 28), date(2011, 12, 29), date(2024, 2, 28), date(2024, 12, 31),
)  # fmt: skip


def days(number: int) -> timedelta:
    """So many days."""
    return timedelta(days=number)


def record(revision: int, day: date | None, basis: Basis = Basis.PROMISED, zone: str = "UTC") -> PromiseRecord:
    """A date that was told for the line."""
    return PromiseRecord(LINE, revision, basis, day, zone, datetime(2025, 1, 1, tzinfo=UTC), "test")


def offer(number: int, to: date | None, sent_at: datetime | None, reply: Reply | None = None, *,
          silence: SilenceMeans = SilenceMeans.CANCELLATION, made_at: datetime | None = None) -> Offer:  # fmt: skip
    """An offer of a delay of the line to some day."""
    made_at = made_at or sent_at or datetime(2025, 1, 1, tzinfo=UTC)
    line = OfferedLine(LINE, None, to)
    return Offer(f"offer-{number}", number, OfferKind.DELAY, (line,), silence, made_at, sent_at=sent_at, reply=reply)


def facts(
    *told: date | None,
    zone: str = "America/New_York",
    offers: Sequence[Offer] = (),
    jurisdiction: Jurisdiction | None = Jurisdiction.US,
    open_units: int = 1,
    waiting: bool = True,
    essential: bool = False,
    latest: date | None = None,
) -> OrderFacts:
    """An order of one line that was told these days, the first of them when it was placed."""
    records = tuple(record(number, day, zone=zone) for number, day in enumerate(told, start=1))
    line = LineFacts(LINE, open_units, waiting, records)
    completed = datetime(2025, 1, 1, tzinfo=UTC)
    return OrderFacts("order-1", jurisdiction, zone, completed, (line,), tuple(offers), essential, latest)


def before(day: date, zone: str) -> datetime:
    """The last moment of a day."""
    return end_of_day(day, zone) - timedelta(microseconds=1)


def wait(at: datetime) -> Reply:
    """The customer waits."""
    return Reply(Choice.WAIT, at)


def cancel(at: datetime) -> Reply:
    """The customer cancels."""
    return Reply(Choice.CANCEL, at)


def grant(at: datetime, until: date) -> Reply:
    """The customer grants time."""
    return Reply(Choice.GRANT_UNTIL, at, until)
