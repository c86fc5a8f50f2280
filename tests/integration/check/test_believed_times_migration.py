"""Times of the future that an older version stored are put right by the migration, in each service."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.check.old_databases import OldDatabase, run, to_head

import allocation_service.invariants
import inventory_service.invariants
import order_service.invariants
from service_kit.persistence.invariant import Invariant


async def violations(engine: AsyncEngine, invariants: tuple[Invariant, ...]) -> list[str]:
    """What the invariants about times find."""
    async with engine.connect() as conn:
        return [
            f"{one.name}: {row}"
            for one in invariants
            if "business times" in one.name
            for row in (await conn.exec_driver_sql(one.sql)).all()
        ]


async def test_skus_and_places_in_queues_of_allocation(old_database: OldDatabase) -> None:
    engine = await old_database("allocation_service", "0011")
    await run(
        engine,
        """
        INSERT INTO sku (sku, last_now) VALUES ('A', '2062-01-05T09:00Z'), ('B', '2026-01-05T09:00Z');
        INSERT INTO customer_order (order_id, basis, reference, placed_at, ship_complete, tier_rank, correlation_id,
                                    placed)
        VALUES ('o1', 1, 'R1', '2062-01-05T09:00Z', false, 0, 'c', true);
        INSERT INTO demand (line_id, order_id, sku, quantity, cancelled, declined, undecided, granted_units, live_units,
                            queued_at, layers, line_version, reason, promise_revision, promise_cause)
        VALUES ('l1', 'o1', 'A', 2, 0, 0, 0, 0, 2, '2062-01-05T09:00Z', NULL, 1, '', 0, ''),
               ('l2', 'o1', 'A', 5, 0, 0, 0, 0, 5, '2026-01-05T09:00Z',
                '[["2026-01-05T09:00:00+00:00", 1], ["2062-01-05T09:00:00+00:00", 1],
                  ["2062-01-06T09:00:00+00:00", 3]]',
                1, '', 0, '');
        INSERT INTO queue_entry (line_id, queued_at, sku, order_id, quantity, tier_rank, needed_by, ship_complete)
        VALUES ('l1', '2062-01-05T09:00Z', 'A', 'o1', 2, 0, 'infinity', false),
               ('l2', '2026-01-05T09:00Z', 'A', 'o1', 1, 0, 'infinity', false),
               ('l2', '2062-01-05T09:00Z', 'A', 'o1', 1, 0, 'infinity', false),
               ('l2', '2062-01-06T09:00Z', 'A', 'o1', 3, 0, 'infinity', false)
        """,
    )
    assert len(await violations(engine, allocation_service.invariants.INVARIANTS)) == 5
    await to_head(engine, "allocation_service")
    assert await violations(engine, allocation_service.invariants.INVARIANTS) == []
    async with engine.connect() as conn:
        rows = (
            await conn.exec_driver_sql(
                "SELECT q.line_id, q.queued_at, q.quantity FROM queue_entry q ORDER BY line_id, queued_at"
            )
        ).all()
        layers = (
            await conn.exec_driver_sql(
                "SELECT CAST(layer ->> 0 AS timestamptz), CAST(layer ->> 1 AS int)"
                " FROM demand, jsonb_array_elements(layers) AS layer WHERE line_id = 'l2'"
            )
        ).all()
        [first] = (await conn.exec_driver_sql("SELECT queued_at FROM demand WHERE line_id = 'l1'")).all()
    assert [(row.line_id, row.quantity) for row in rows] == [("l1", 2), ("l2", 1), ("l2", 1), ("l2", 3)]
    assert [(row.queued_at, row.quantity) for row in rows[1:]] == [tuple(layer) for layer in layers]
    assert first.queued_at == rows[0].queued_at


async def test_orders_and_shipments(old_database: OldDatabase) -> None:
    engine = await old_database("order_service", "0003")
    await run(
        engine,
        """
        INSERT INTO customer_order (order_id, reference, currency, charge_at, ship_complete, metadata, placed_at,
                                    changed_at, updated_at, sequence, version, answered, state, complete)
        VALUES ('o1', 'R1', 'EUR', 'shipment', false, '{}', '2062-01-05T09:00Z', '2062-01-05T09:00Z',
                '2026-01-05T09:00Z', 1, 1, 1, 'pending', false),
               ('o2', 'R2', 'EUR', 'shipment', false, '{}', '2026-01-04T09:00Z', '2026-01-04T09:00Z',
                '2026-01-05T09:00Z', 1, 1, 1, 'pending', false);
        INSERT INTO order_history (order_id, version, event, state, occurred_at, recorded_at, detail)
        VALUES ('o1', 1, 'OrderPlaced', 'pending', '2062-01-05T09:00Z', '2026-01-05T08:00Z', '{}');
        INSERT INTO shipment (shipment_id, order_id, location_id, shipped_at, recorded_at)
        VALUES ('s1', 'o2', 'L', '2026-01-01T00:00Z', '2026-01-05T09:00Z'),
               ('s2', 'o2', 'L', '2062-01-01T00:00Z', '2026-01-05T09:00Z'),
               ('s3', 'o2', 'L', '2026-01-05T08:00Z', '2026-01-05T09:00Z')
        """,
    )
    assert len(await violations(engine, order_service.invariants.INVARIANTS)) == 3
    await to_head(engine, "order_service")
    assert await violations(engine, order_service.invariants.INVARIANTS) == []
    async with engine.connect() as conn:
        shipped = (await conn.exec_driver_sql("SELECT shipped_at FROM shipment ORDER BY shipment_id")).scalars().all()
        placed = (await conn.exec_driver_sql("SELECT placed_at FROM customer_order ORDER BY order_id")).scalars().all()
    assert [moment.isoformat() for moment in shipped] == [
        "2026-01-04T09:00:00+00:00",
        "2026-01-05T09:00:00+00:00",
        "2026-01-05T08:00:00+00:00",
    ]
    assert placed[0].isoformat() == "2026-01-05T08:00:00+00:00"


async def test_counts_and_movements_of_inventory(old_database: OldDatabase) -> None:
    engine = await old_database("inventory_service", "0003")
    await run(
        engine,
        """
        INSERT INTO stock_level (sku, location_id, on_hand, shipped, version, counted_at, updated_at)
        VALUES ('A', 'L', 5, 0, 1, '2062-01-05T09:00Z', '2026-01-05T09:00Z');
        INSERT INTO ledger_entry (sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
                                  level_version, occurred_at, recorded_at, document_id, line_id, reason)
        VALUES ('A', 'L', 'count', 5, 0, 5, 0, 1, '2062-01-05T09:00Z', '2026-01-05T09:00Z', 'd', '1', '');
        INSERT INTO stock_document (document_id, type, reference, location_id, kind, reason, occurred_at, recorded_at)
        VALUES ('d', 'count', 'C', 'L', 'count', '', '2062-01-05T09:00Z', '2026-01-05T09:00Z');
        INSERT INTO stock_document_line (document_id, line_no, sku, location_id, quantity, on_hand_change)
        VALUES ('d', 1, 'A', 'L', 5, 5)
        """,
    )
    assert len(await violations(engine, inventory_service.invariants.INVARIANTS)) == 3
    await to_head(engine, "inventory_service")
    assert await violations(engine, inventory_service.invariants.INVARIANTS) == []
