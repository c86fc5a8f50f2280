"""From measurements to a row of the table: medians, ratios, spreads, goals. Pure."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Of = Literal["ratio", "value"]

_SIGNS: dict[str, Callable[[float, float], bool]] = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True)
class Goal:
    """A bound on a row's ratio or, where there is no floor to compare with, on its value."""

    sign: str
    bound: float
    of: Of = "ratio"

    def met(self, figure: float) -> bool:
        """Whether a figure lies on the right side of the bound, the bound included."""
        return _SIGNS[self.sign](figure, self.bound)

    def text(self, unit: str) -> str:
        """``≥ 0.7``, or ``≤ 40 ms`` where it bounds a value."""
        return f"{self.sign} {self.bound:,g} {unit}" if self.of == "value" else f"{self.sign} {self.bound:g}"


def at_least(bound: float, of: Of = "ratio") -> Goal:
    """The figure must not be smaller."""
    return Goal("≥", bound, of)


def at_most(bound: float, of: Of = "ratio") -> Goal:
    """The figure must not be larger."""
    return Goal("≤", bound, of)


@dataclass(frozen=True)
class Row:
    """A line of the table before it is measured: its name, the unit of value and floor, its goal if it has one."""

    name: str
    what: str
    unit: str
    goal: Goal | None = None


@dataclass
class Measured:
    """What alternating runs gave: one value a round and, where the row has a floor, the floor beside it."""

    values: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    note: str = ""

    def add(self, value: float, floor: float | None = None) -> None:
        """One round."""
        self.values.append(value)
        if floor is not None:
            self.floors.append(floor)


@dataclass(frozen=True)
class Spread:
    """The median of some figures, the smallest and the largest."""

    median: float
    low: float
    high: float


def spread(figures: Sequence[float]) -> Spread:
    """ValueError for no figures."""
    if not figures:
        raise ValueError("nothing was measured")
    return Spread(statistics.median(figures), min(figures), max(figures))


@dataclass(frozen=True)
class Result:
    """A finished row. The ratio is the median of the rounds' own ratios, so that what else a noisy machine does
    at one time is compared with nothing but itself. ``met`` is None where there is no goal, or nothing was measured.
    """

    row: Row
    value: Spread | None
    floor: Spread | None
    ratio: Spread | None
    met: bool | None
    rounds: int
    note: str

    def as_data(self) -> dict[str, Any]:
        """The row as it stands in ``bench.json``."""
        return {
            "name": self.row.name,
            "what": self.row.what,
            "value": _median(self.value),
            "unit": self.row.unit,
            "floor": _median(self.floor),
            "ratio": _median(self.ratio),
            "goal": self.row.goal.text(self.row.unit) if self.row.goal else None,
            "met": self.met,
            "rounds": self.rounds,
            "value_spread": _ends(self.value),
            "floor_spread": _ends(self.floor),
            "ratio_spread": _ends(self.ratio),
            "note": self.note,
        }


def result_of(row: Row, measured: Measured) -> Result:
    """ValueError where rounds lack their floor, or a goal bounds a ratio that the row does not have."""
    value = spread(measured.values)
    floor = ratio = None
    if measured.floors:
        pairs = zip(measured.values, measured.floors, strict=True)
        floor, ratio = spread(measured.floors), spread([one / against for one, against in pairs])
    met = None
    if row.goal is not None:
        judged = value if row.goal.of == "value" else ratio
        if judged is None:
            raise ValueError(f"{row.name}: its goal is a ratio, but it has no floor")
        met = row.goal.met(judged.median)
    return Result(row, value, floor, ratio, met, len(measured.values), measured.note)


def not_measured(row: Row, why: str) -> Result:
    """A row that failed; its goal is neither met nor missed."""
    return Result(row, None, None, None, None, 0, why)


def percentile(figures: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest figure that at least ``percent`` per cent do not exceed."""
    ordered = sorted(figures)
    if not ordered:
        raise ValueError("nothing was measured")
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def _median(one: Spread | None) -> float | None:
    return None if one is None else _short(one.median)


def _ends(one: Spread | None) -> list[float] | None:
    return None if one is None else [_short(one.low), _short(one.high)]


def _short(figure: float) -> float:
    """Five significant digits: more would be noise."""
    return float(f"{figure:.5g}")
