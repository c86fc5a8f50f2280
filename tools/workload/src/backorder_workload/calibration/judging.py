"""What became of first dates, and the figures of a world."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.first_promise import Outcome

_ROLLING = 200
_LEAST_IN_BIN = 500


@dataclass(slots=True)
class Judged:
    """The first date that a line was told, and what became of it."""

    line_id: str
    basis: Basis
    source: str
    target: int
    first_date: date
    asked_on: date
    confidence: float
    served_on: date | None = None
    withdrawn: bool = False
    moves: int = 0
    told_late: int = 0

    def moved(self, old: date | None, new: date | None, today: date) -> None:
        """Another date was told; late if the old one was over."""
        self.moves += 1
        self.told_late += old is not None and today > old
        del new

    def leaves(self, served_on: date | None) -> None:
        """Served, or cancelled: a cancellation on a day after the date does not undo that it was missed."""
        self.served_on = served_on
        self.withdrawn = served_on is None

    @property
    def kept(self) -> bool:
        """Served by the first date."""
        return self.served_on is not None and self.served_on <= self.first_date

    def outcome(self) -> Outcome:
        """As it is folded into the next table."""
        return Outcome(self.line_id, self.basis, self.source, self.target, self.first_date, not self.kept)


class Bin(NamedTuple):
    """Dates of which the same confidence was stated, and the share that was kept."""

    stated: float
    kept: float
    dates: int


@dataclass(frozen=True, slots=True)
class WorldFigures:
    """Shares are of first dates that came due; days of slack are the mean of date less day served, of those kept."""

    dates: int
    kept: float
    rolling_least: float
    slack_days: float
    moves_per_100: float
    told_in_time: float
    bins: tuple[Bin, ...] = field(default=())

    @property
    def overstated(self) -> float:
        """By how much the most overstated confidence exceeds what was kept, in bins of 500 dates or more."""
        return max((one.stated - one.kept for one in self.bins if one.dates >= _LEAST_IN_BIN), default=0.0)


def figures_of(lines: Sequence[Judged], until: date) -> WorldFigures:
    """The figures of the lines that were due by a day."""
    due = [one for one in lines if one.first_date < until and not one.withdrawn]
    due.sort(key=lambda one: (one.first_date, one.line_id))
    kept = [one.kept for one in due]
    slack = [(one.first_date - one.served_on).days for one in due if one.kept and one.served_on is not None]
    moves = sum(one.moves for one in lines)
    return WorldFigures(
        dates=len(due),
        kept=_share(sum(kept), len(kept)),
        rolling_least=_rolling_least(kept),
        slack_days=_share(sum(slack), len(slack)),
        moves_per_100=100 * _share(moves, len(lines)),
        told_in_time=1 - _share(sum(one.told_late for one in lines), moves) if moves else 1.0,
        bins=_bins(due),
    )


def _share(part: float, whole: int) -> float:
    return part / whole if whole else math.nan


def _rolling_least(kept: Sequence[bool]) -> float:
    if len(kept) < _ROLLING:
        return _share(sum(kept), len(kept))
    count = least = sum(kept[:_ROLLING])
    for leaving, coming in zip(kept, kept[_ROLLING:], strict=False):
        count += coming - leaving
        least = min(least, count)
    return least / _ROLLING


def _bins(due: Sequence[Judged]) -> tuple[Bin, ...]:
    found: dict[float, list[bool]] = {}
    for one in due:
        found.setdefault(one.confidence, []).append(one.kept)
    return tuple(Bin(stated, sum(kept) / len(kept), len(kept)) for stated, kept in sorted(found.items()))
