"""How fast allocation decides: ``pytest -s tests/bench/allocation``, or ``make bench ARGS="-k allocation"``.

Prints one row a figure, each against its floor in the same run; fails only where the work was not done.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import pytest

from allocation_service.application.handler import HANDLED
from service_kit.batches import BatchProcessor
from service_kit.bus import Record
from service_kit.incoming import Incoming, read_record

if TYPE_CHECKING:
    from .conftest import Warehouse

pytestmark = pytest.mark.postgres


def show(what: str, value: str, floor: str, ratio: float, goal: str) -> None:
    print(f"\n{what:<46}{value:>16}{floor:>28}   ratio {ratio:>5.2f}   goal {goal}", end="")  # noqa: T201


@pytest.mark.parametrize(("lines", "rounds"), [(1_000, 5), (10_000, 3), (100_000, 1)])
async def test_allocation_fill_against_one_statement(warehouse: Warehouse, lines: int, rounds: int) -> None:
    filled: list[float] = []
    floors: list[float] = []
    for n in range(rounds):
        for sku, seconds in ((f"handled-{n}", filled), (f"floor-{n}", floors)):
            await warehouse.queue(sku, lines)
            if seconds is filled:
                seconds.append(await warehouse.handle(warehouse.received(sku, 2 * lines)))
            else:
                seconds.append(await warehouse.one_statement(sku, 2 * lines))
            assert await warehouse.told() == lines
    took, floor = statistics.median(filled), statistics.median(floors)
    spread = f"({min(filled):.2f}-{max(filled):.2f})"
    show(f"fill of {lines:,} lines", f"{took:.2f} s {spread}", f"one statement {floor:.2f} s", floor / took, ">= 0.6")


async def test_allocation_order_on_a_long_queue(warehouse: Warehouse) -> None:
    await warehouse.queue("short", 10)
    await warehouse.queue("long", 100_000)
    seconds: dict[str, list[float]] = {"short": [], "long": []}
    for n in range(200):
        for sku, times in seconds.items():
            took = await warehouse.handle(warehouse.placed(sku))
            if n >= 20:
                times.append(took)
    short, long = (1000 * statistics.median(times) for times in seconds.values())
    show(
        "order on a SKU with 100,000 waiting",
        f"{long:.2f} ms",
        f"with 10 waiting {short:.2f} ms",
        long / short,
        "<= 1.2",
    )


async def test_allocation_slip_of_a_purchase_order(warehouse: Warehouse) -> None:
    took = []
    for n in range(2):
        await warehouse.queue(f"S{n}", 100_000)
        took.append(await warehouse.handle(warehouse.slipped(f"S{n}", 200_000)))
        assert await warehouse.told() == 100_000
    show("slip touching 100,000 lines", f"{min(took):.2f} s", "goal 10 s", 10 / min(took), ">= 1")


async def test_allocation_events_a_second(warehouse: Warehouse) -> None:
    """What a consumer does with records it has polled: decode, inbox, decide, store, answer."""
    skus = [f"S{n:03}" for n in range(400)]
    for sku in skus[:4]:
        await warehouse.queue(sku, 1_000)
    for sku in skus[4:]:
        await warehouse.queue_of_none(sku)
    events = [warehouse.placed(skus[7 * n % 400], skus[(13 * n + 1) % 400]) for n in range(10_000)]
    records = [
        Record(event.topic, 0, n, 0, event.key.encode(), event.value(), event.headers())
        for n, event in enumerate(events)
    ]
    await warehouse.tidy()
    processor = BatchProcessor(warehouse.database, "allocation", warehouse.handler)
    seconds = []
    for start in range(0, len(records), 500):
        began = time.perf_counter()
        batch: list[Incoming] = [
            one for record in records[start : start + 500] if (one := read_record(record, HANDLED_TYPES))
        ]
        await processor.process(batch, asyncio.Event())
        seconds.append(time.perf_counter() - began)
    assert await warehouse.told() == len(events)
    rate, best = len(events) / sum(seconds), 500 / min(seconds)
    show(
        "OrderPlaced handled, batches of 500", f"{rate:,.0f}/s", f"best batch {best:,.0f}/s", rate / 5000, ">= 5,000/s"
    )


HANDLED_TYPES = frozenset(HANDLED)
