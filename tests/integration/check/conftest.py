"""A small system at rest, written by hand: two orders in four real databases, one event in a real topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import make_url
from tests.integration.check.old_databases import old_database

from backorder_local.running import RunningSystem
from backorder_local.services import SERVICE_NAMES
from event_contracts import EVENT_TYPES
from service_kit.persistence.database import Database
from service_kit.testing.topics import KafkaTopics

__all__ = ["old_database"]

EVENT_ID = "event-1"

# Order 1: line 1 has 10 of A: 4 left, 2 wait to leave, 3 wait for stock, 1 cancelled; line 2 was declined.
# Order 2 ships complete: 5 of A are not there, so that 1 of B waits too although 3 of B lie free.
STATE = {
    "order": """
        INSERT INTO customer_order (order_id, reference, currency, charge_at, ship_complete, metadata, placed_at,
                                    changed_at, updated_at, sequence, version, answered, state, complete)
        VALUES ('o1', 'R1', 'EUR', 'shipment', false, '{}', now(), now(), now(), 3, 5, 3, 'partially_shipped', false),
               ('o2', 'R2', 'EUR', 'shipment', true, '{}', now(), now(), now(), 1, 2, 1, 'backordered', false);
        INSERT INTO order_line (line_id, order_id, position, sku, quantity, unit_price, cancelled, line_version, basis,
                                waiting, declined, promise_date, allocated, shipped)
        VALUES ('l1', 'o1', 0, 'A', 10, 0, 1, 4, 3, 3, 0, '2026-02-01', 2, 4),
               ('l2', 'o1', 1, 'B', 2, 0, 0, 2, 3, 0, 2, NULL, 0, 0),
               ('l3', 'o2', 0, 'A', 5, 0, 0, 1, 1, 5, 0, '2026-02-02', 0, 0),
               ('l4', 'o2', 1, 'B', 1, 0, 0, 1, 1, 1, 0, '2026-02-02', 0, 0);
        INSERT INTO line_location (line_id, location_id, allocated, shipped, recalled) VALUES ('l1', 'LONDON', 6, 4, 0);
        INSERT INTO shipment (shipment_id, order_id, location_id, shipped_at, recorded_at)
        VALUES ('s1', 'o1', 'LONDON', now(), now());
        INSERT INTO shipment_line (shipment_id, line_id, quantity) VALUES ('s1', 'l1', 4);
        INSERT INTO sku (sku, version, mode) VALUES ('A', 1, 'backorder'), ('B', 1, 'backorder');
    """,
    "inventory": """
        INSERT INTO sku (sku, lead_time_days, mode, version, created_at, updated_at)
        VALUES ('A', 10, 'backorder', 1, now(), now()), ('B', 10, 'backorder', 1, now(), now());
        INSERT INTO location (location_id, name, priority, created_at, updated_at)
        VALUES ('LONDON', 'London', 10, now(), now());
        INSERT INTO supplier (supplier_id, name, created_at, updated_at) VALUES ('SUP', 'Supplier', now(), now());
        INSERT INTO stock_level (sku, location_id, on_hand, shipped, version, updated_at)
        VALUES ('A', 'LONDON', 2, 4, 2, now()), ('B', 'LONDON', 3, 0, 1, now());
        INSERT INTO ledger_entry (sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
                                  level_version, occurred_at, recorded_at, document_id, line_id, reason)
        VALUES ('A', 'LONDON', 'receipt', 6, 0, 6, 0, 1, now(), now(), 'd1', '1', ''),
               ('A', 'LONDON', 'shipment', -4, 4, 2, 4, 2, now(), now(), 's1', 'l1', ''),
               ('B', 'LONDON', 'receipt', 3, 0, 3, 0, 1, now(), now(), 'd1', '2', '');
        INSERT INTO shipment_line (shipment_id, line_id, order_id, sku, location_id, quantity, shipped_at, recorded_at)
        VALUES ('s1', 'l1', 'o1', 'A', 'LONDON', 4, now(), now());
        INSERT INTO demand_line (order_id, line_id, sku, day, quantity, cancelled, order_sequence)
        VALUES ('o1', 'l1', 'A', '2026-01-01', 10, 1, 3), ('o1', 'l2', 'B', '2026-01-01', 2, 0, 3),
               ('o2', 'l3', 'A', '2026-01-01', 5, 0, 1), ('o2', 'l4', 'B', '2026-01-01', 1, 0, 1);
        INSERT INTO purchase_order (purchase_order_id, reference, supplier_id, location_id, ordered_at, created_at)
        VALUES ('po', 'PO-1', 'SUP', 'LONDON', now(), now());
        INSERT INTO purchase_order_line (line_id, purchase_order_id, line_no, sku, quantity, received, closed, eta,
                                         first_eta, version, updated_at)
        VALUES ('p1', 'po', 1, 'A', 10, 2, false, '2026-02-01T17:00Z', '2026-02-01T17:00Z', 2, now()),
               ('p2', 'po', 2, 'B', 3, 3, false, '2026-01-01T17:00Z', '2026-01-01T17:00Z', 2, now());
    """,
    "allocation": """
        INSERT INTO sku (sku, known, mode, lead_time_days, policy_version, waiting_units)
        VALUES ('A', true, 'backorder', 10, 1, 8), ('B', true, 'backorder', 10, 1, 1);
        INSERT INTO stock_level (sku, location, on_hand, shipped, version, priority, granted)
        VALUES ('A', 'LONDON', 2, 4, 2, 10, 6), ('B', 'LONDON', 3, 0, 1, 10, 0);
        INSERT INTO inbound (po_line, sku, remaining, eta, supplier, location, version)
        VALUES ('p1', 'A', 8, '2026-02-01T17:00Z', 'SUP', 'LONDON', 2),
               ('p2', 'B', 0, '2026-01-01T17:00Z', 'SUP', 'LONDON', 2);
        INSERT INTO customer_order (order_id, basis, reference, placed_at, ship_complete, tier_rank, correlation_id,
                                    placed)
        VALUES ('o1', 3, 'R1', now(), false, 9, 'c', true), ('o2', 1, 'R2', now(), true, 9, 'c', true);
        INSERT INTO demand (line_id, order_id, sku, quantity, cancelled, declined, undecided, granted_units, live_units,
                            queued_at, line_version, reason, promise_date, promise_revision, promise_cause)
        VALUES ('l1', 'o1', 'A', 10, 1, 0, 0, 6, 9, now(), 4, '', '2026-02-01', 1, ''),
               ('l2', 'o1', 'B', 2, 0, 2, 0, 0, 0, now(), 2, '', NULL, 0, ''),
               ('l3', 'o2', 'A', 5, 0, 0, 0, 0, 5, now(), 1, '', '2026-02-02', 1, ''),
               ('l4', 'o2', 'B', 1, 0, 0, 0, 0, 1, now(), 1, '', '2026-02-02', 1, '');
        INSERT INTO commitment (line_id, location, sku, granted, shipped) VALUES ('l1', 'LONDON', 'A', 6, 4);
        INSERT INTO queue_entry (line_id, queued_at, sku, order_id, quantity, promise_date, tier_rank, needed_by,
                                 ship_complete)
        VALUES ('l1', now(), 'A', 'o1', 3, '2026-02-01', 9, '2026-02-01', false),
               ('l3', now(), 'A', 'o2', 5, '2026-02-02', 9, '2026-02-02', true),
               ('l4', now(), 'B', 'o2', 1, '2026-02-02', 9, '2026-02-02', true);
        UPDATE queue_entry SET claim_date = promise_date, backed = true;
        UPDATE demand SET claim_date = promise_date, backed = true WHERE line_id <> 'l2';
        INSERT INTO promised (sku, promise_date, units, backed_units)
        VALUES ('A', '2026-02-01', 3, 3), ('A', '2026-02-02', 5, 5), ('B', '2026-02-02', 1, 1);
        INSERT INTO claimed (sku, claim_date, units, backed_units)
        VALUES ('A', '2026-02-01', 3, 3), ('A', '2026-02-02', 5, 5), ('B', '2026-02-02', 1, 1);
    """,
    "notification": """
        INSERT INTO watched_order (order_id, sequence, reference, contact_id, cause)
        VALUES ('o1', 3, 'R1', 'c1', 'event-1'), ('o2', 1, 'R2', NULL, NULL);
        INSERT INTO watched_line (order_id, line_id, sku, quantity, cancelled, shipped, order_sequence, line_version,
                                  allocated, waiting, declined, reason, told_allocated, told_waiting, told_declined,
                                  told_cancelled)
        VALUES ('o1', 'l1', 'A', 10, 1, 4, 3, 4, 6, 3, 0, '', 6, 3, 0, 1),
               ('o1', 'l2', 'B', 2, 0, 0, 3, 2, 0, 0, 2, '', 0, 0, 2, 0),
               ('o2', 'l3', 'A', 5, 0, 0, 1, 1, 0, 5, 0, '', 0, 5, 0, 0),
               ('o2', 'l4', 'B', 1, 0, 0, 1, 1, 0, 1, 0, '', 0, 1, 0, 0);
        INSERT INTO notification (notification_id, order_id, contact_id, template, cause, facts, state, created_at,
                                  finished_at)
        VALUES ('n1', 'o1', 'c1', 'backordered', 'event-1', '{}', 'sent', now(), now());
    """,
}

Undo = tuple[str, str]


@dataclass
class SmallSystem:
    """The system and the hand that breaks it."""

    running: RunningSystem
    topics: KafkaTopics
    undo: list[Undo] = field(default_factory=list)

    async def execute(self, service: str, statements: str) -> None:
        """Change rows behind the services' backs."""
        connection = await asyncpg.connect(self.running.database_urls[service])
        try:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(statements)
        finally:
            await connection.close()

    async def without_index(self, service: str, index: str, statements: str) -> None:
        """Change rows that an index forbids; it comes back after the test."""
        connection = await asyncpg.connect(self.running.database_urls[service])
        try:
            definition = await connection.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = $1", index)
        finally:
            await connection.close()
        self.undo.append((service, definition))
        await self.execute(service, f"DROP INDEX {index}; {statements}")

    async def produce(self, topic: str, event: str, event_id: str) -> None:
        """Put a record at the end of a topic."""
        ce_type = EVENT_TYPES[event].ce_type if event in EVENT_TYPES else event
        producer = AIOKafkaProducer(bootstrap_servers=self.running.kafka_bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(
                f"{self.topics.topic_prefix}{topic}",
                b"{}",
                key=b"o1",
                partition=0,
                headers=[("ce_type", ce_type.encode()), ("ce_id", event_id.encode())],
            )
        finally:
            await producer.stop()

    async def commit(self, group: str, topic: str, offset: int) -> None:
        """State that a group has handled a topic's first partition up to an offset."""
        name = f"{self.topics.topic_prefix}{topic}"
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.running.kafka_bootstrap,
            group_id=f"{self.topics.topic_prefix}{group}",
            enable_auto_commit=False,
        )
        consumer.assign([TopicPartition(name, 0)])
        await consumer.start()
        try:
            await consumer.commit({TopicPartition(name, 0): offset})
        finally:
            await consumer.stop()


@pytest_asyncio.fixture
async def small_system(
    service_database: Callable[[str], Awaitable[Database]], kafka_topics: KafkaTopics
) -> AsyncIterator[SmallSystem]:
    """The system at rest, every invariant kept."""
    urls = {}
    for service in SERVICE_NAMES:
        database = await service_database(f"{service}_service")
        urls[service] = make_url(database.engine.url).set(drivername="postgresql").render_as_string(hide_password=False)
    running = RunningSystem(
        data_dir="",
        service_urls={},
        api_key="",
        kafka_bootstrap=kafka_topics.kafka_bootstrap,
        admin_url="",
        database_urls=urls,
        owner_urls=urls,
        smtp_port=0,
    )
    system = SmallSystem(running, kafka_topics)
    for service, statements in STATE.items():
        await system.execute(service, statements)
    await system.produce("orders", "OrderPlaced", EVENT_ID)
    for service in ("inventory", "allocation", "notification"):
        await system.execute(service, f"INSERT INTO inbox (consumer, event_id) VALUES ('{service}', '{EVENT_ID}')")
        await system.commit(service, "orders", 1)
    yield system
    for service, definition in system.undo:
        await system.execute(service, f"DELETE FROM notification; {definition}")
