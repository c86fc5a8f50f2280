"""Use cases: read the legal record of an order, and list offers of which something is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.application.errors import OrderNotFound
from order_service.application.ports import OrderUnitOfWork
from order_service.application.promises.promise_store import OfferPlace, OwnedOffer, RefundRight
from order_service.application.queries import Visibility
from order_service.domain.order import Order
from order_service.domain.promises.law import judge
from order_service.domain.promises.recording import LegalTerms, facts_of
from order_service.domain.promises.records import Offer, PromiseRecord
from order_service.domain.promises.replies import OfferNotFound
from order_service.domain.promises.verdict import OrderVerdict


@dataclass(frozen=True, slots=True)
class LegalRecord:
    """All that is recorded of an order's dates, and what the law says of it at this moment."""

    order: Order
    zone: str
    records: Sequence[PromiseRecord]
    offers: Sequence[Offer]
    refunds: Sequence[RefundRight]
    verdict: OrderVerdict


async def find_promises(uow: OrderUnitOfWork, order_id: str, visibility: Visibility, now: datetime) -> LegalRecord:
    """The legal record of an order, judged ``now``. Raises OrderNotFound."""
    found = await uow.queries.order(order_id, visibility)
    if found is None:
        raise OrderNotFound
    order = found.order
    records = (await uow.promises.records_of_orders([order_id]))[order_id]
    offers = (await uow.promises.offers_of_orders([order_id]))[order_id]
    refunds = await uow.promises.refunds_of_order(order_id)
    verdict = judge(facts_of(order, records, offers), now)
    return LegalRecord(order, LegalTerms.of(order).zone, records, offers, refunds, verdict)


async def find_offer(uow: OrderUnitOfWork, order_id: str, offer_id: str) -> tuple[Order, Offer]:
    """An offer with its order. Raises OfferNotFound."""
    found = await uow.queries.order(order_id, Visibility())
    offers = await uow.promises.offers_of_orders([order_id])
    offer = next((one for one in offers.get(order_id, ()) if one.offer_id == offer_id), None)
    if found is None or offer is None:
        raise OfferNotFound
    return found.order, offer


async def find_offers_due(
    uow: OrderUnitOfWork, before: datetime, customer_id: str | None, *, after: OfferPlace | None, limit: int
) -> Sequence[OwnedOffer]:
    """Offers whose notice or reply is due before this moment, the earliest first."""
    return await uow.promises.offers_due(before, customer_id, after=after, limit=limit)


async def count_unsent_offers(uow: OrderUnitOfWork, notice_by: datetime) -> int:
    """How many offers were not sent yet although a notice after this moment would be too late."""
    return await uow.promises.count_unsent(notice_by)
