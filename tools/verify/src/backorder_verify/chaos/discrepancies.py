"""Whether what clients were told during a run is what the databases say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from backorder_local.running import RunningSystem
from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.money_record import told_and_stored

_SHOWN = 5


@dataclass(frozen=True)
class Discrepancies:
    """Acknowledged documents that are missing or different, and documents that exist unacknowledged."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]

    def first(self) -> list[str]:
        """The first few of both, as text."""
        return [f"lost: {one}" for one in self.lost[:_SHOWN]] + [f"twice: {one}" for one in self.twice[:_SHOWN]]


async def find_discrepancies(system: RunningSystem, record: ClientRecord) -> Discrepancies:
    """Compare the acknowledged documents with the databases.

    Every request has been answered by then, so a document that was never acknowledged is one that was created twice.
    """
    order = await asyncpg.connect(system.database_urls["order"])
    inventory = await asyncpg.connect(system.database_urls["inventory"])
    notification = await asyncpg.connect(system.database_urls["notification"])
    try:
        delivered = await notification.fetch("SELECT event_id FROM webhook_delivery WHERE state = 'delivered'")
        purchases = await inventory.fetch("SELECT reference, purchase_order_id FROM purchase_order")
        orders = {
            f"order {row['reference']}": row["order_id"]
            for row in await order.fetch("SELECT reference, order_id FROM customer_order")
        }
        shipped = await order.fetch(
            "SELECT shipment_id, sum(quantity)::bigint AS units FROM shipment_line GROUP BY shipment_id"
        )
        documents = await inventory.fetch("SELECT document_id, type FROM stock_document")
        told, money = await told_and_stored(order, record)
    finally:
        await order.close()
        await inventory.close()
        await notification.close()
    stored: dict[str, object] = {**orders}
    stored |= {f"shipment {row['shipment_id']}": row["units"] for row in shipped}
    stored |= {f"stock document {row['document_id']}": row["type"] for row in documents}
    stored |= {f"purchase order {row['reference']}": row["purchase_order_id"] for row in purchases}
    acknowledged: dict[str, object] = {f"order {reference}": order_id for reference, order_id in record.orders.items()}
    acknowledged |= {f"shipment {shipment_id}": units for shipment_id, units in record.shipments.items()}
    acknowledged |= {f"stock document {document_id}": kind for document_id, kind in record.stock_documents.items()}
    acknowledged |= {f"purchase order {reference}": order_id for reference, order_id in record.purchase_orders.items()}
    acknowledged |= told
    stored |= money
    found = difference(acknowledged, stored)
    # A subscriber may get an event twice, and one that it accepted while its answer was lost is sent again.
    unseen = [f"webhook of {row['event_id']}" for row in delivered if not record.webhooks[row["event_id"]]]
    return Discrepancies((*found.lost, *unseen), found.twice)


def difference(acknowledged: Mapping[str, object], stored: Mapping[str, object]) -> Discrepancies:
    """Compare documents by name: an acknowledged one must be stored with the same value, and no other may be."""
    lost = [name for name, value in acknowledged.items() if stored.get(name) != value]
    twice = [name for name in stored if name not in acknowledged]
    return Discrepancies(tuple(lost), tuple(twice))
