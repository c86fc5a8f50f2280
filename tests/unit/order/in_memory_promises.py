"""`PromiseStore` in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from order_service.application.promises.promise_store import OfferPlace, OwnedOffer, RecordedLine, RefundRight
from order_service.domain.order import Order
from order_service.domain.promises.records import Offer, OfferState, PromiseRecord


@dataclass
class StoredPromises:
    """All that is stored of the legal record."""

    records: list[RecordedLine] = field(default_factory=list)
    offers: dict[str, OwnedOffer] = field(default_factory=dict)
    refunds: list[RefundRight] = field(default_factory=list)
    deadlines: dict[tuple[str, str], datetime] = field(default_factory=dict)


class InMemoryPromises:
    """`PromiseStore` in memory; ``order`` gives an order by its id."""

    def __init__(self, stored: StoredPromises, order: Callable[[str], Order]) -> None:
        self._stored = stored
        self._order = order

    async def records_of_lines(self, line_ids: Collection[str]) -> dict[str, list[PromiseRecord]]:
        """See PromiseStore."""
        found: dict[str, list[PromiseRecord]] = {}
        for _, record in sorted(self._stored.records, key=lambda each: each.record.revision):
            if record.line_id in line_ids:
                found.setdefault(record.line_id, []).append(record)
        return found

    async def records_of_orders(self, order_ids: Collection[str]) -> dict[str, list[PromiseRecord]]:
        """See PromiseStore."""
        ordered = sorted(self._stored.records, key=lambda each: (each.record.line_id, each.record.revision))
        return {order_id: [record for owner, record in ordered if owner == order_id] for order_id in order_ids}

    async def add_records(self, records: Sequence[RecordedLine]) -> None:
        """See PromiseStore."""
        known = {(one.record.line_id, one.record.revision) for one in self._stored.records}
        for one in records:
            if (one.record.line_id, one.record.revision) in known:
                raise ValueError(f"revision {one.record.revision} of line {one.record.line_id} is recorded already")
            self._stored.records.append(one)

    async def offers_of_orders(self, order_ids: Collection[str]) -> dict[str, list[Offer]]:
        """See PromiseStore."""
        every = sorted(self._stored.offers.values(), key=lambda one: one.offer.number)
        return {order_id: [one.offer for one in every if one.order_id == order_id] for order_id in order_ids}

    async def save_offers(self, offers: Sequence[OwnedOffer]) -> None:
        """See PromiseStore."""
        self._stored.offers.update((one.offer.offer_id, one) for one in offers)

    async def orders_of_offers(self, offer_ids: Collection[str]) -> dict[str, str]:
        """See PromiseStore."""
        return {each: self._stored.offers[each].order_id for each in offer_ids if each in self._stored.offers}

    async def offers_due(
        self, before: datetime, customer_id: str | None, *, after: OfferPlace | None, limit: int
    ) -> Sequence[OwnedOffer]:
        """See PromiseStore."""
        found = [
            (OfferPlace(due_at, one.offer.offer_id), one)
            for one in self._stored.offers.values()
            if (due_at := one.offer.due_at) is not None
            and due_at < before
            and customer_id in (None, self._order(one.order_id).terms.customer_id)
        ]
        return [one for place, one in sorted(found, key=lambda each: each[0]) if after is None or place > after][:limit]

    async def count_unsent(self, notice_by: datetime) -> int:
        """See PromiseStore."""
        return sum(
            one.offer.state is OfferState.OFFERED
            and one.offer.notice_by is not None
            and one.offer.notice_by <= notice_by
            for one in self._stored.offers.values()
        )

    async def add_refunds(self, refunds: Sequence[RefundRight]) -> None:
        """See PromiseStore."""
        self._stored.refunds.extend(refunds)

    async def refunds_of_order(self, order_id: str) -> Sequence[RefundRight]:
        """See PromiseStore."""
        return sorted((one for one in self._stored.refunds if one.order_id == order_id), key=lambda one: one.refund_id)

    async def hint_deadlines(self, kind: str, due: Mapping[str, datetime]) -> None:
        """See PromiseStore."""
        for ref, at in due.items():
            self._stored.deadlines[kind, ref] = min(at, self._stored.deadlines.get((kind, ref), at))

    async def set_deadlines(self, kind: str, due: Mapping[str, datetime | None]) -> None:
        """See PromiseStore."""
        for ref, at in due.items():
            self._stored.deadlines.pop((kind, ref), None)
            if at is not None:
                self._stored.deadlines[kind, ref] = at

    async def refs_due(self, kind: str, now: datetime, without: Collection[str], limit: int) -> Sequence[str]:
        """See PromiseStore."""
        due = sorted((at, ref) for (of, ref), at in self._stored.deadlines.items() if of == kind and at <= now)
        return [ref for _, ref in due if ref not in without][:limit]
