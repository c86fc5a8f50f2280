"""SKUs and orders as the services' own events tell them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection
from tests.scenario import Neighbours, OrderTerms

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.session.options import Options
from allocation_service.entrypoints.consumer import deciding
from allocation_service.wording.reason_words import published_words
from event_contracts import Event, new_event_id
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.testing import FakeClock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Handler = Callable[[AsyncConnection, Sequence[Event]], Awaitable[None]]


def neighbours_now() -> Neighbours:
    """Whoever tells a service something, at the moment at which all of a benchmark happens."""
    return Neighbours(clock=FakeClock(NOW), tick=timedelta(0))


def sku_names(count: int) -> list[str]:
    """S000, S001 ..."""
    return [f"S{number:03}" for number in range(count)]


def on_sale(skus: Sequence[str], *, on_hand: int) -> list[Event]:
    """Inventory's word that each SKU takes backorders, and what lies there of it."""
    neighbours, told = neighbours_now(), []
    for sku in skus:
        told.append(neighbours.sku(sku))
        if on_hand:
            told.append(neighbours.stock(sku, on_hand))
    return told


def placed(*skus: str) -> Event:
    """An order of one unit of each SKU."""
    terms: OrderTerms = {"tier": "standard", "channel": "web", "country": "DE", "region": "DE-HH"}
    lines = [(sku, 1) for sku in skus]
    return neighbours_now().order(new_event_id(), *lines, unit_price=990, **terms)[1]


def orders_over(skus: Sequence[str], count: int) -> list[Event]:
    """Orders of two lines each, spread over the SKUs."""
    return [placed(skus[7 * n % len(skus)], skus[(13 * n + 1) % len(skus)]) for n in range(count)]


def allocation_handler(database: Database) -> Handler:
    """Allocation's use case as its consumer calls it."""
    units, decide = SqlUnitOfWorkFactory(database, SqlAllocationUnitOfWork), deciding(Options(published_words))

    async def handle(conn: AsyncConnection, events: Sequence[Event]) -> None:
        await decide(units.within(conn), events)

    return handle


async def tell(database: Database, handler: Handler, events: Sequence[Event]) -> None:
    """Have a service's handler apply events, as its consumer would."""
    async with database.transaction() as conn:
        await handler(conn, events)
