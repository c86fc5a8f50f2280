"""What the tests of delays begin with: an order whose date slips, its offer, the notice, an answer."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.scenario import LineAnswer
from tests.unit.order.shop import Shop

from event_contracts import DelayOffer, Event, NotificationOutcome, new_event
from event_contracts.sources import NOTIFICATION_SOURCE
from order_service.bootstrap import OrderApplication
from order_service.domain.promises.calendar import end_of_day
from order_service.entrypoints.background.judge_due_orders import OrderJudge

ZONE = "America/New_York"
T = date(2026, 1, 20)
HASH = "9f86d081884c7d65" * 4


def end_of(day: date) -> datetime:
    """When the day is over where the customer is."""
    return end_of_day(day, ZONE)


def days(number: int) -> timedelta:
    """So many days."""
    return timedelta(days=number)


class DelaySteps:
    """Steps on a shop, on whichever stores."""

    async def judge(self, shop: Shop) -> int:
        """One round of the loop that judges orders."""
        application = shop.service.api.application
        assert isinstance(application, OrderApplication)
        return await OrderJudge(application).once()

    async def promised(self, shop: Shop, day: date | None, order: dict[str, Any] | None = None, **terms: Any) -> Any:
        """An order of two lamps that wait and are promised for this day."""
        if order is None:
            terms = {"jurisdiction": "US", "time_zone": ZONE, **terms}
            order = await shop.place(("lamp", 2), **terms)
        await shop.apply(shop.answer(order, LineAnswer(waiting=2, promise=day)))
        await self.judge(shop)
        return order

    async def slipped(self, shop: Shop, day: date | None, **terms: Any) -> tuple[Any, Any]:
        """An order that was promised for T and then for another day, and the offer that was made."""
        order = await self.promised(shop, T, **terms)
        await self.promised(shop, day, order)
        return order, (await self.record(shop, order))["offers"][-1]

    async def record(self, shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
        """The legal record of the order."""
        response = await shop.client.get(f"/v1/orders/{order['order_id']}/promises")
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def send(self, shop: Shop, order: dict[str, Any], offer: dict[str, Any]) -> None:
        """Notification sends the notice now."""
        await shop.apply(self.sent(shop, order, offer))
        await self.judge(shop)

    def sent(self, shop: Shop, order: dict[str, Any], offer: dict[str, Any], at: datetime | None = None) -> Event:
        """The event that says so."""
        outcome = NotificationOutcome(
            notification_id="n1", order_id=order["order_id"], template="delay_notice", channel="email", attempts=1,
            occurred_at=at or shop.clock.now(), offer_ids=(offer["offer_id"],), content_hash=HASH,
        )  # fmt: skip
        return new_event("NotificationSent", outcome, source=NOTIFICATION_SOURCE, sequence=1, now=shop.clock.now())

    async def reply(self, shop: Shop, offer: dict[str, Any], answer: str, who: str = "all", **more: Any) -> Any:
        """Answer an offer."""
        path = f"/v1/orders/{offer['order_id']}/offers/{offer['offer_id']}/answer"
        async with shop.client_as(who) as client:
            return await client.post(path, json={"answer": answer, **more})

    async def at(self, shop: Shop, moment: datetime) -> None:
        """Judge at this moment."""
        shop.clock.advance(moment - shop.clock.now())
        await self.judge(shop)

    async def delays(self, shop: Shop) -> list[tuple[str, DelayOffer]]:
        """The events about delays that were published since the last look."""
        events = await shop.published()
        return [(each.name, each.payload) for each in events if isinstance(each.payload, DelayOffer)]
