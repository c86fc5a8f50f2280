"""The customers of the simulated shop: they place orders, change their minds and lose patience."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from backorder_workload.replay.customers import behaviour_of, has_contact
from backorder_workload.replay.figures import PlacedOrder
from backorder_workload.replay.order_stream import StreamOrder
from backorder_workload.replay.session import Schedule, Session, TrackedOrder, stamp


class ShopFront:
    """Places the orders of the stream and carries out what their customers do later."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._losing_patience: Schedule[TrackedOrder] = Schedule()
        self._contacts: set[str] = set()
        self._orders_url = f"{session.api.addresses.order}/v1/orders"

    async def place(self, orders: Iterable[StreamOrder]) -> list[TrackedOrder]:
        """Place a day's orders concurrently; returns once they are accepted, which is before they are decided."""
        placed = await self._session.concurrently(self._place(order) for order in orders)
        for order in placed:
            self._session.orders[order.order_id] = order
            self._session.open_orders[order.order_id] = order
            for line in order.stream.lines:
                self._session.position.demanded(line.sku, line.quantity, order.stream.placed_at.date())
            if order.behaviour.patience_days is not None:
                days = timedelta(days=math.ceil(order.behaviour.patience_days))
                self._losing_patience.add(order.stream.placed_at.date() + days, order)
        return placed

    async def _place(self, order: StreamOrder) -> TrackedOrder:
        session = self._session
        behaviour = behaviour_of(order, seed=session.choices.seed)
        contact_id = await self._contact_of(order)
        reference = f"{session.choices.run}-{order.reference}"
        body = {
            "reference": reference,
            "customer_id": order.customer,
            "contact_id": contact_id,
            "tier": behaviour.tier,
            "channel": behaviour.channel,
            "destination": {"country": order.country} if order.country else None,
            "latest_acceptable_date": behaviour.latest_acceptable_date.isoformat()
            if behaviour.latest_acceptable_date
            else None,
            "ship_complete": behaviour.ship_complete,
            "placed_at": stamp(order.placed_at),
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
        placed = PlacedOrder(
            answer["order_id"], order.placed_at, len(order.lines), order.units, sequence=answer["sequence"]
        )
        session.history.expect(placed.order_id, placed.sequence)
        return TrackedOrder(order, behaviour, placed, tuple(line["line_id"] for line in answer["lines"]))

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
        """Cancel and amend: customers change their minds on the day of the order, or lose patience later."""
        at = datetime.combine(today, time(20, 30), UTC)
        second_thoughts = [order for order in placed_today if order.behaviour.changes_mind]
        amended = [order for order in placed_today if order.behaviour.amends_to and not order.behaviour.changes_mind]
        impatient = [order for order in self._losing_patience.take(today) if not order.behaviour.changes_mind]
        if amended:
            # An amendment names the version it is based on: today's decisions must not change it in between.
            await self._session.listener.caught_up(("order",))
        await self._session.concurrently(
            [self._cancel_whole(order, at) for order in second_thoughts]
            + [self._amend(order, at) for order in amended]
            + [self._cancel_waiting(order, at) for order in impatient]
        )

    async def _cancel_whole(self, order: TrackedOrder, at: datetime) -> None:
        """Cancel every unit that was not declined; nothing has been shipped yet."""
        open_units = {line_id: line.quantity for line_id, line in zip(order.line_ids, order.stream.lines, strict=True)}
        for line_id, history in self._session.history.lines(order.order_id).items():
            open_units[line_id] -= history.now.declined
        await self._cancel(order, {"reason": "changed my mind"}, open_units, at)

    async def _cancel_waiting(self, order: TrackedOrder, at: datetime) -> None:
        if units := self._session.history.waiting(order.order_id):
            lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()]
            await self._cancel(order, {"reason": "waited too long", "lines": lines}, units, at)

    async def _cancel(
        self, order: TrackedOrder, body: dict[str, object], units: Mapping[str, int], at: datetime
    ) -> None:
        session = self._session
        url = f"{self._orders_url}/{order.order_id}/cancel"
        key = f"{order.order_id}-cancel-{order.placed.sequence}"
        asked = {**body, "cancelled_at": stamp(at)}
        answer = await session.allowed_to_fail("cancel", lambda: session.api.create(url, asked, key=key))
        if answer is None:
            return
        self._changed(order, answer)
        session.done["cancellations"] += 1
        for sku, quantity in _by_sku(order, units).items():
            session.position.changed(sku, quantity)

    async def _amend(self, order: TrackedOrder, at: datetime) -> None:
        session, line = self._session, order.stream.lines[0]
        history = session.history.lines(order.order_id).get(order.line_ids[0])
        quantity = max(1, round(line.quantity * (order.behaviour.amends_to or 1)))
        if quantity == line.quantity or history is None or history.now.declined:
            return
        shown = f"{self._orders_url}/{order.order_id}"
        _, etag = await session.api.read(shown)
        body = {"quantity": quantity, "amended_at": stamp(at)}
        call = session.api.change
        answer = await session.allowed_to_fail(
            "amend", lambda: call(f"{shown}/lines/{order.line_ids[0]}", body, etag=etag)
        )
        if answer is None:
            return
        order.placed.units += quantity - line.quantity
        self._changed(order, answer)
        session.done["amendments"] += 1
        session.position.changed(line.sku, line.quantity - quantity)

    def _changed(self, order: TrackedOrder, answer: Mapping[str, Any]) -> None:
        """Expect allocation's decision about the change; shipping waits for it."""
        order.placed.sequence = answer["sequence"]
        order.placed.cancelled_units = sum(line["quantity_cancelled"] for line in answer["lines"])
        self._session.history.expect(order.order_id, order.placed.sequence)


def _by_sku(order: TrackedOrder, units: Mapping[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line_id, line in zip(order.line_ids, order.stream.lines, strict=True):
        found[line.sku] += units.get(line_id, 0)
    return found
