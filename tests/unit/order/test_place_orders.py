"""Placing a batch of orders: each is accepted or refused for itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from tests.scenario import Neighbours
from tests.unit.order.in_memory_stores import InMemoryOrderUnits, in_memory_units
from tests.unit.order.scenarios import NOW, place_command, references

from order_service.application.commands import Accepted, PlaceOrder
from order_service.application.errors import InvalidOrder, OrderReferenceTaken, OrderTooLarge
from order_service.application.place_orders import place_orders
from order_service.domain.dates import DateFault
from order_service.domain.errors import Refusal
from service_kit.commands.execute import execute
from service_kit.testing import FakeClock

LONG = "灯" * 60
WIDE = "\N{COUCH AND LAMP}" * 100
"""A name that takes four bytes a character in JSON."""


@pytest.fixture
async def units() -> InMemoryOrderUnits:
    """Units of work that know some SKUs."""
    units, neighbours = in_memory_units(FakeClock(NOW)), Neighbours()
    async with units.begin() as uow:
        await uow.skus.save_policies([neighbours.sku_policy(sku) for sku in ("lamp", "bulb", WIDE, LONG)])
        await uow.commit()
    return units


async def place(units: InMemoryOrderUnits, *commands: PlaceOrder) -> Sequence[Accepted | Refusal]:
    return await execute(units, place_orders, commands)


async def test_an_accepted_order_is_stored_with_its_history_and_published(units: InMemoryOrderUnits) -> None:
    assert await place(units, place_command("o1", ("lamp", 2))) == [Accepted("o1", 1, 1, NOW)]
    assert list(units.state.orders) == ["o1"]
    assert [(each.entry.event, each.entry.state) for each in units.state.history] == [("OrderPlaced", "pending")]
    [event] = units.outbox
    assert (event.name, event.key, event.sequence, event.source) == ("OrderPlaced", "o1", 1, "/backorder/order-service")


async def test_a_refused_order_does_not_touch_its_neighbours(units: InMemoryOrderUnits) -> None:
    first, refused, last = await place(
        units,
        place_command("o1", ("lamp", 1)),
        place_command("o2", ("ghost", 1)),
        place_command("o3", ("bulb", 1)),
    )
    assert (first, last) == (Accepted("o1", 1, 1, NOW), Accepted("o3", 1, 1, NOW))
    assert isinstance(refused, InvalidOrder)
    assert references(units.outbox) == [("OrderPlaced", "o1"), ("OrderPlaced", "o3")]


async def test_all_that_is_wrong_with_an_order_is_named_at_once(units: InMemoryOrderUnits) -> None:
    command = place_command("o1", ("lamp", 1), ("nope", 1), ("bulb", 1), ("Lamp", 1), needed_by=date(2026, 1, 3))
    [refused] = await place(units, command)
    assert isinstance(refused, InvalidOrder)
    assert refused.date_faults == (DateFault("needed_by", "The day has passed; name a later one."),)
    assert refused.unknown_sku_lines == (1, 3)
    assert units.state.orders == {}


@pytest.mark.parametrize(
    ("dates", "field"),
    [
        ({"needed_by": date(2026, 1, 3)}, "needed_by"),
        ({"latest_acceptable_date": date(2026, 1, 3)}, "latest_acceptable_date"),
        ({"needed_by": date(2026, 2, 2), "latest_acceptable_date": date(2026, 2, 1)}, "latest_acceptable_date"),
    ],
)
async def test_a_date_that_cannot_be_kept_is_refused(
    units: InMemoryOrderUnits, dates: dict[str, Any], field: str
) -> None:
    [refused] = await place(units, place_command("o1", ("lamp", 1), **dates))
    assert isinstance(refused, InvalidOrder)
    assert [fault.field for fault in refused.date_faults] == [field]


async def test_dates_are_judged_at_the_time_of_the_order(units: InMemoryOrderUnits) -> None:
    last_year = NOW - timedelta(days=365)
    command = place_command("o1", ("lamp", 1), at=last_year, needed_by=last_year.date())
    assert await place(units, command) == [Accepted("o1", 1, 1, NOW)]


async def test_of_orders_with_one_reference_the_first_is_accepted(units: InMemoryOrderUnits) -> None:
    await place(units, place_command("o1", ("lamp", 1), reference="taken"))
    results = await place(
        units,
        place_command("o2", ("lamp", 1), reference="taken"),
        place_command("o3", ("lamp", 1), reference="twin"),
        place_command("o4", ("lamp", 1), reference="twin"),
    )
    assert [each.order_id if isinstance(each, OrderReferenceTaken) else None for each in results] == ["o1", None, "o3"]
    assert references(units.outbox) == [("OrderPlaced", "o1"), ("OrderPlaced", "o3")]


async def test_an_order_that_could_be_placed_but_never_shipped_is_refused(units: InMemoryOrderUnits) -> None:
    large, small, plain = await place(
        units,
        place_command("o1", *[(LONG, 1)] * 1000),
        place_command("o2", *[(LONG, 1)] * 500),
        place_command("o3", *[("lamp", 1)] * 1000),
    )
    assert isinstance(large, OrderTooLarge)
    assert small == Accepted("o2", 1, 1, NOW)
    assert plain == Accepted("o3", 1, 1, NOW)


async def test_an_order_too_large_for_its_event_is_refused_alone(units: InMemoryOrderUnits) -> None:
    large, small = await place(
        units, place_command("o1", *[(WIDE, 1_000_000)] * 1100), place_command("o2", *[("lamp", 1)] * 1000)
    )
    assert isinstance(large, OrderTooLarge)
    assert small == Accepted("o2", 1, 1, NOW)
