"""Transactions: whole or not at all, whatever interrupts them."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from event_contracts import OrderLine, OrderState, new_event
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.outbox import MAX_PAYLOAD_BYTES, PayloadTooLarge, publish
from service_kit.persistence.database import Database, copy_rows, is_transient
from service_kit.runtime.cause import causing
from service_kit.testing.eventually import eventually
from service_kit.testing.fixtures import ServiceDatabase

pytestmark = pytest.mark.postgres


def order(key: str = "o-1", sequence: int = 1) -> OrderState:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    return OrderState(order_id=key, sequence=sequence, reference="r", placed_at=now, updated_at=now, lines=())


async def count(database: Database, table: str = "applied") -> int:
    async with database.reading() as conn:
        return (await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


INSERT = text("INSERT INTO applied (event_id, name, key, sequence) VALUES ('e', 'n', 'k', 1)")


async def test_an_error_in_the_block_leaves_nothing(database: Database) -> None:
    with pytest.raises(ValueError, match="no"):
        async with database.transaction() as conn:
            await conn.execute(INSERT)
            raise ValueError("no")
    assert await count(database) == 0


async def test_a_commit_that_has_begun_is_finished_when_its_task_is_cancelled(database: Database) -> None:
    in_commit = asyncio.Event()

    async def handle() -> None:
        async with database.transaction() as conn:
            # A deferred trigger makes the commit itself slow.
            await conn.execute(
                text(
                    "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
                    " $$BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END$$"
                )
            )
            await conn.execute(
                text(
                    "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON applied DEFERRABLE INITIALLY DEFERRED"
                    " FOR EACH ROW EXECUTE FUNCTION dawdle()"
                )
            )
            await conn.execute(INSERT)
            in_commit.set()

    task = asyncio.create_task(handle())
    await in_commit.wait()
    committing = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'commit%'"

    async def commit_runs() -> bool:
        async with database.reading() as conn:
            sql = committing + " AND state = 'active' AND wait_event = 'PgSleep'"
            return bool((await conn.execute(text(sql))).scalar_one())

    await eventually(commit_runs)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(database) == 1
    async with database.transaction() as conn:
        await conn.execute(text("DROP TRIGGER slow ON applied"))
        await conn.execute(text("DROP FUNCTION dawdle"))


async def test_a_task_cancelled_before_its_commit_leaves_nothing_and_no_open_transaction(database: Database) -> None:
    reached = asyncio.Event()

    async def handle() -> None:
        async with database.transaction() as conn:
            await conn.execute(INSERT)
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(handle())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(database) == 0

    async def none_open() -> bool:
        async with database.reading() as conn:
            sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
            return (await conn.execute(text(sql))).scalar_one() == 0

    await eventually(none_open)


async def test_a_terminated_backend_is_a_transient_error_and_the_pool_recovers(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction() as conn:
            pid = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with database.transaction() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": pid})
            await conn.execute(INSERT)
    assert is_transient(caught.value)
    async with database.transaction() as conn:
        await conn.execute(INSERT)
    assert await count(database) == 1


async def test_a_frozen_transaction_is_ended_by_the_server(database: Database) -> None:
    quick = Database(database.url, pool_size=1, idle_in_transaction=0.2)
    try:
        with pytest.raises(DBAPIError) as caught:
            async with quick.transaction() as conn:
                pid = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()

                async def gone() -> bool:
                    async with database.reading() as reader:
                        sql = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
                        return (await reader.execute(sql, {"pid": pid})).scalar_one() == 0

                await eventually(gone)
                await conn.execute(INSERT)
        assert is_transient(caught.value)
    finally:
        await quick.close()


async def test_a_broken_constraint_is_not_transient(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with database.transaction() as conn:
            await conn.execute(text("INSERT INTO setting VALUES ('colour', 'red')"))
    assert not is_transient(caught.value)


async def test_a_deadlock_is_transient(database: Database) -> None:
    met = asyncio.Barrier(2)
    async with database.transaction() as conn:
        await conn.execute(text("INSERT INTO setting VALUES ('a', '1'), ('b', '1')"))

    async def lock(first: str, second: str) -> None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT * FROM setting WHERE name = :n FOR UPDATE"), {"n": first})
            await met.wait()
            await conn.execute(text("SELECT * FROM setting WHERE name = :n FOR UPDATE"), {"n": second})

    outcomes = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    errors = [error for error in outcomes if error is not None]
    assert len(errors) == 1
    assert is_transient(errors[0])


async def test_reading_sees_one_moment_and_may_not_write(database: Database) -> None:
    async with database.reading() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM applied"))).scalar_one() == 0
        async with database.transaction() as other:
            await other.execute(INSERT)
        assert (await conn.execute(text("SELECT count(*) FROM applied"))).scalar_one() == 0
    with pytest.raises(DBAPIError, match="read-only"):
        async with database.reading() as conn:
            await conn.execute(INSERT)
    async with database.transaction() as conn:  # the setting does not stick to the pooled connection
        await conn.execute(INSERT)
    assert await count(database) == 2


async def test_copied_rows_belong_to_the_transaction(database: Database) -> None:
    rows = [(str(n), "name", "key", n) for n in range(1000)]
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as conn:
            await copy_rows(conn, "applied", ["event_id", "name", "key", "sequence"], rows)
            raise ZeroDivisionError
    assert await count(database) == 0
    async with database.transaction() as conn:
        await copy_rows(conn, "public.applied", ["event_id", "name", "key", "sequence"], rows)
    assert await count(database) == 1000


async def test_events_are_kept_in_the_order_given_and_wake_the_relay_after_the_commit(database: Database) -> None:
    events = [new_event("OrderPlaced", order(f"o-{n}"), source="t", sequence=n) for n in range(50)]
    async with database.transaction() as conn:
        await publish(conn, events)
        assert not database.outbox_written.is_set()
    assert database.outbox_written.is_set()
    async with database.reading() as conn:
        rows = (await conn.execute(text("SELECT event_id, topic, key FROM outbox ORDER BY id"))).all()
    assert [tuple(row) for row in rows] == [(event.id, "orders", event.key) for event in events]


async def test_a_rolled_back_publish_wakes_nobody(database: Database) -> None:
    event = new_event("OrderPlaced", order(), source="t", sequence=1)
    with pytest.raises(ValueError):
        async with database.transaction() as conn:
            await publish(conn, [event])
            raise ValueError
    async with database.transaction() as conn:
        await conn.execute(text("SELECT 1"))
    assert not database.outbox_written.is_set()
    assert await count(database, "outbox") == 0


async def test_a_payload_above_the_limit_is_refused_and_nothing_is_stored(database: Database) -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    lines = tuple(OrderLine(line_id=f"{n}-" + "x" * 90, sku="s" * 100, quantity=1) for n in range(3000))
    payload = OrderState(order_id="o", sequence=1, reference="r", placed_at=now, updated_at=now, lines=lines)
    event = new_event("OrderPlaced", payload, source="t", sequence=1)
    assert len(event.value()) > MAX_PAYLOAD_BYTES
    with pytest.raises(PayloadTooLarge):
        async with database.transaction() as conn:
            await publish(conn, [new_event("OrderPlaced", order(), source="t", sequence=1), event])
    assert await count(database, "outbox") == 0


async def test_an_event_made_while_reacting_names_its_cause(database: Database) -> None:
    traceparent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    cause = new_event("OrderPlaced", order(), source="t", sequence=1, traceparent=traceparent)
    answer = new_event("OrderAmended", order(), source="t", sequence=2)
    stated = new_event("OrderAmended", order(), source="t", sequence=3, correlation_id="c", causation_id="d")
    async with database.transaction() as conn:
        with causing(cause):
            await publish(conn, [answer, stated])
    async with database.reading() as conn:
        rows = (await conn.execute(text("SELECT headers FROM outbox ORDER BY id"))).scalars().all()
    first, second = (dict(unpack_headers(row)) for row in rows)
    assert first["ce_causationid"] == cause.id.encode()
    assert first["ce_correlationid"] == cause.correlation_id.encode()
    assert first["traceparent"] == traceparent.encode()
    assert (second["ce_correlationid"], second["ce_causationid"]) == (b"c", b"d")


async def test_each_test_gets_what_the_migrations_left(database: Database, service_database: ServiceDatabase) -> None:
    async with database.transaction() as conn:
        await conn.execute(text("UPDATE setting SET value = 'red'"))
        await conn.execute(INSERT)
    again = await service_database("service_kit.testing.sample")
    async with again.reading() as conn:
        assert (await conn.execute(text("SELECT value FROM setting"))).scalars().all() == ["blue"]
    assert await count(again) == 0
