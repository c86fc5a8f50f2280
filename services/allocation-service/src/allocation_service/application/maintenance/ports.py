"""What maintenance needs of the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Protocol

from allocation_service.application.maintenance.maintenance_records import Backlog, InputRetentionStep, RetentionStep


class BackgroundWork(Protocol):
    """What background loops have to work on."""

    async def skus_with_passed_promises(
        self, today: date, limit: int = 100, without: Collection[str] = ()
    ) -> list[str]:
        """SKUs with waiting units promised for a day before ``today``, apart from those of ``without``."""
        ...

    async def skus_to_reconcile(self, after: str, limit: int, without: Collection[str] = ()) -> list[str]:
        """SKUs behind ``after``, apart from those of ``without``, where stock lies idle before someone who could have
        it, if no policy keeps it, or more is granted than there is."""
        ...

    async def backlog(self) -> Backlog:
        """What waits: one index entry a SKU, and a count of the queue."""
        ...

    async def newest_cause(self) -> datetime | None:
        """The newest business time of any decision."""
        ...


class DecisionRetention(Protocol):
    """Old decisions are replaced by a summary, in small steps."""

    async def summarise(self, before: datetime, *, decisions: int = 200, lines: int = 5_000) -> RetentionStep:
        """Summarise the oldest decisions that were recorded before a moment and are still whole.

        No more than so many at once, and no more than so many of their lines removed: a decision about a hundred
        thousand lines takes several steps. A decision without steps is its own summary. Does nothing while
        another process is at it.
        """
        ...

    async def tidy(self, *, lines: int = 5_000) -> RetentionStep:
        """Remove what was kept of summarised decisions for lines that were open then and no longer are.

        Goes round: ``done`` at the end, from where the next step begins anew.
        """
        ...


class InputRetention(Protocol):
    """What policies are decided by is forgotten once no decision asks for it, in small steps."""

    async def forget_demand(self, days: int, after: str, *, skus: int = 200, lines: int = 5_000) -> InputRetentionStep:
        """Remove demand of the next few SKUs that lies more than so many days before the newest decision about each."""
        ...

    async def forget_deliveries(self, before: date, *, lines: int = 5_000) -> InputRetentionStep:
        """Remove what is known of deliveries that were announced for a day before that one and are closed."""
        ...
