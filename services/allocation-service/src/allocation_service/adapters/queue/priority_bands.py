"""The order of a queue in SQL: the twin of ``sorting.Ranking`` for the sorts that an index has the order of."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from allocation_service.domain.policies.policy import NO_DATE, Sort
from allocation_service.domain.policies.sorting import Protection

COLUMNS = {
    Sort.FIFO: ("queued_at", "line_id"),
    Sort.PRIORITY: ("tier_rank", "needed_by", "queued_at", "line_id"),
}
"""What the sorts go by."""

_AT_RISK, _REST = date(9999, 12, 30), NO_DATE
"""Stand for the two bands behind those of days."""

_INFINITY = "DATE 'infinity'"
"""What the driver makes of ``date.max``, in the table as in parameters."""


class BandPart(NamedTuple):
    """Neighbouring bands that one index scan reads in order: a condition, and the columns to order by. ``of_key``
    are the positions of these in ``Bands.key``."""

    condition: str
    columns: tuple[str, ...]
    of_key: tuple[int, ...]

    @property
    def order(self) -> str:
        """What to order by."""
        return ", ".join(self.columns)


class PriorityBands:
    """A queue in SQL; the arguments are SQL for the fields of a ``Protection``, and the prefix of its columns."""

    def __init__(self, overdue: str, through: str, before: str, entry: str = "") -> None:
        self._overdue, self._through, self._before, self._entry = overdue, through, before, entry
        self._promised = f"{entry}promise_date"

    def band(self) -> str:
        """The band of an entry, as a day."""
        return (
            f"CASE WHEN {self._promised} <= {self._through} THEN greatest({self._promised}, {self._overdue})"
            f" WHEN {self._promised} < {self._before} THEN DATE '{_AT_RISK}' ELSE {_INFINITY} END"
        )

    def key(self, sort: Sort) -> str:
        """All that an entry's place is decided by, the band first."""
        names = self._columns(sort)
        if sort is Sort.PRIORITY:
            in_turn = f"{self._promised} > {self._overdue} AND {self._promised} <= {self._through}"
            names[0] = f"CASE WHEN {in_turn} THEN 0 ELSE {names[0]} END"
            names[1] = f"CASE WHEN {in_turn} THEN {_INFINITY} ELSE {names[1]} END"
        return ", ".join((self.band(), *names))

    def parts(self, sort: Sort) -> tuple[BandPart, ...]:
        """The queue in parts, the first served first."""
        promised, through, before = self._promised, self._through, self._before
        columns = tuple(self._columns(sort))
        by_sort = (columns, tuple(range(1, len(columns) + 1)))
        in_turn = ((promised, *self._columns(Sort.FIFO)), (0, len(columns) - 1, len(columns)))
        return (
            BandPart(f"{promised} <= {through} AND {promised} <= {self._overdue}", *by_sort),
            BandPart(f"{promised} <= {through} AND {promised} > {self._overdue}", *in_turn),
            # Not by the index of promises, whose entries would all be sorted for the first few: nearly the whole
            # queue may be at risk.
            BandPart(f"{promised} + 0 > {through} AND {promised} + 0 < {before}", *by_sort),
            BandPart(f"({promised} IS NULL OR {promised} >= {before})", *by_sort),
        )

    def _columns(self, sort: Sort) -> list[str]:
        return [self._entry + name for name in COLUMNS[sort]]


def band_of(promised: date | None, protection: Protection) -> date:
    """The band of a place that is promised for a day."""
    if promised is None or promised >= protection.before:
        return _REST
    return protection.day(promised) if promised <= protection.through else _AT_RISK


def part_of(band: date, protection: Protection) -> int:
    """Which of ``Bands.parts`` a band is in."""
    if band >= _AT_RISK:
        return 3 if band == _REST else 2
    return 0 if band <= protection.overdue else 1


def key_of(entry: Any, sort: Sort, protection: Protection) -> tuple[Any, ...]:
    """The values of ``Bands.key`` for an entry."""
    band = band_of(entry.promise_date, protection)
    if sort is Sort.PRIORITY and protection.in_turn(entry.promise_date):
        return (band, 0, NO_DATE, entry.queued_at, entry.line_id)
    return (band, *(getattr(entry, name) for name in COLUMNS[sort]))
