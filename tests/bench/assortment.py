"""SKUs and orders as the services' own events tell them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.session.options import Options
from allocation_service.entrypoints.consumer import deciding
from allocation_service.wording.reason_words import published_words
from event_contracts import (
    Event,
    OrderLine,
    OrderState,
    SellingMode,
    SkuPolicy,
    StockChange,
    StockLevel,
    new_event,
    new_event_id,
)
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Handler = Callable[[AsyncConnection, Sequence[Event]], Awaitable[None]]


def sku_names(count: int) -> list[str]:
    """S000, S001 ..."""
    return [f"S{number:03}" for number in range(count)]


def on_sale(skus: Sequence[str], *, on_hand: int) -> list[Event]:
    """Inventory's word that each SKU takes backorders, and what lies there of it."""
    told: list[Event] = []
    for sku in skus:
        policy = SkuPolicy(sku=sku, version=1, mode=SellingMode.BACKORDER, lead_time_days=14, occurred_at=NOW)
        told.append(new_event("SkuPolicyChanged", policy, source="bench", sequence=1))
        if on_hand:
            change = StockChange(
                sku=sku, reason="receipt", occurred_at=NOW,
                levels=(StockLevel(location="HH", on_hand=on_hand, shipped=0, version=1),),
            )  # fmt: skip
            told.append(new_event("StockReceived", change, source="bench", sequence=1))
    return told


def placed(*skus: str) -> Event:
    """An order of one unit of each SKU."""
    lines = tuple(OrderLine(line_id=new_event_id(), sku=sku, quantity=1, unit_price=990) for sku in skus)
    order_id = new_event_id()
    state = OrderState(
        order_id=order_id, sequence=1, reference=order_id, placed_at=NOW, updated_at=NOW, tier="standard",
        channel="web", country="DE", region="DE-HH", lines=lines,
    )  # fmt: skip
    return new_event("OrderPlaced", state, source="bench", sequence=1, now=NOW)


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
