"""Use case: judge orders by the law anew, offer what has to be offered, and cancel what it deems cancelled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from event_contracts import Event, new_event_id
from order_service.application.ports import OrderUnitOfWork
from order_service.application.promises.cancel_units import (
    CancelledBy,
    UnitsCancelled,
    cancel_units,
    store_cancelled,
)
from order_service.application.promises.delay_events import OfferLink, delay_event
from order_service.application.promises.promise_store import LAW, OwnedOffer, RecordedLine
from order_service.domain.order import Order
from order_service.domain.promises.law import judge
from order_service.domain.promises.offering import plan_offers
from order_service.domain.promises.recording import LegalTerms, facts_of, records_to_add
from order_service.domain.promises.records import Offer, PromiseRecord
from order_service.domain.promises.refunds import RefundTerms
from order_service.domain.promises.verdict import OrderVerdict

ORDERS_AT_ONCE = 100

GRACE = timedelta(minutes=5)
"""How long after a deadline its consequence is drawn: what was received or shipped in time may be told later."""


@dataclass(frozen=True, slots=True)
class LawRules:
    """What judging needs from outside: links to offers, and when refunds are due where the law leaves that open."""

    link: OfferLink = field(default=lambda _order_id, _offer: None)
    refunds: RefundTerms = field(default_factory=RefundTerms)


async def find_orders_to_judge(uow: OrderUnitOfWork, now: datetime, without: Collection[str]) -> Sequence[str]:
    """Orders whose deadline has come, or of which something was told."""
    return await uow.promises.refs_due(LAW, now, without, ORDERS_AT_ONCE)


async def judge_orders(uow: OrderUnitOfWork, order_ids: Sequence[str], now: datetime, rules: LawRules) -> int:
    """Judge orders, locked, ``now`` in business time; how many were changed: offers, or units that were cancelled.

    Stores the records that are missing, cancels what the law deemed cancelled GRACE ago, makes and ends offers, and
    stores when each order has to be judged next. Publishes `DelayOffered` and `OrderCancelled`. A repetition changes
    nothing, and so may be done at any time: deadlines are hints.
    """
    orders = await uow.orders.lock({order_id: [None] for order_id in order_ids})
    records = await uow.promises.records_of_orders(list(orders))
    offers = await uow.promises.offers_of_orders(list(orders))
    judging = _Judging(now, uow.now, rules)
    for order_id, order in sorted(orders.items()):
        judging.judge(order, records[order_id], offers[order_id])
    await uow.promises.add_records(judging.records)
    await store_cancelled(uow, judging.cancelled)
    await uow.promises.save_offers(judging.offers)
    await uow.publish(judging.events)
    unknown = {order_id: None for order_id in order_ids if order_id not in orders}
    await uow.promises.set_deadlines(LAW, {**unknown, **judging.deadlines})
    return judging.changed_orders


@dataclass(slots=True)
class _Judging:
    """The orders that were judged so far, and what has to be stored and told of them."""

    now: datetime
    wall_clock: datetime
    rules: LawRules
    records: list[RecordedLine] = field(default_factory=list)
    offers: list[OwnedOffer] = field(default_factory=list)
    cancelled: UnitsCancelled = field(default_factory=UnitsCancelled)
    events: list[Event] = field(default_factory=list)
    deadlines: dict[str, datetime | None] = field(default_factory=dict)
    changed_orders: int = 0

    def judge(self, order: Order, records: list[PromiseRecord], offers: list[Offer]) -> None:
        known = [*records, *self._missing_records(order, records)]
        overdue = judge(facts_of(order, known, offers), self.now - GRACE, refunds=self.rules.refunds)
        by = CancelledBy(overdue.cancelled, self.now, self.wall_clock)
        events_before = len(self.cancelled.events)
        cancel_units(self.cancelled, order, by, self.rules.refunds)
        facts = facts_of(order, known, offers)
        verdict = judge(facts, self.now, refunds=self.rules.refunds)
        plan = plan_offers(facts, verdict.needs, self.now, new_event_id)
        self.offers += [OwnedOffer(order.order_id, offer) for offer in plan.all]
        link = self.rules.link
        self.events += [delay_event(order, offer, self.wall_clock, link) for offer in plan.all]
        replaced = {offer.offer_id: offer for offer in plan.changed}
        current = [*(replaced.get(offer.offer_id, offer) for offer in offers), *plan.made]
        self.deadlines[order.order_id] = self._next_deadline(verdict, overdue, current)
        self.changed_orders += bool(plan.all) or len(self.cancelled.events) > events_before

    def _missing_records(self, order: Order, records: list[PromiseRecord]) -> list[PromiseRecord]:
        terms = LegalTerms.of(order)
        if not terms.are_watched:
            return []
        added: list[PromiseRecord] = []
        for line in order.lines.values():
            if line.totals.open > 0 and line.basis > 0:
                known = [one for one in records if one.line_id == line.line_id]
                added += records_to_add(line, known, terms, self.now)
        self.records += [RecordedLine(order.order_id, record) for record in added]
        return added

    def _next_deadline(self, verdict: OrderVerdict, overdue: OrderVerdict, offers: list[Offer]) -> datetime | None:
        """The next moment at which something changes by itself, and GRACE."""
        moments = [offer.respond_by for offer in offers if offer.is_open and offer.respond_by is not None]
        moments += [at for at in (verdict.changes_at, overdue.changes_at) if at is not None]
        following = [at + GRACE for at in moments if at + GRACE > self.now]
        return min(following, default=None)
