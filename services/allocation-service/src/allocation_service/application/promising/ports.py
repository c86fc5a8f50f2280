"""What learning how late deliveries are needs of the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from allocation_service.domain.lateness.first_promise import Levels, Outcome
from allocation_service.domain.lateness.past_delivery import PastDelivery
from allocation_service.domain.lateness.quantile_table import QuantileTable
from allocation_service.domain.lateness.table_building import History
from allocation_service.domain.promising.ship_dates import HandlingCalendar


class LatenessState(NamedTuple):
    """The table in force: its version, the day it was built for, and when; ``default_target`` None: dates are taken
    as they are announced."""

    default_target: int | None
    version: int
    built_for: date | None
    built_at: datetime | None


class KeptCount(NamedTuple):
    """First dates that came due: of one target, basis, source or confidence (``name``)."""

    basis: str
    target: int
    name: str
    due: int
    kept: int


class KeptDates(NamedTuple):
    """What became of first dates. ``slack_days``: the mean of date less day served, of those kept; ``rolling``: the
    share kept of the newest 200."""

    by_target: Sequence[KeptCount]
    by_source: Sequence[KeptCount]
    by_confidence: Sequence[KeptCount]
    open: int
    withdrawn: int
    slack_days: float | None
    rolling: float | None


class LatenessStore(Protocol):
    """Tables of lateness, first dates and what became of them."""

    async def state(self) -> LatenessState:
        """The table in force."""
        ...

    async def claim(self) -> LatenessState | None:
        """The same, locked until the transaction ends; None while another worker folds."""
        ...

    async def judge(self, today: date, *, whole: bool) -> Sequence[Outcome]:
        """Note what became of first dates by the beginning of ``today``, and return those that came due now. ``whole``:
        also which lines promised by the lead time were served before they were due, which a look at all of them
        tells."""
        ...

    async def levels(self) -> Levels:
        """The adaptive levels so far."""
        ...

    async def keep_levels(self, levels: Levels) -> None:
        """Store the adaptive levels."""
        ...

    async def targets(self) -> Collection[int]:
        """Every target that any SKU has."""
        ...

    async def history(self, today: date) -> History:
        """What a table is made of."""
        ...

    async def table(self, version: int) -> QuantileTable:
        """A version of the table."""
        ...

    async def keep_table(self, table: QuantileTable, before: QuantileTable, today: date, now: datetime) -> None:
        """Store the rows in which a table differs from the one before, and put it in force."""
        ...

    async def add_deliveries(self, deliveries: Sequence[PastDelivery]) -> int:
        """Record what became of their dates; how many were not known by their reference."""
        ...

    async def kept_dates(self, today: date, days: int) -> KeptDates:
        """What became of the first dates that came due in so many days before ``today``."""
        ...

    async def set_default_target(self, percent: int | None) -> None:
        """From now on so many of 100 first dates are to be kept; None takes dates as they are announced."""
        ...

    async def set_target(self, sku: str, percent: int | None) -> bool:
        """The same for one SKU; None: as for all. False where the SKU is not known."""
        ...

    async def targets_of(self, skus: Collection[str]) -> Mapping[str, int | None]:
        """The targets that SKUs have of their own; unknown SKUs are left out."""
        ...

    async def skus_to_judge(self, today: date, limit: int, without: Collection[str]) -> Sequence[str]:
        """SKUs with waiting units whose promises have not been looked at since ``today`` began, in a fixed order."""
        ...

    async def note_judged(self, skus: Collection[str], today: date) -> None:
        """The promises of these SKUs were looked at."""
        ...


class LocationCalendar(NamedTuple):
    """By which days a location ships, as of a version of the location."""

    location: str
    version: int
    calendar: HandlingCalendar


class CalendarStore(Protocol):
    """The calendars of locations."""

    async def keep(self, calendars: Sequence[LocationCalendar]) -> None:
        """Store those that are newer than what is known of their locations; one of each location."""
        ...
