"""The warehouses of the simulated shop: they ship what is allocated, receive returns and count stock."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from backorder_workload.replay.session import Schedule, Session, TrackedOrder, stamp

_COUNTED_SHARE = 0.01
_FRIDAY, _SUNDAY = 4, 6


@dataclass(frozen=True, slots=True)
class Return:
    """Units of a shipped line that the customer sends back."""

    order_id: str
    line_id: str
    sku: str
    location_id: str
    quantity: int


class Warehouse:
    """Receives returns in the morning, ships in the evening, counts a few SKUs on Sundays."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._returns: Schedule[Return] = Schedule()
        self._shipments: defaultdict[str, int] = defaultdict(int)

    async def ship(self, today: date) -> None:
        """Ship what the order service lists as fulfillable: one shipment per order and location.

        Parcels cost postage, so backordered units leave with the last unit of their order, or on Friday.
        """
        session = self._session
        ready: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        url = f"{session.api.addresses.order}/v1/fulfillable-lines"
        shipped_at = datetime.combine(today, time(21), UTC)
        for place in session.catalogue.locations:
            query = {"location_id": place.location_id, "as_of": stamp(shipped_at)}
            async for line in session.api.pages(url, query):
                if line["order_id"] in session.open_orders:
                    ready[line["order_id"], place.location_id][line["line_id"]] = line["quantity"]
        by_order: defaultdict[str, list[tuple[str, dict[str, int]]]] = defaultdict(list)
        for (order_id, location_id), lines in ready.items():
            by_order[order_id].append((location_id, lines))
        await session.concurrently(
            self._ship_order(session.open_orders[order_id], parcels, shipped_at)
            for order_id, parcels in by_order.items()
            if order_id not in self._shipments or today.weekday() == _FRIDAY or not session.history.waiting(order_id)
        )

    async def _ship_order(
        self, order: TrackedOrder, parcels: list[tuple[str, dict[str, int]]], shipped_at: datetime
    ) -> None:
        """Ship an order's parcels one by one: the requests lock the same row anyway."""
        for location_id, lines in parcels:
            await self._ship_parcel(order, location_id, lines, shipped_at)

    async def _ship_parcel(
        self, order: TrackedOrder, location_id: str, lines: dict[str, int], shipped_at: datetime
    ) -> None:
        session = self._session
        self._shipments[order.order_id] += 1
        reference = f"{session.choices.run}-{order.stream.reference}-S{self._shipments[order.order_id]}"
        body = {
            "reference": reference,
            "location_id": location_id,
            "shipped_at": stamp(shipped_at),
            "tracking_number": f"TRACK-{order.stream.reference}-{self._shipments[order.order_id]}",
            "lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in lines.items()],
        }
        url = f"{session.api.addresses.order}/v1/orders/{order.order_id}/shipments"
        if await session.allowed_to_fail("ship", lambda: session.api.create(url, body, key=reference)) is None:
            return
        order.placed.shipped_units += sum(lines.values())
        order.placed.sequence += 1
        session.history.expect(order.order_id, order.placed.sequence)
        session.done["shipments"] += 1
        if order.behaviour.returns and self._shipments[order.order_id] == 1:
            self._plan_return(order, location_id, lines, shipped_at.date())

    def _plan_return(self, order: TrackedOrder, location_id: str, lines: dict[str, int], today: date) -> None:
        pick = random.Random(f"return:{self._session.choices.seed}:{order.stream.reference}")
        line_id = pick.choice(sorted(lines))
        sku = order.stream.lines[order.line_ids.index(line_id)].sku
        quantity = pick.randint(1, lines[line_id])
        self._returns.add(
            today + timedelta(days=pick.randint(4, 14)), Return(order.order_id, line_id, sku, location_id, quantity)
        )

    async def take_returns(self, today: date) -> None:
        """Receive what customers sent back; a return is a kind of receipt."""
        session = self._session
        url = f"{session.api.addresses.inventory}/v1/receipts"
        received_at = stamp(datetime.combine(today, time(7), UTC))

        async def receive(returned: Return) -> None:
            reference = f"{session.choices.run}-RETURN-{returned.line_id}"
            body = {
                "reference": reference,
                "location_id": returned.location_id,
                "received_at": received_at,
                "kind": "return",
                "lines": [{"sku": returned.sku, "quantity": returned.quantity}],
            }
            await session.api.create(url, body, key=reference)
            session.position.changed(returned.sku, returned.quantity)
            session.done["returns"] += 1

        await session.concurrently(receive(returned) for returned in self._returns.take(today))

    async def count(self, today: date) -> None:
        """On Sundays count a few SKUs per location; sometimes units are missing, rarely some are found."""
        if today.weekday() != _SUNDAY:
            return
        session = self._session
        # A count states what is there now: inventory must have booked today's shipments before.
        await session.listener.caught_up(("inventory",))
        pick = random.Random(f"count:{session.choices.seed}:{today}")
        counted_at = datetime.combine(today, time(23), UTC)
        for place in session.catalogue.locations:
            stocked = [sku.code for sku in session.catalogue.skus.values() if sku.location_id == place.location_id]
            chosen = pick.sample(stocked, min(len(stocked), max(1, round(len(stocked) * _COUNTED_SHARE))))
            changes = {sku: pick.choices((0, -1, -2, -3, 1), (60, 20, 10, 5, 5))[0] for sku in chosen}
            await self._count_location(place.location_id, changes, counted_at)

    async def _count_location(self, location_id: str, changes: dict[str, int], counted_at: datetime) -> None:
        session = self._session
        url = f"{session.api.addresses.inventory}/v1/stock-levels"

        async def on_hand(sku: str) -> int:
            async for level in session.api.pages(url, {"sku": sku, "location_id": location_id}):
                return int(level["on_hand"])
            return 0

        found = dict(zip(changes, await session.concurrently(on_hand(sku) for sku in changes), strict=True))
        counted = {sku: max(0, found[sku] + change) for sku, change in changes.items()}
        reference = f"{session.choices.run}-COUNT-{location_id}-{counted_at.date()}"
        body = {
            "reference": reference,
            "location_id": location_id,
            "counted_at": stamp(counted_at),
            "lines": [{"sku": sku, "counted_quantity": quantity} for sku, quantity in counted.items()],
        }
        await session.api.create(f"{session.api.addresses.inventory}/v1/counts", body, key=reference)
        session.done["counts"] += len(counted)
        for sku, quantity in counted.items():
            session.position.changed(sku, quantity - found[sku])
