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

KEPT, AT_RISK, REST = range(3)
"""Positions in ``PriorityBands.parts``."""

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

    def __init__(self, through: str, before: str, entry: str = "") -> None:
        self._before, self._entry = before, entry
        self._claim = f"{entry}claim_date"
        self._kept = f"({entry}backed AND {self._claim} <= {through})"

    def band(self) -> str:
        """The band of an entry, as a day."""
        return (
            f"CASE WHEN {self._kept} THEN {self._claim}"
            f" WHEN {self._claim} < {self._before} THEN DATE '{_AT_RISK}' ELSE {_INFINITY} END"
        )

    def key(self, sort: Sort) -> str:
        """All that an entry's place is decided by, the band first."""
        names = self._columns(sort)
        if sort is Sort.PRIORITY:
            names[0] = f"CASE WHEN {self._kept} THEN 0 ELSE {names[0]} END"
            names[1] = f"CASE WHEN {self._kept} THEN {_INFINITY} ELSE {names[1]} END"
        return ", ".join((self.band(), *names))

    def parts(self, sort: Sort) -> tuple[BandPart, ...]:
        """The queue in parts, the first served first."""
        columns = tuple(self._columns(sort))
        by_sort = (columns, tuple(range(1, len(columns) + 1)))
        in_turn = ((self._claim, *self._columns(Sort.FIFO)), (0, len(columns) - 1, len(columns)))
        return (
            BandPart(self._kept, *in_turn),
            # Not by the index of claims, whose entries would all be sorted for the first few: nearly the whole
            # queue may be at risk.
            BandPart(f"NOT {self._kept} AND {self._claim} + 0 < {self._before}", *by_sort),
            BandPart(f"NOT {self._kept} AND {self._claim} + 0 >= {self._before}", *by_sort),
        )

    def _columns(self, sort: Sort) -> list[str]:
        return [self._entry + name for name in COLUMNS[sort]]


def part_of(band: date) -> int:
    """Which of ``PriorityBands.parts`` a band is in."""
    if band == _REST:
        return REST
    return AT_RISK if band == _AT_RISK else KEPT


def key_of(entry: Any, sort: Sort, protection: Protection) -> tuple[Any, ...]:
    """The values of ``PriorityBands.key`` for an entry."""
    if protection.is_kept(entry.claim_date, backed=entry.backed):
        if sort is Sort.PRIORITY:
            return (entry.claim_date, 0, NO_DATE, entry.queued_at, entry.line_id)
        band = entry.claim_date
    else:
        band = _AT_RISK if protection.is_at_risk(entry.claim_date) else _REST
    return (band, *(getattr(entry, name) for name in COLUMNS[sort]))
