"""How long an order is pending: from the 201 in the client's hands to allocation's commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from tests.bench.assortment import allocation_handler, on_sale, sku_names, tell
from tests.bench.figures import Measured, Row, at_most, percentile
from tests.bench.ground import CoreShares, Ground
from tests.bench.ordering import UNLIMITED, know_skus, place
from tests.bench.registry import REGISTRY

from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually

RATE = 200
SECONDS = 8.0
ROUNDS = 3
CONNECTIONS = 64
_WHAT = (
    "201 in the client's hands → the decision's commit record written in allocation's database, at 200 orders/s"
    " (open loop) through order, relay, Kafka and allocation, both services with role all; {} of the orders"
)

# Lines of decisions are never updated, so the transaction that wrote them is the one that decided. The server
# takes this time when it writes the commit record; the record's way to the disk comes after.
_DECIDED = text(
    """
    SELECT d.order_id, extract(epoch FROM min(pg_xact_commit_timestamp(l.xmin)))::float8 AS at
    FROM decision_line AS l JOIN demand AS d USING (line_id) GROUP BY d.order_id
    """
)


@REGISTRY.measures(
    Row("decision-p50", _WHAT.format("the median"), "ms", at_most(40, of="value")),
    Row("decision-p99", _WHAT.format("the 99th percentile"), "ms", at_most(150, of="value")),
)
async def decisions(ground: Ground) -> Mapping[str, Measured]:
    """One clock: client, services and database run on this machine."""
    middle, tail = Measured(), Measured()
    skus = sku_names(100)
    async with ground.databases() as make, ground.topics() as topics:
        orders, allocation = await make("order_service"), await make("allocation_service")
        await know_skus(ground, orders, len(skus))
        # Every other SKU is in stock; of the rest every order waits.
        await tell(allocation, allocation_handler(allocation), on_sale(skus[::2], on_hand=1_000_000))
        await tell(allocation, allocation_handler(allocation), on_sale(skus[1::2], on_hand=0))
        key = ground.api_key("orders:read", "orders:write")
        common: dict[str, Any] = {"role": "all", "rate_limit": UNLIMITED, "tracking_secret": "bench"}
        order = ground.service("order", orders, topics, **common)
        allocating = ground.service("allocation", allocation, topics, **common)
        async with order as shop, allocating as allocator:
            for number in range(ROUNDS + 1):
                processes = {"order": [shop.process], "allocation": [allocator.process], **ground.server_processes()}
                cores = CoreShares(processes)
                seconds = SECONDS if number else 2.0
                report = await place(ground, shop.port, key, CONNECTIONS, seconds, rate=RATE)
                if number:  # the first round only warms up
                    busy = cores.shares()
                    answered: dict[str, float] = dict(report["orders"])
                    decided = await _decided(allocation, answered)
                    waited = [1000 * (decided[order_id] - at) for order_id, at in answered.items()]
                    middle.add(percentile(waited, 50))
                    tail.add(percentile(waited, 99))
    middle.note = "cores busy: " + ", ".join(f"{name} {share:.2f}" for name, share in busy.items())
    return {"decision-p50": middle, "decision-p99": tail}


async def _decided(database: Database, answered: Mapping[str, float]) -> Mapping[str, float]:
    """When each order was decided, by the server's clock; waits until all are."""

    async def all_of_them() -> dict[str, float] | None:
        async with database.reading() as conn:
            found = {row.order_id: row.at for row in await conn.execute(_DECIDED)}
        return found if answered.keys() <= found.keys() else None

    decided = await eventually(all_of_them, 60, every=0.5)
    assert decided is not None
    return decided
