"""The first date that a line was told, and what became of it: by this, the share of kept promises is judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.lateness.adaptive_level import POOL_STEP, STEP, AdaptiveLevel, blended, start
from allocation_service.domain.lateness.basis import Basis


class FirstPromise(NamedTuple):
    """The first date told of a line's waiting units, and by what.

    ``source``: the supplier whose delivery covers them or, by the lead time, the SKU. ``lead_time``: its days then.
    ``target``: of 100 such dates, how many are to be kept. ``confidence``: per cent.
    """

    line_id: str
    sku: str
    basis: Basis
    source: str
    target: int
    first_date: date
    asked_at: datetime
    lead_time: int
    table_version: int
    confidence: int


class OutcomeState(StrEnum):
    """Stored; none is ever renamed."""

    OPEN = "open"
    KEPT = "kept"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"
    """Cancelled or declined before any of it was served: neither kept nor missed."""


def state_after(first_date: date, today: date, served_on: date | None, *, waits: bool) -> OutcomeState:
    """What has become of a first date by the beginning of ``today``: judged when the day is over, not before, because
    early arrivals among those still to come would flatter."""
    if not waits and served_on is None:
        return OutcomeState.WITHDRAWN
    if first_date >= today:
        return OutcomeState.OPEN
    return OutcomeState.KEPT if served_on is not None and served_on <= first_date else OutcomeState.MISSED


class Outcome(NamedTuple):
    """A first date that came due."""

    line_id: str
    basis: Basis
    source: str
    target: int
    first_date: date
    missed: bool


LevelKey = tuple[Basis, str, int]
"""Basis, source ("" for all of them) and target in per cent."""


class Levels(NamedTuple):
    """The adaptive levels of every source and of all together."""

    by_key: dict[LevelKey, AdaptiveLevel]

    def after(self, outcomes: Iterable[Outcome]) -> Levels:
        """With outcomes folded in, in the order of their dates."""
        found = dict(self.by_key)
        for one in sorted(outcomes, key=lambda each: (each.first_date, each.line_id)):
            target = (100 - one.target) / 100
            # What is promised from stock has no source of its own: it counts once, for all of them.
            for source, step in {one.source: STEP, "": POOL_STEP}.items():
                key = (one.basis, source, one.target)
                found[key] = found.get(key, start(target)).after(missed=one.missed, target=target, step=step)
        return Levels(found)

    def alpha(self, basis: Basis, source: str, target: int) -> float:
        """The share of misses to ask for."""
        pool = self.by_key.get((basis, "", target), start((100 - target) / 100))
        return pool.alpha if not source else blended(self.by_key.get((basis, source, target)), pool)
