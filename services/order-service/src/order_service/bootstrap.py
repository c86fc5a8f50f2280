"""The one place that wires the order service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import AllocationState, Event
from order_service.adapters.order_watch import OrderWatch
from order_service.adapters.sql_answers import SqlAnswerStore
from order_service.adapters.sql_orders import SqlOrderStore
from order_service.adapters.sql_placement import KnownSkus, SqlPlacementStore
from order_service.adapters.sql_queries import OrderQueries
from order_service.adapters.tracking_links import TrackingLinks
from order_service.application.apply_events import apply_events
from order_service.application.change_orders import change_orders
from order_service.application.commands import Accepted, ChangeOrder, PlaceOrder
from order_service.application.place_orders import place_orders
from order_service.config import OrderSettings
from service_kit.commands.at_once import SingleStatementAttempt
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.http.problems import Problem
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.messaging.subscription import EventHandler
from service_kit.persistence.database import Database, DirectConnection
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that the entrypoints stand on."""

    settings: OrderSettings
    clock: Clock
    database: Database
    business_clock: BusinessClock
    placing: CommandBatcher[PlaceOrder, Accepted]
    changing: CommandBatcher[ChangeOrder, Accepted]
    queries: OrderQueries
    watch: OrderWatch
    links: TrackingLinks
    handler: EventHandler


def wire(
    settings: OrderSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Wiring:
    """The parts from the settings (read from the environment by default), on another clock or database in tests."""
    settings = settings or OrderSettings()
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="order-service",
        idle_in_transaction=settings.idle_in_transaction,
    )
    known_skus = KnownSkus()

    async def place(
        conn: DirectConnection, commands: Sequence[PlaceOrder], claims: Sequence[IdempotencyClaim | None]
    ) -> Sequence[Accepted | Problem | IdempotencyRecord | Claimed]:
        store = SqlPlacementStore(conn, known_skus, claims)
        results = await place_orders(store, commands, clock.now())
        return [store.answered.get(each.order_id, result) for each, result in zip(commands, results, strict=True)]

    async def change(uow: SqlUnitOfWork, commands: Sequence[ChangeOrder]) -> Sequence[Accepted | Problem]:
        return await change_orders(SqlOrderStore(uow.connection), commands, uow.now)

    business_clock = BusinessClock(clock, follow_events=settings.business_clock == "events")
    watch = OrderWatch(database)
    secrets = [settings.tracking_secret] if settings.tracking_secret else []
    return Wiring(
        settings=settings,
        clock=clock,
        database=database,
        business_clock=business_clock,
        placing=CommandBatcher(SingleStatementAttempt(database, place)),
        changing=CommandBatcher.on(SqlUnitOfWorkFactory(database, SqlUnitOfWork, clock), change),
        queries=OrderQueries(database),
        watch=watch,
        links=TrackingLinks([*secrets, *settings.tracking_old_secrets], clock),
        handler=_event_handler(clock, watch, business_clock),
    )


def _event_handler(clock: Clock, watch: OrderWatch, business_clock: BusinessClock) -> EventHandler:
    """Applies events, moves the business time on and wakes who waits in this process."""

    async def handle(conn: AsyncConnection, events: Sequence[Event]) -> None:
        changed = await apply_events(SqlAnswerStore(conn), events, clock.now())
        for event in events:
            if isinstance(event.payload, AllocationState):
                business_clock.saw(event.payload.decided_at)
        watch.nudge(changed)

    return handle
