"""A queue of any length, made by SQL, and the one statement that a fill is measured against."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from tests.bench.assortment import NOW, allocation_handler, neighbours_now

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.policies.policy_choice import DEFAULT
from allocation_service.domain.policies.policy import Policy
from allocation_service.domain.policies.policy_document import written_document
from event_contracts import Event, new_event_id
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database

DUE = date(2026, 3, 16)

# Ids as the services make them: UUIDs of version 7, in the order of time.
_SEED = (
    "INSERT INTO sku (sku, known, mode, lead_time_days, last_now, waiting_units)"
    " VALUES (:sku, true, 'backorder', 14, :now, 2 * CAST(:lines AS int))",
    "INSERT INTO stock_level VALUES (:sku, 'HH', 0, 0, 0, 100, 0)",
    "INSERT INTO inbound VALUES (:sku || '-p', :sku, 2 * CAST(:lines AS int), :due, 'S', 'HH', 1)",
    "INSERT INTO promised VALUES (:sku, CAST(:due AS date), 2 * CAST(:lines AS int), 2 * CAST(:lines AS int))",
    "INSERT INTO claimed VALUES (:sku, CAST(:due AS date), 2 * CAST(:lines AS int), 2 * CAST(:lines AS int))",
    """
    CREATE TEMPORARY TABLE seeded ON COMMIT DROP AS
    SELECT n, uuidv7()::text AS order_id, uuidv7()::text AS line_id,
           CAST(:now AS timestamptz) - n * interval '1 second' AS at
    FROM generate_series(CAST(:lines AS int), 1, -1) AS n
    """,
    """
    INSERT INTO customer_order (order_id, basis, reference, placed_at, ship_complete, tier_rank, correlation_id, placed)
    SELECT order_id, 1, 'web-' || n, at, false, 3, uuidv7()::text, true FROM seeded ORDER BY n DESC
    """,
    """
    INSERT INTO demand (line_id, order_id, sku, quantity, cancelled, declined, undecided, granted_units, live_units,
                        queued_at, line_version, reason, promise_date, promise_revision, promise_cause, claim_date,
                        backed)
    SELECT line_id, order_id, :sku, 2, 0, 0, 0, 0, 2, at, 1, 'waits: supply ran out', CAST(:due AS date), 1,
           'OrderPlaced', CAST(:due AS date), true
    FROM seeded ORDER BY n DESC
    """,
    """
    INSERT INTO queue_entry (line_id, queued_at, sku, order_id, quantity, promise_date, tier_rank, needed_by,
                             ship_complete, claim_date, backed)
    SELECT line_id, at, :sku, order_id, 2, CAST(:due AS date), 3, '9999-12-31', false, CAST(:due AS date), true
    FROM seeded ORDER BY n DESC
    """,
)

# Tiers, dates and prices as they differ in a shop: three in a hundred gold, one in six silver, some with a date.
_MIX = (
    """
    CREATE TEMPORARY TABLE mixed ON COMMIT DROP AS
    SELECT order_id, line_id,
           CASE WHEN n % 100 < 3 THEN 1 WHEN n % 6 = 0 THEN 2 ELSE 3 END AS rank,
           CASE WHEN n % 3 = 0 THEN CAST(:now AS date) + CAST(n % 40 AS int) END AS day,
           100 * (1 + n % 500) AS price
    FROM (SELECT *, row_number() OVER (ORDER BY queued_at) AS n FROM queue_entry WHERE sku = :sku) AS queue
    """,
    "UPDATE customer_order AS o SET tier_rank = rank, needed_by = day FROM mixed WHERE o.order_id = mixed.order_id",
    "UPDATE demand AS d SET unit_value = price FROM mixed WHERE d.line_id = mixed.line_id",
    """
    UPDATE queue_entry AS q SET tier_rank = rank, needed_by = coalesce(day, '9999-12-31'), unit_value = price
    FROM mixed WHERE q.line_id = mixed.line_id
    """,
    "UPDATE sku SET top_value = 50000 WHERE sku = :sku",
    """
    INSERT INTO demand_day (sku, day, tier_rank, units)
    SELECT :sku, CAST(:now AS date) - back, rank, 1 + back % 3
    FROM generate_series(1, 60) AS back, generate_series(1, 3) AS rank
    """,
)

# What a fill stores (demand, queue, commitment, decision, events), in one statement, first come first served.
ONE_STATEMENT = text(
    """
    WITH queue AS (
        SELECT line_id, order_id, quantity, queued_at, promise_date,
               sum(quantity) OVER (ORDER BY queued_at, line_id) AS upto,
               row_number() OVER (ORDER BY queued_at, line_id) AS rank
        FROM queue_entry WHERE sku = :sku
    ), served AS (
        SELECT *, least(quantity, :free - (upto - quantity)) AS given FROM queue WHERE upto - quantity < :free
    ), demands AS (
        UPDATE demand AS d
        SET granted_units = granted_units + given, line_version = line_version + 1, reason = 'granted'
        FROM served AS s JOIN customer_order AS o USING (order_id) WHERE d.line_id = s.line_id
        RETURNING d.line_id, d.order_id, d.line_version, d.live_units - d.granted_units AS waiting, d.granted_units,
                  d.declined, d.promise_date, d.promise_revision, o.basis, o.correlation_id
    ), gone AS (
        DELETE FROM queue_entry AS q USING served AS s WHERE q.line_id = s.line_id AND s.given = s.quantity
    ), commitments AS (
        INSERT INTO commitment SELECT line_id, 'HH', :sku, given, 0 FROM served
        ON CONFLICT (line_id, location) DO UPDATE SET granted = commitment.granted + excluded.granted
    ), decisions AS (
        INSERT INTO decision_line
        SELECT :decision, 0, rank, line_id, :sku, quantity, given, 'granted',
               jsonb_build_object('order_id', order_id, 'queued_at', queued_at, 'promise_date', promise_date)
        FROM served
    ), counters AS (
        UPDATE sku SET waiting_units = waiting_units - :free WHERE sku = :sku
    ), levels AS (
        UPDATE stock_level SET granted = granted + :free WHERE sku = :sku
    )
    INSERT INTO outbox (event_id, topic, key, headers, value)
    SELECT id, 'allocations', order_id,
           convert_to(json_build_array(
               json_build_array('content-type', 'application/json'), json_build_array('ce_specversion', '1.0'),
               json_build_array('ce_id', id), json_build_array('ce_type', 'backorder.BackorderAllocated.v1'),
               json_build_array('ce_source', 'backorder/allocation'), json_build_array('ce_time', now()),
               json_build_array('ce_partitionkey', order_id), json_build_array('ce_sequence', line_version),
               json_build_array('ce_correlationid', correlation_id),
               json_build_array('ce_causationid', CAST(:cause AS text)))::text, 'UTF8'),
           convert_to(json_build_object(
               'order_id', order_id, 'basis', basis, 'decision_id', :decision, 'decided_at', now(),
               'lines', json_build_array(json_build_object(
                   'line_id', line_id, 'sku', :sku, 'line_version', line_version,
                   'allocated', json_build_object('HH', granted_units), 'waiting', waiting,
                   'declined', declined, 'reason', 'granted')))::text, 'UTF8')
    FROM (SELECT *, uuidv7()::text AS id FROM demands ORDER BY order_id OFFSET 0) AS told
    """.replace(":sku", "CAST(:sku AS text)")
    .replace(":free", "CAST(:free AS bigint)")
    .replace(":decision", "CAST(:decision AS text)")
)


@dataclass
class Warehouse:
    """The real handler on a real database, with queues of any length."""

    database: Database

    async def queue(self, sku: str, lines: int) -> None:
        """``lines`` orders of two units each that wait for ``sku``, promised for what is inbound."""
        values = {"sku": sku, "lines": lines, "now": NOW, "due": datetime(DUE.year, DUE.month, DUE.day, tzinfo=UTC)}
        async with self.database.transaction() as conn:
            for statement in _SEED:
                await conn.execute(text(statement.replace(":sku", "CAST(:sku AS text)")), values)
        await self.tidy()

    async def mix(self, sku: str) -> None:
        """Give those who wait for ``sku`` tiers, dates and prices, and the SKU two months of past demand."""
        async with self.database.transaction() as conn:
            for statement in _MIX:
                await conn.execute(text(statement.replace(":sku", "CAST(:sku AS text)")), {"sku": sku, "now": NOW})
        await self.tidy()

    async def use(self, policy: Policy) -> None:
        """Decide by this policy from now on."""
        async with SqlUnitOfWorkFactory(self.database, SqlAllocationUnitOfWork).begin() as uow:
            await uow.policies.create_policy("bench")
            await uow.policies.write_active("bench", written_document(policy), "bench")
            await uow.assignments.assign(DEFAULT, "bench", "bench")
            await uow.commit()

    async def tidy(self) -> None:
        """Statistics and visibility as a running system has them; nothing left to collect in this process."""
        async with self.database.engine.connect() as conn:
            raw = await conn.get_raw_connection()
            await raw.driver_connection.execute("VACUUM (ANALYZE)")  # type: ignore[union-attr]
        gc.collect()

    async def handle(self, *events: Event) -> float:
        """Seconds that one batch takes, its commit included."""
        began = time.perf_counter()
        async with self.database.transaction() as conn:
            await allocation_handler(self.database)(conn, list(events))
        return time.perf_counter() - began

    async def one_statement(self, sku: str, units: int) -> float:
        """Seconds that the one statement takes, its commit included."""
        values = {"sku": sku, "free": units, "decision": new_event_id(), "cause": new_event_id()}
        began = time.perf_counter()
        async with self.database.transaction() as conn:
            await conn.execute(ONE_STATEMENT, values)
        return time.perf_counter() - began

    async def told(self) -> int:
        """Events in the outbox, which is emptied."""
        async with self.database.transaction() as conn:
            count = int((await conn.execute(text("SELECT count(*) FROM outbox"))).scalar_one())
            await conn.execute(text("TRUNCATE outbox, inbox"))
        return count

    @staticmethod
    def received(sku: str, units: int) -> Event:
        """The level after ``units`` came in and nothing is inbound any more."""
        return neighbours_now().stock(sku, units)

    @staticmethod
    def slipped(sku: str, units: int) -> Event:
        """The purchase order that all wait for comes three weeks later."""
        neighbours, po_line = neighbours_now(), f"{sku}-p"
        neighbours.inbound(sku, po_line, units, NOW)
        return neighbours.inbound(sku, po_line, units, NOW + timedelta(days=35))
