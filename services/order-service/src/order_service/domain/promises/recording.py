"""Which dates are recorded of a line: the first that binds, and then each that allocation names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from order_service.domain.lines import Line, PromisedDate
from order_service.domain.order import Order, Terms
from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.jurisdictions import Jurisdiction, jurisdiction_named, zone_of
from order_service.domain.promises.records import (
    Basis,
    LineFacts,
    Offer,
    OrderFacts,
    PromiseRecord,
    applicable_day,
    statutory_day,
)


@dataclass(frozen=True, slots=True)
class LegalTerms:
    """What of an order's terms decides which dates are recorded and what the law makes of them."""

    jurisdiction: Jurisdiction | None
    time_zone: str | None
    latest_acceptable_date: date | None
    placed_at: datetime
    completed_at: datetime

    @classmethod
    def of(cls, order: Order) -> LegalTerms:
        """Those of an order."""
        return cls.stated(order.terms, order.placed_at, order.completed_at)

    @classmethod
    def stated(cls, terms: Terms, placed_at: datetime, completed_at: datetime | None) -> LegalTerms:
        """Those of an order with these terms; one that names no moment was complete as it was placed."""
        jurisdiction = jurisdiction_named(terms.jurisdiction)
        return cls(jurisdiction, terms.time_zone, terms.latest_acceptable_date, placed_at, completed_at or placed_at)

    @property
    def are_watched(self) -> bool:
        """Whether dates matter: a consumer law applies, or the customer accepts no later day than some."""
        return self.jurisdiction is not None or self.latest_acceptable_date is not None

    @property
    def zone(self) -> str:
        """The time zone in which the order's days end."""
        return zone_of(self.jurisdiction, self.time_zone)


def records_to_add(
    line: Line, known: Sequence[PromiseRecord], terms: LegalTerms, stated_at: datetime
) -> list[PromiseRecord]:
    """The records of a line that are missing beside ``known``, which come by their revision; none if it is complete.

    The first is the day that binds: the quoted one, else allocation's first, else 30 days after the order was complete
    where a law says so. If they are over when nothing is recorded yet, because the order is older than the record or
    was imported, the line has 30 days from its first record. An order that was complete later than it had seemed (a
    payment was dishonoured) has new 30 days, 16 CFR 435.1(c). Allocation's dates follow, each once: ``line.promise`` as
    told at ``stated_at``.
    """
    added: list[PromiseRecord] = []

    def add(basis: Basis, day: date | None, at: datetime, cause: str) -> None:
        revision = len(known) + len(added) + 1
        added.append(PromiseRecord(line.line_id, revision, basis, day, terms.zone, at, cause))

    began_at = line.added_at or terms.placed_at
    promise = line.promise
    if not known and line.quoted_date is not None:
        add(Basis.QUOTED, line.quoted_date, began_at, "OrderPlaced")
    elif terms.jurisdiction is not None:
        day = statutory_day(max(terms.completed_at, began_at), terms.zone)
        if not known and (promise is None or promise.date is None):
            if day < day_of(stated_at, terms.zone):
                add(Basis.STATUTORY, statutory_day(stated_at, terms.zone), stated_at, "FirstRecorded")
            else:
                add(Basis.STATUTORY, day, began_at, "OrderPlaced")
        elif known and known[0].basis is Basis.STATUTORY and day > (applicable_day(known) or day):
            add(Basis.STATUTORY, day, stated_at, "OrderCompleted")
    newest = max((one.promise_revision for one in known if one.promise_revision is not None), default=None)
    if promise is not None and (newest is None or promise.revision > newest):
        add(Basis.PROMISED, binding_day(promise, terms.jurisdiction), stated_at, promise.cause)
        added[-1] = replace(
            added[-1],
            promise_revision=promise.revision,
            confidence=promise.confidence,
            table_version=promise.table_version,
        )
    return added


def binding_day(promise: PromisedDate, jurisdiction: Jurisdiction | None) -> date | None:
    """The day of a promise that the law goes by: in the United States when the units leave, in the EU and the UK when
    the customer has them; the promised date itself where allocation does not say."""
    if promise.date is None or jurisdiction is None:
        return promise.date
    leave = promise.ship_by or promise.date
    return leave if jurisdiction is Jurisdiction.US else promise.deliver_by or leave


def facts_of(order: Order, records: Sequence[PromiseRecord], offers: Sequence[Offer]) -> OrderFacts:
    """The order as the law sees it; ``records`` of all its lines, in the order of their revisions."""
    terms = LegalTerms.of(order)
    lines = tuple(
        LineFacts(
            line_id=line.line_id,
            open=line.totals.open,
            waiting=line.promise is not None,
            records=tuple(one for one in records if one.line_id == line.line_id),
        )
        for line in order.lines.values()
    )
    return OrderFacts(
        order_id=order.order_id,
        jurisdiction=terms.jurisdiction,
        time_zone=terms.time_zone,
        completed_at=terms.completed_at,
        lines=lines,
        offers=tuple(sorted(offers, key=lambda offer: offer.number)),
        time_essential=order.terms.time_essential,
        latest_acceptable_date=terms.latest_acceptable_date,
        anything_shipped=any(line.shipped for line in order.lines.values()),
    )
