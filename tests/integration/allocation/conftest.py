"""A world around the allocation handler: its neighbours' events go in, and what it answered comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.integration.allocation.run_client import Client
from tests.scenario import WallClock, take_outbox
from tests.unit.allocation.allocation_scenario import AllocationScenario

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.bootstrap import AllocationApplication, wire
from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.consumer import deciding
from allocation_service.entrypoints.service import build
from allocation_service.invariants import INVARIANTS
from backorder_verify.recomputing.comparison import compare
from backorder_verify.recomputing.decision_stream import DecisionRange, stored_decisions
from event_contracts import Event
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock
from service_kit.testing.invariants import assert_invariants

KEPT = [invariant for invariant in INVARIANTS if invariant.name != "allocation: business times"]
"""All but the one that goes by the database's clock: a world has its own."""


@dataclass
class World(AllocationScenario):
    """Gives its neighbours' events to the real handler on a real database."""

    database: Database

    # -- the service --

    @property
    def units(self) -> SqlUnitOfWorkFactory[SqlAllocationUnitOfWork]:
        return SqlUnitOfWorkFactory(self.database, SqlAllocationUnitOfWork, WallClock(self))

    def application(self, clock: Clock | None = None, **settings: Any) -> AllocationApplication:
        """The wired application on this database; its clock stands where the world's does, if none is given."""
        own = AllocationSettings(
            database_url=self.database.url, keyring_path=Path("none"), kafka_bootstrap="127.0.0.1:1", **settings
        )
        return wire(own, clock=clock or self.clock, database=self.database)

    # -- the handler --

    async def handle(self, events: Sequence[Event]) -> None:
        """See AllocationScenario."""
        async with self.database.transaction() as conn:
            await self.handle_within(conn, events)

    async def apply_at_once(self, *batches: tuple[Sequence[Event], bool]) -> None:
        """See AllocationScenario."""
        await asyncio.gather(
            *(self.apply(*events, deferred_orders=deferred_orders) for events, deferred_orders in batches)
        )

    async def handle_within(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """One batch in a transaction that the caller commits."""
        await deciding(self.options)(self.units.within(conn), events)

    async def published(self) -> list[Event]:
        """Take what stands in the outbox."""
        return await take_outbox(self.database)

    async def rows(self, sql: str, **values: Any) -> Sequence[Any]:
        async with self.database.reading() as conn:
            return (await conn.execute(text(sql), values)).all()

    async def line(self, line_id: str) -> Any:
        """One demand row, with ``waiting`` and ``granted`` per location."""
        return (
            await self.rows(
                "SELECT d.*, live_units - granted_units AS waiting,"
                " (SELECT coalesce(jsonb_object_agg(location, granted) FILTER (WHERE granted > 0), '{}')::text"
                "  FROM commitment c WHERE c.line_id = d.line_id) AS granted"
                " FROM demand d WHERE line_id = :id",
                id=line_id,
            )
        )[0]

    async def granted(self, *line_ids: str) -> list[int]:
        found = {row.line_id: row.granted_units for row in await self.rows("SELECT line_id, granted_units FROM demand")}
        return [found[line_id] for line_id in line_ids]

    async def aim_at(self, target: int | None) -> None:
        """See AllocationScenario."""
        async with self.database.transaction() as conn:
            await conn.execute(text("UPDATE lateness_state SET default_target = :target"), {"target": target})

    async def remember_deliveries(
        self, *, late: int = 0, first: int = 1, last: int = 99, supplier: str = "S", lead: int = 60
    ) -> None:
        """Deliveries of the past, one for each day from ``first`` to ``last`` ago, all of them this late."""
        async with self.database.transaction() as conn:
            values = {"today": self.now.date(), "late": late, "first": first, "last": last}
            await conn.execute(text(_DELIVERIES), values | {"supplier": supplier, "lead": lead})

    async def check(self) -> None:
        """Every invariant of allocation holds, and every decision comes out the same when it is recomputed."""
        deferred = await self.rows("SELECT order_id FROM recheck")
        await assert_invariants(self.database, KEPT, at_rest=not deferred)
        assert await self.replays() == []

    async def replays(self) -> list[str]:
        """Decisions whose stored inputs lead to other grants than were made."""

        async def rows(query: str, *values: Any) -> AsyncIterator[Any]:
            async with self.database.reading() as conn:
                found = (await conn.exec_driver_sql(query, values)).mappings().all()
            for row in found:
                yield row

        compared = await compare(stored_decisions(rows, DecisionRange()))
        different = compared.first_differences
        return [f"{one.decision_id} step {one.step}: {one.granted}, recomputed {one.recomputed}" for one in different]


_DELIVERIES = """
    INSERT INTO inbound_lateness (po_line, supplier, eta, lead_from, lead_to, arrived_on, observed_at)
    SELECT 'h' || n, :supplier, CAST(:today AS date) - n, :lead, 0, CAST(:today AS date) - n + CAST(:late AS int),
           CAST(:today AS date) - n + CAST(:late AS int)
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
    """


@pytest_asyncio.fixture(loop_scope="session")
async def world(service_database: Callable[[str], Awaitable[Database]]) -> AsyncIterator[World]:
    """An empty allocation with its handler. The service's invariants must hold when the test ends."""
    world = World(await service_database("allocation_service"))
    await world.aim_at(None)
    yield world
    await assert_invariants(world.database, KEPT, at_rest=False)


@pytest_asyncio.fixture(loop_scope="session")
async def worlds(service_database: Callable[[str], Awaitable[Database]]) -> Callable[[], Awaitable[World]]:
    """Makes worlds whose invariants are not checked when the test ends: each call empties the database again."""

    async def make() -> World:
        world = World(await service_database("allocation_service"))
        await world.aim_at(None)
        return world

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def client(world: Any, tmp_path: Path) -> AsyncIterator[Client]:
    """A client with all scopes; the clock stands where the world's does."""
    keyring = tmp_path / "keyring.json"
    key, _ = Keyring(keyring).create_key("test", sorted(SCOPES))
    settings = AllocationSettings(
        database_url=world.database.url, keyring_path=keyring, kafka_bootstrap="127.0.0.1:1", rate_limit=""
    )
    app = create_app(build(settings, clock=world.clock, database=world.database))
    headers = {"Authorization": f"Bearer {key}"}
    async with Client(transport=httpx.ASGITransport(app=app), base_url="http://test", headers=headers) as opened:
        yield opened
