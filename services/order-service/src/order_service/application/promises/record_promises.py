"""Recording the dates that allocation names, as part of applying what it decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from order_service.application.promises.promise_store import LAW, OwnedOffer, PromiseStore, RecordedLine
from order_service.domain.lines import Line
from order_service.domain.order import Order
from order_service.domain.promises.recording import LegalTerms, records_to_add
from order_service.domain.promises.records import OfferState


class Recording(Protocol):
    """What recording needs of a unit of work."""

    @property
    def promises(self) -> PromiseStore: ...


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A line as allocation reported it at ``told_at``, of an order with these terms."""

    order_id: str
    terms: LegalTerms
    line: Line
    told_at: datetime


async def record_promises(uow: Recording, told: Sequence[ToldLine], now: datetime) -> None:
    """Add the records that these lines lack, and have their orders judged at once, ``now``.

    Lines of orders whose dates do not matter are left out. The orders are locked.
    """
    watched = {(one.line.line_id, one.line.line_version): one for one in told if one.terms.are_watched}
    if not watched:
        return
    known = await uow.promises.records_of_lines({line_id for line_id, _ in watched})
    records: list[RecordedLine] = []
    for one in watched.values():
        of_line = known.setdefault(one.line.line_id, [])
        added = records_to_add(one.line, of_line, one.terms, one.told_at)
        of_line += added
        records += [RecordedLine(one.order_id, record) for record in added]
    await uow.promises.add_records(records)
    await uow.promises.hint_deadlines(LAW, {one.order_id: now for one in watched.values()})


async def let_amended_date_bind(uow: Recording, amended: Sequence[Order]) -> None:
    """The latest acceptable date of these orders, which are locked, was amended: it is the customer's newest word, and
    no delay that was accepted before goes beyond it. What a law makes of such a reply stays."""
    if not amended:
        return
    offers = await uow.promises.offers_of_orders([order.order_id for order in amended])
    overtaken = [
        OwnedOffer(order_id, replace(offer, superseded=True))
        for order_id, of_order in offers.items()
        for offer in of_order
        if offer.state is OfferState.CONSENTED and not offer.superseded
    ]
    await uow.promises.save_offers(overtaken)


async def have_judged(uow: Recording, changed: Sequence[Order]) -> None:
    """Have those of the orders, which were changed and are locked, judged at once whose dates matter."""
    due = {order.order_id: order.changed_at for order in changed if LegalTerms.of(order).are_watched}
    await uow.promises.hint_deadlines(LAW, due)
