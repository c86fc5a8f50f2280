"""Where a line stands, in words that a merchandiser reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from allocation_service.domain.decisions.position_facts import Fact
from allocation_service.domain.decisions.queue_position import Ahead, Cover, Held, Missing, Quantities, Receipt
from allocation_service.domain.reasons import Reason
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.reason_words import cause_of, tiers_in_words

_NAMED = 3
"""Missing lines that a summary names."""


class LineSituation(NamedTuple):
    """What is known of a line at a moment. ``reason``: of the last decision; ``limit``: what keeps it from
    stock that is free now. ``ahead`` None: it does not wait in the queue."""

    today: date
    quantities: Quantities
    reason: Reason | None
    ahead: Ahead | None = None
    cover: Cover = Cover()
    promise_date: date | None = None
    limit: Reason | None = None
    held: Held | None = None
    ships_complete: bool = False
    missing: tuple[Missing, ...] = ()


def summary(of: LineSituation, catalogue: Catalogue) -> str:
    """Why the line waits or got what it got, in one line."""
    return _Summary(of, catalogue).words()


class _Summary:
    def __init__(self, of: LineSituation, catalogue: Catalogue) -> None:
        self.of, self.catalogue, self.templates = of, catalogue, catalogue.summary

    def words(self) -> str:
        now = self.of.quantities
        parts = [
            self._said(name, units=self._of_all(units))
            for name, units in (("shipped", now.shipped), ("allocated", now.allocated))
            if units
        ]
        if now.undecided:
            cause = self._cause(self.of.reason) or self.templates["just ordered"]
            parts.append(self._said("undecided", units=self._of_all(now.undecided), cause=cause))
        if now.queued:
            name = "waits" if now.queued == now.quantity else "some wait, one" if now.queued == 1 else "some wait"
            units, clauses = self.catalogue.counted(now.queued), "; ".join(self._waiting())
            parts.append(self._said(name, units=units, clauses=clauses))
        if now.declined:
            reason, units = self.of.reason, self._of_all(now.declined)
            if reason is not None and reason.declines:
                parts.append(self._said("declined because", units=units, cause=self._cause(reason)))
            else:
                parts.append(self._said("declined", units=units))
        if now.cancelled:
            parts.append(self._said("cancelled", units=self._of_all(now.cancelled)))
        return "; ".join(parts)

    def _said(self, name: str, **parts: str) -> str:
        return self.templates[name].format_map(parts)

    def _cause(self, reason: Reason | None) -> str:
        return cause_of(reason, self.of.today, self.catalogue)

    def _day(self, day: date) -> str:
        return self.catalogue.day_in_words(day, self.of.today)

    def _of_all(self, units: int) -> str:
        whole = self.of.quantities.quantity
        everything = self.catalogue.counted(whole)
        if units < whole:
            return self._said("some of", units=self.catalogue.number(units), all=everything)
        return self.templates["the only one"] if whole == 1 else self._said("all of them", all=everything)

    def _waiting(self) -> list[str]:
        """What a waiting line waits for, clause by clause."""
        clauses, held = [], self.of.held
        if held is not None:
            units, whom = self.catalogue.counted(held.units), tiers_in_words(held.tiers, self.catalogue)
            if held.until is None:
                clauses.append(self._said("kept", units=units, whom=whom))
            else:
                clauses.append(self._said("kept until", units=units, whom=whom, until=self._day(held.until)))
        elif self.of.limit is not None:
            clauses.append(self._cause(self.of.limit))
        elif self.of.missing and self.of.ships_complete:
            clauses.append(self._said("ships complete with", missing=self._missing(self.of.missing)))
        elif self.of.ships_complete:
            clauses.append(self.templates["ships complete"])
        return [*clauses, self._turn()]

    def _missing(self, missing: Sequence[Missing]) -> str:
        counted = self.catalogue.counted
        named = [self._said("missing", units=counted(one.units), sku=one.sku) for one in missing[:_NAMED]]
        if len(missing) > _NAMED:
            named.append(counted(len(missing) - _NAMED, "more line"))
        return self.catalogue.listed(named)

    def _turn(self) -> str:
        """Where it stands in line, and for what."""
        place, ahead = self.templates["in line"], self.of.ahead
        if ahead is not None and ahead.lines:
            lines, units = self.catalogue.counted(ahead.lines, "line"), self.catalogue.counted(ahead.units)
            place = self._said("behind", lines=lines, units=units)
        elif ahead is not None:
            place = self.templates["next"]
        source = self._source()
        if source:
            return self._said("for a source", place=place, source=source)
        return self._said("without a receipt", place=place, why=self._no_receipt())

    def _source(self) -> str:
        cover, counted = self.of.cover, self.catalogue.counted
        named = [self.templates["stock"]] if cover.stock else []
        days: dict[date, int] = {}
        for receipt in cover.receipts:
            days[receipt.day] = days.get(receipt.day, 0) + receipt.units
        if len(days) == 1 and not named and not cover.uncovered:
            return self._said("receipt", day=self._day(next(iter(days))))
        named += [
            self._said("part of a receipt", day=self._day(day), units=counted(units)) for day, units in days.items()
        ]
        if cover.uncovered and named:
            named.append(self._said("not announced", units=counted(cover.uncovered)))
        return self.catalogue.listed(named)

    def _no_receipt(self) -> str:
        due = self.of.promise_date
        if due is None:
            return self.templates["no date"]
        return self._said("date passed" if due < self.of.today else "by lead time", day=self._day(due))


def obstacle(
    limit: Reason | None, today: date, catalogue: Catalogue, *, ships_complete: bool, missing: int
) -> str | None:
    """What keeps a line from the stock there is; None where nothing does but its turn."""
    if limit is not None:
        return cause_of(limit, today, catalogue)
    if not ships_complete:
        return None
    if not missing:
        return catalogue.summary["ships complete"]
    return catalogue.summary["ships complete with others"].format(lines=catalogue.counted(missing, "other line"))


def receipt_in_words(receipt: Receipt, today: date, catalogue: Catalogue) -> str:
    """A receipt that will serve the line."""
    return catalogue.summary["late delivery" if receipt.overdue(today) else "delivery"].format(
        units=catalogue.counted(receipt.units),
        po_line=receipt.po_line,
        supplier=receipt.supplier,
        day=catalogue.day_in_words(receipt.day, today),
        announced=catalogue.day_in_words(receipt.announced, today),
    )


def fact_in_words(fact: Fact, catalogue: Catalogue) -> str:
    """What a fact does for the line's place in the queue."""
    return "; ".join(catalogue.filled(catalogue.facts[note.meaning], note.parameters) for note in fact.notes)
