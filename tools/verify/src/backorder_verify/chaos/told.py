"""What clients were told, and whether the databases say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from backorder_local.running import RunningSystem

_SHOWN = 5


@dataclass
class Told:
    """Every document that a client was told exists (201 and its id), by what the client calls it."""

    orders: dict[str, str] = field(default_factory=dict)
    """The client's reference → order id."""
    shipments: dict[str, int] = field(default_factory=dict)
    """Shipment id → units."""
    stock_documents: dict[str, str] = field(default_factory=dict)
    """Id of a receipt, count or adjustment → its type."""
    resent: Counter[str] = field(default_factory=Counter)
    """Operations whose answer was lost at least once and that were sent again with the same key."""
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that no correct system gives, such as `reference_taken` to an order that is sent again."""
    unanswered: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """Documents told but not there, and documents there that nobody was told of."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]

    def first(self) -> list[str]:
        """Some of both, to be shown."""
        return [f"lost: {one}" for one in self.lost[:_SHOWN]] + [f"twice: {one}" for one in self.twice[:_SHOWN]]


async def compare(system: RunningSystem, told: Told) -> Comparison:
    """Hold what was told against the databases.

    All load was answered in the end, so a document that nobody was told of is one made twice.
    """
    order = await asyncpg.connect(system.database_urls["order"])
    inventory = await asyncpg.connect(system.database_urls["inventory"])
    try:
        orders = {
            f"order {row['reference']}": row["order_id"]
            for row in await order.fetch("SELECT reference, order_id FROM customer_order")
        }
        shipped = await order.fetch(
            "SELECT shipment_id, sum(quantity)::bigint AS units FROM shipment_line GROUP BY shipment_id"
        )
        documents = await inventory.fetch("SELECT document_id, type FROM stock_document")
    finally:
        await order.close()
        await inventory.close()
    found: dict[str, object] = {**orders}
    found |= {f"shipment {row['shipment_id']}": row["units"] for row in shipped}
    found |= {f"stock document {row['document_id']}": row["type"] for row in documents}
    wanted: dict[str, object] = {f"order {reference}": order_id for reference, order_id in told.orders.items()}
    wanted |= {f"shipment {shipment_id}": units for shipment_id, units in told.shipments.items()}
    wanted |= {f"stock document {document_id}": kind for document_id, kind in told.stock_documents.items()}
    return difference(wanted, found)


def difference(wanted: Mapping[str, object], found: Mapping[str, object]) -> Comparison:
    """Documents wanted and not found as told, and documents found that nobody wanted."""
    lost = [name for name, value in wanted.items() if found.get(name) != value]
    twice = [name for name in found if name not in wanted]
    return Comparison(tuple(lost), tuple(twice))
