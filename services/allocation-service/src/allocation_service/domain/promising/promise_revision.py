"""Revising the promises of a SKU: whom the supply that is known now backs, and whose date can be kept no longer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from allocation_service.domain.promising.learned_supply import PromiseSource
from allocation_service.domain.promising.promise_dates import UNDATED, Expected, lead_time_date
from allocation_service.domain.promising.ship_dates import Handling


class LearnedDates(NamedTuple):
    """Where dates are learned: what a revision goes by beside the days that supply can be counted on.

    ``median``: the same supply by the days on which it is there as likely as not. ``sources``: what each part of the
    supply rests on; ``by_lead_time``: what a date rests on that nothing covers, None without a lead time. ``lead_time``
    as it is stated, in days.
    """

    median: tuple[Expected, ...]
    sources: tuple[PromiseSource, ...]
    by_lead_time: PromiseSource | None
    lead_time: int
    target: int
    table_version: int


class Revision(NamedTuple):
    """What a revision of a SKU's promises goes by.

    ``not_before``: the release date of a preorder. ``lead_time_rise``: by how many days the lead time has risen, which
    moves the dates that it named; ``lead_time_gone``: there is none any more, and these dates are taken back.

    ``learned``: None where ``expected`` are the days announced, and the last word. Otherwise they are days that it can
    be counted on, and a date moves only if it will rather be missed than kept.

    ``handling``: by which days the units may ship, None where no location has stated any.
    """

    sku: str
    expected: tuple[Expected, ...]
    now: datetime
    lead_time_days: int
    not_before: date | None
    cause: str
    decision_id: str
    cause_event: str | None = None
    lead_time_rise: int = 0
    lead_time_gone: bool = False
    learned: LearnedDates | None = None
    handling: Handling | None = None

    def step(self, lines: int) -> dict[str, Any]:
        """The step of the decision that moved so many lines; calendars are stored with the dates named by them."""
        facts = self._asdict()
        del facts["handling"]
        return {"kind": "revise", **facts, "lines": lines}

    @property
    def first_kept_day(self) -> date:
        """The first day that a date may lie on without having passed. What is not there counts from tomorrow, where
        dates are learned: then a date of today has passed."""
        return self.now.date() + timedelta(days=0 if self.learned is None else 1)

    @property
    def fallback(self) -> date | None:
        """The date of a line that no known supply covers any more."""
        return lead_time_date(self.expected, {}, self.now.date(), self.lead_time_days)


def source_after(revision: Revision, told: date | None, *, backed: bool) -> PromiseSource | None:
    """What a date that moved rests on: the last delivery that is counted on by then, or the lead time."""
    learned = revision.learned
    if learned is None or told is None:
        return None
    if not backed:
        return learned.by_lead_time
    counted_on = sum(one.day <= told for one in revision.expected)
    return learned.sources[max(1, counted_on) - 1]


HELD_DAYS = 2
"""A date that would move by no more than this is told on its own day only: until then it may still be kept."""


class Waiting(NamedTuple):
    """The units of a line that wait, since ``queued_at`` the first of them, and what they are promised."""

    line_id: str
    units: int
    promise_date: date | None
    queued_at: datetime
    claim_date: date
    backed: bool
    rest: tuple[date | None, ...] = ()
    """Dates of the lines of other SKUs that must come too, where the order ships complete."""


class Revised(NamedTuple):
    """The promise of a line after a revision."""

    promise_date: date | None
    claim_date: date
    backed: bool


def revise(waiting: Sequence[Waiting], revision: Revision, gained: int | None = None) -> dict[str, Revised]:
    """The lines whose promise changes: a new date, never an earlier one, or what backs the date they have.

    Units are counted in the order of their claims, first those that stay backed: supply is lost by the last of them,
    and what is left goes to the others in turn. A line is backed if the
    known supply reaches all of its units, and due when it does. One that is backed no more is promised by the lead
    time; where there is none, its date is taken back (None). A promise by the lead time keeps its date until that has
    passed or the lead time changes. Nothing is promised for a day before the release. A line that must come with
    others comes no sooner than they do, and has no date while one of them has none. The pure twin of the one SQL
    statement.

    ``gained``: all that has changed is that so much known supply backs nothing yet. Then those whom it does not reach
    keep their promises, and a long queue need not be read behind the last who is backed.
    """
    total, cumulative = sum(one.units for one in revision.expected), 0
    ordered = sorted(waiting, key=lambda one: (one.claim_date, one.queued_at, one.line_id))
    still_backed = _within(total, [one for one in ordered if one.backed])
    last_backed = max([one.claim_date for one in still_backed], default=date.min)
    names = {one.line_id for one in still_backed}
    behind = _Behind(last_backed)
    found: dict[str, Revised] = {}
    for one in (*still_backed, *(one for one in ordered if one.line_id not in names)):
        cumulative += one.units
        covered = cumulative <= total
        alone = _due(revision.expected, cumulative) if covered else _uncovered(one, revision)
        alone = _released(alone, revision)
        due = _with_rest(alone, one.rest)
        keeps = covered and _keeps(one, alone, cumulative, revision)
        kept = _with_rest(_released(one.promise_date, revision), one.rest) if keeps else due
        told = max(kept, one.promise_date or kept) if kept is not None else None
        new = Revised(told, _claim(one, due or alone, told, covered, behind), covered)
        if new != Revised(one.promise_date, one.claim_date, one.backed) and (covered or gained is None):
            found[one.line_id] = new
    return found


def _within(total: int, ordered: Sequence[Waiting]) -> list[Waiting]:
    """The first lines, as far as so many units reach all of theirs."""
    cumulative = accumulate(one.units for one in ordered)
    return [one for one, units in zip(ordered, cumulative, strict=True) if units <= total]


def _released(day: date | None, revision: Revision) -> date | None:
    return day if day is None or revision.not_before is None else max(day, revision.not_before)


def _keeps(one: Waiting, safe: date | None, cumulative: int, revision: Revision) -> bool:
    """Whether a line keeps its date although it could not be promised again: it will rather be kept than missed, or it
    would move so little that this is told on the day itself."""
    told = one.promise_date
    if revision.learned is None or told is None or safe is None:
        return False
    soon = told >= revision.first_kept_day and (safe - told).days <= HELD_DAYS
    return soon or _due(revision.learned.median, cumulative) <= told


def _uncovered(one: Waiting, revision: Revision) -> date | None:
    """The date of units that the known supply does not reach."""
    told, fallback = one.promise_date, revision.fallback
    if revision.learned is not None and one.backed and told is not None and told >= revision.first_kept_day:
        return told  # Something may be ordered for it until then.
    if one.backed or told is None or told < revision.first_kept_day:
        return fallback
    if revision.lead_time_gone:
        return None
    return min(told + timedelta(days=revision.lead_time_rise), max(told, fallback or told))


def _with_rest(alone: date | None, rest: Iterable[date | None]) -> date | None:
    for day in rest:
        if alone is None or day is None:
            return None
        alone = max(alone, day)
    return alone


class _Behind:
    """Behind whom those stand who are backed anew: those who were backed all along and, once one of them had to give
    way to these, those backed anew before it, so that nobody passes one who gave way."""

    def __init__(self, last_backed: date) -> None:
        self._last_backed, self._gave_way, self._latest_due = last_backed, False, date.min

    def claim(self, claim: date, due: date) -> date:
        """The claim of the next one that is backed anew, which would be ``claim``; ``due`` where it gives way."""
        late = claim <= self._last_backed
        claimed = due if late or (self._gave_way and claim <= self._latest_due) else claim
        self._gave_way, self._latest_due = self._gave_way or late, max(self._latest_due, due)
        return claimed


def _claim(one: Waiting, due: date | None, told: date | None, covered: bool, behind: _Behind) -> date:
    """A claim never moves back, save that whoever is backed anew stands behind those who were backed all along."""
    if not covered or due is None:
        return one.claim_date if one.claim_date != UNDATED else told or UNDATED
    claim = min(one.claim_date, due)
    return claim if one.backed else behind.claim(claim, due)


def _due(expected: Sequence[Expected], cumulative: int) -> date:
    reached = 0
    for day, units in expected:
        reached += units
        if reached >= cumulative:
            return day
    raise ValueError("the supply does not reach")
