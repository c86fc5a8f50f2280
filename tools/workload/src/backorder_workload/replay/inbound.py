"""The purchasing side of the simulated shop: purchase orders, announced delays, deliveries, short closes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from backorder_workload.replay.purchasing import Delivery, PlannedOrder, Slip, plan_deliveries, plan_purchases
from backorder_workload.replay.session import Schedule, Session, stamp


@dataclass(slots=True)
class OpenPurchase:
    """A placed purchase order, with the ids of its lines in the order of the plan."""

    plan: PlannedOrder
    purchase_order_id: str
    line_ids: tuple[str, ...]
    received: list[int]
    closed: set[int]

    def takes(self, index: int, units: int) -> int:
        """Record received units; returns how many of them were never ordered."""
        ordered, before = self.plan.lines[index].quantity, self.received[index]
        self.received[index] = before + units
        return max(0, before + units - max(ordered, before))

    def closes(self, index: int) -> int:
        """Close a line; returns how many units will never be delivered."""
        self.closed.add(index)
        return max(0, self.plan.lines[index].quantity - self.received[index])


class Inbound:
    """Places purchase orders and reports what suppliers do."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._suppliers = {supplier.supplier_id: supplier for supplier in session.catalogue.suppliers}
        self._open: dict[str, OpenPurchase] = {}
        self._slips: Schedule[Slip] = Schedule()
        self._deliveries: Schedule[Delivery] = Schedule()
        self._url = f"{session.api.addresses.inventory}/v1/purchase-orders"

    @property
    def expected(self) -> int:
        """Number of deliveries still to come."""
        return len(self._deliveries)

    async def order(self, today: date) -> None:
        """Place the day's purchase orders."""
        session = self._session
        plans = plan_purchases(session.catalogue, session.position, today, session.choices.run)
        await session.concurrently(self._place(plan) for plan in plans)

    async def _place(self, plan: PlannedOrder) -> None:
        session = self._session
        body = {
            "reference": plan.reference,
            "supplier_id": plan.supplier_id,
            "location_id": plan.location_id,
            "ordered_at": stamp(plan.ordered_at),
            "lines": [{"sku": line.sku, "quantity": line.quantity, "eta": _eta(plan.eta)} for line in plan.lines],
        }
        answer = await session.api.create(self._url, body, key=plan.reference)
        line_ids = tuple(line["line_id"] for line in answer["lines"])
        self._open[plan.reference] = OpenPurchase(
            plan, answer["purchase_order_id"], line_ids, [0] * len(line_ids), set()
        )
        session.done["purchase_orders"] += 1
        supplier_plan = plan_deliveries(
            plan, self._suppliers[plan.supplier_id], seed=session.choices.seed, run=session.choices.run
        )
        for slip in supplier_plan.slips:
            self._slips.add(slip.day, slip)
        for delivery in supplier_plan.deliveries:
            self._deliveries.add(delivery.day, delivery)

    async def morning(self, today: date) -> None:
        """Report the day's announcements of new dates, then the day's deliveries."""
        await self._session.concurrently(self._announce(slip) for slip in self._slips.take(today))
        await self._session.concurrently(self._receive(delivery) for delivery in self._deliveries.take(today))

    async def _announce(self, slip: Slip) -> None:
        session, purchase = self._session, self._open[slip.reference]
        shown = f"{self._url}/{purchase.purchase_order_id}"
        announced_at = stamp(datetime.combine(slip.day, time(5), UTC))
        order, _ = await session.api.read(shown)
        # Each line has an ETag of its own, its version.
        await session.concurrently(
            session.api.change(
                f"{shown}/lines/{line['line_id']}",
                {"eta": _eta(slip.eta), "changed_at": announced_at},
                etag=f'"{line["version"]}"',
            )
            for line in order["lines"]
            if line["quantity_open"]
        )
        session.done["slips"] += 1

    async def _receive(self, delivery: Delivery) -> None:
        session, purchase = self._session, self._open[delivery.reference]
        if delivery.units:
            reference = f"{delivery.reference}-R{delivery.part}"
            body = {
                "reference": reference,
                "location_id": purchase.plan.location_id,
                "received_at": stamp(delivery.arrives_at),
                "kind": "purchase",
                "lines": [
                    {
                        "sku": purchase.plan.lines[index].sku,
                        "quantity": units,
                        "purchase_order_line_id": purchase.line_ids[index],
                    }
                    for index, units in delivery.units
                ],
            }
            await session.api.create(f"{session.api.addresses.inventory}/v1/receipts", body, key=reference)
            session.done["receipts"] += 1
        for index, units in delivery.units:
            session.position.changed(purchase.plan.lines[index].sku, purchase.takes(index, units))
        for index in delivery.closes:
            await self._close(purchase, index, delivery)

    async def _close(self, purchase: OpenPurchase, index: int, delivery: Delivery) -> None:
        session = self._session
        url = f"{self._url}/{purchase.purchase_order_id}/lines/{purchase.line_ids[index]}/close"
        body = {"reason": "supplier delivers no more", "closed_at": stamp(delivery.arrives_at)}
        await session.api.create(url, body, key=f"{purchase.line_ids[index]}-close")
        session.position.changed(purchase.plan.lines[index].sku, -purchase.closes(index))
        session.done["short_closes"] += 1


def _eta(day: date) -> str:
    """A confirmed date as an ETA: delivery by the end of that day's working hours."""
    return stamp(datetime.combine(day, time(17), UTC))
