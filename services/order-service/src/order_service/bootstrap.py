"""The one place that wires the order service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import AllocationState, Event, Topic
from order_service.adapters.order_watch import OrderWatch
from order_service.adapters.sql_answers import SqlAnswerStore
from order_service.adapters.sql_orders import SqlOrderStore
from order_service.adapters.sql_placement import KnownSkus, SqlPlacementStore
from order_service.adapters.sql_queries import OrderQueries
from order_service.adapters.tracking_links import TrackingLinks
from order_service.application.apply_events import HANDLED, apply_events
from order_service.application.business_clock import BusinessClock
from order_service.application.change_orders import change_orders
from order_service.application.commands import Accepted, ChangeOrder, PlaceOrder
from order_service.application.place_orders import place_orders
from order_service.config import OrderSettings
from service_kit.clock import Clock, SystemClock
from service_kit.commands import CommandBus
from service_kit.database import Database
from service_kit.problems import Problem
from service_kit.service import Service
from service_kit.subscription import EventHandler, Subscription

_DESCRIPTION = """
Orders and their whole life: placed, amended, cancelled, shipped. Quantities are the truth, states are
derived from them; stock is decided by allocation, whose answers this service stores as they come.
A line is `pending` until allocation has answered the order's latest change.
""".strip()


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that the entrypoints stand on."""

    settings: OrderSettings
    clock: Clock
    business_clock: BusinessClock
    placing: CommandBus[PlaceOrder, Accepted]
    changing: CommandBus[ChangeOrder, Accepted]
    queries: OrderQueries
    watch: OrderWatch
    links: TrackingLinks


@dataclass
class OrderService(Service):
    """The service with the parts its endpoints use."""

    wiring: Wiring = field(kw_only=True)


def build(
    settings: OrderSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> OrderService:
    """The service from its settings (read from the environment by default), on another clock or database in tests."""
    settings = settings or OrderSettings()
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url, pool_size=settings.pool_size, application_name="order-service"
    )
    wiring = _wire(settings, clock, database)
    # Entrypoints stand above this module, which therefore names them instead of importing them.
    http = import_module("order_service.entrypoints.http")
    return OrderService(
        name=settings.service_name,
        settings=settings,
        database=database,
        routers=http.ROUTERS,
        wiring=wiring,
        subscription=_subscription(wiring),
        title="Backorder orders",
        description=_DESCRIPTION,
        large_body_paths=http.LARGE_BODY_PATHS,
        verify_token=wiring.links.principal,
        tags=http.TAGS,
    )


def _subscription(wiring: Wiring) -> Subscription:
    handler = event_handler(wiring.clock, wiring.watch, wiring.business_clock)
    return Subscription(topics=(Topic.ALLOCATIONS, Topic.INVENTORY), types=HANDLED, handler=handler)


def event_handler(
    clock: Clock, watch: OrderWatch | None = None, business_clock: BusinessClock | None = None
) -> EventHandler:
    """The handler of the service's subscription; wakes who waits in this process."""

    async def handle(conn: AsyncConnection, events: Sequence[Event]) -> None:
        changed = await apply_events(SqlAnswerStore(conn), events, clock.now())
        if business_clock is not None:
            for event in events:
                if isinstance(event.payload, AllocationState):
                    business_clock.saw(event.payload.decided_at)
        if watch is not None:
            watch.nudge(changed)

    return handle


def _wire(settings: OrderSettings, clock: Clock, database: Database) -> Wiring:
    known_skus = KnownSkus()

    async def place(conn: AsyncConnection, commands: Sequence[PlaceOrder]) -> Sequence[Accepted | Problem]:
        return await place_orders(SqlPlacementStore(conn, known_skus), commands, clock.now())

    async def change(conn: AsyncConnection, commands: Sequence[ChangeOrder]) -> Sequence[Accepted | Problem]:
        return await change_orders(SqlOrderStore(conn), commands, clock.now())

    secrets = [settings.tracking_secret] if settings.tracking_secret else []
    return Wiring(
        settings=settings,
        clock=clock,
        business_clock=BusinessClock(clock, follow_events=settings.business_clock == "events"),
        placing=CommandBus(database, place),
        changing=CommandBus(database, change),
        queries=OrderQueries(database),
        watch=OrderWatch(database),
        links=TrackingLinks([*secrets, *settings.tracking_old_secrets], clock),
    )
