"""The customers' side of the simulated shop: placing, changing one's mind, losing patience."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from backorder_local.replay.customers import has_contact, manner_of
from backorder_local.replay.figures import PlacedOrder
from backorder_local.replay.order_stream import StreamOrder
from backorder_local.replay.session import Diary, Session, TrackedOrder


class ShopFront:
    """Places the stream's orders and lets their customers act."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._losing_patience: Diary[TrackedOrder] = Diary()
        self._contacts: set[str] = set()
        self._orders_url = f"{session.api.addresses.order}/v1/orders"

    async def place(self, orders: Iterable[StreamOrder]) -> list[TrackedOrder]:
        """Place a day's orders side by side; returns once they are accepted, not once they are answered."""
        placed = await self._session.at_once(self._place(order) for order in orders)
        for order in placed:
            self._session.orders[order.order_id] = order
            self._session.open_orders[order.order_id] = order
            for line in order.stream.lines:
                self._session.position.demanded(line.sku, line.quantity, order.stream.placed_at.date())
            if order.manner.patience_days is not None:
                days = timedelta(days=math.ceil(order.manner.patience_days))
                self._losing_patience.note(order.stream.placed_at.date() + days, order)
        return placed

    async def _place(self, order: StreamOrder) -> TrackedOrder:
        session = self._session
        manner = manner_of(order, seed=session.choices.seed)
        contact_id = await self._contact_of(order)
        reference = f"{session.choices.run}-{order.reference}"
        body = {
            "reference": reference,
            "customer_id": order.customer,
            "contact_id": contact_id,
            "tier": manner.tier,
            "channel": manner.channel,
            "destination": {"country": order.country} if order.country else None,
            "latest_acceptable_date": manner.latest_acceptable_date.isoformat()
            if manner.latest_acceptable_date
            else None,
            "ship_complete": manner.ship_complete,
            "placed_at": order.placed_at.isoformat().replace("+00:00", "Z"),
            "lines": [
                {
                    "reference": str(number),
                    "sku": line.sku,
                    "quantity": line.quantity,
                    "unit_price": {"amount": line.unit_price, "currency": "GBP"},
                }
                for number, line in enumerate(order.lines, start=1)
            ],
        }
        answer = await session.api.create(
            self._orders_url, {field: value for field, value in body.items() if value is not None}, key=reference
        )
        placed = PlacedOrder(answer["order_id"], order.placed_at, len(order.lines), order.units)
        session.answers.expect(placed.order_id, placed.sequence)
        return TrackedOrder(order, manner, placed, tuple(line["line_id"] for line in answer["lines"]))

    async def _contact_of(self, order: StreamOrder) -> str | None:
        session = self._session
        person = order.customer or f"guest-{order.reference}"
        if not has_contact(person, session.choices.contacts_share, seed=session.choices.seed):
            return None
        contact_id = f"contact-{person}"
        if contact_id not in self._contacts:
            self._contacts.add(contact_id)
            await session.api.put(
                f"{session.api.addresses.notification}/v1/contacts/{contact_id}",
                {"email": f"{person.lower()}@customers.test", "locale": "en-GB", "time_zone": "Europe/London"},
            )
        return contact_id

    async def evening(self, today: date, placed_today: Iterable[TrackedOrder]) -> None:
        """The day's second thoughts, and those who have waited long enough."""
        second_thoughts = [order for order in placed_today if order.manner.changes_mind]
        amended = [order for order in placed_today if order.manner.amends_to and not order.manner.changes_mind]
        impatient = [order for order in self._losing_patience.of(today) if not order.manner.changes_mind]
        await self._session.at_once(
            [self._cancel_whole(order) for order in second_thoughts]
            + [self._amend(order) for order in amended]
            + [self._cancel_waiting(order) for order in impatient]
        )

    async def _cancel_whole(self, order: TrackedOrder) -> None:
        open_units = {line_id: line.quantity for line_id, line in zip(order.line_ids, order.stream.lines, strict=True)}
        for line_id, history in self._session.answers.lines(order.order_id).items():
            open_units[line_id] -= history.now.declined
        await self._cancel(order, "changed my mind", {line: units for line, units in open_units.items() if units})

    async def _cancel_waiting(self, order: TrackedOrder) -> None:
        if waiting := self._session.answers.waiting(order.order_id):
            await self._cancel(order, "waited too long", waiting)

    async def _cancel(self, order: TrackedOrder, reason: str, units: dict[str, int]) -> None:
        if not units:
            return
        session = self._session
        body = {
            "reason": reason,
            "lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()],
        }
        url = f"{self._orders_url}/{order.order_id}/cancel"
        key = f"{order.order_id}-cancel-{order.placed.sequence}"
        if await session.allowed_to_fail("cancel", lambda: session.api.create(url, body, key=key)) is None:
            return
        order.placed.cancelled_units += sum(units.values())
        self._changed(order)
        session.done["cancellations"] += 1
        for sku, quantity in _by_sku(order, units).items():
            session.position.changed(sku, quantity)

    async def _amend(self, order: TrackedOrder) -> None:
        session, line = self._session, order.stream.lines[0]
        history = session.answers.lines(order.order_id).get(order.line_ids[0])
        quantity = max(1, round(line.quantity * (order.manner.amends_to or 1)))
        if quantity == line.quantity or history is None or history.now.declined:
            return
        shown = f"{self._orders_url}/{order.order_id}"
        _, etag = await session.api.read(shown)
        call = session.api.change
        changed = await session.allowed_to_fail(
            "amend", lambda: call(f"{shown}/lines/{order.line_ids[0]}", {"quantity": quantity}, etag=etag)
        )
        if changed is None:
            return
        order.placed.units += max(0, quantity - line.quantity)
        order.placed.cancelled_units += max(0, line.quantity - quantity)
        self._changed(order)
        session.done["amendments"] += 1
        session.position.changed(line.sku, line.quantity - quantity)

    def _changed(self, order: TrackedOrder) -> None:
        """Allocation will answer the change; the evening's shipping waits for it."""
        order.placed.sequence += 1
        self._session.answers.expect(order.order_id, order.placed.sequence)


def _by_sku(order: TrackedOrder, units: dict[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line_id, line in zip(order.line_ids, order.stream.lines, strict=True):
        found[line.sku] += units.get(line_id, 0)
    return found
