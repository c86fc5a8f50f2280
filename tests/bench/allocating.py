"""How fast allocation fills, decides and promises anew where very many lines wait for one SKU."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from tests.bench.assortment import placed
from tests.bench.figures import Measured, Row, at_least, at_most
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY
from tests.bench.waiting import Warehouse

from allocation_service.domain.policies.policy import Ageing, Holdback, Policy, Sort

ROUNDS = {1_000: 5, 10_000: 3, 100_000: 3}
ORDERS = 200
WARM_UP = 20
_LONG = 900.0
"""Seconds that one statement may take: queues of a million lines are made by single statements."""


@asynccontextmanager
async def warehouse(ground: Ground) -> AsyncIterator[Warehouse]:
    """An empty allocation."""
    async with ground.databases() as make:
        yield Warehouse(await make("allocation_service", command_timeout=_LONG))


async def fill(ground: Ground, lines: int) -> Mapping[str, Measured]:
    """A receipt that serves a whole queue, and the statement that stores the same, each on a queue of its own."""
    measured = Measured()
    async with warehouse(ground) as house:
        for number in range(ROUNDS[lines]):
            handled = await _fill(house, f"handled-{number}", lines)
            await house.queue(f"floor-{number}", lines)
            floor = await house.one_statement(f"floor-{number}", 2 * lines)
            await _all_told(house, lines)
            measured.add(lines / handled, lines / floor)
    return {f"fill-{_short(lines)}": measured}


async def growth(ground: Ground, lines: int, against: int) -> Mapping[str, Measured]:
    """Time a line in a long queue over time a line in a shorter one."""
    measured = Measured()
    async with warehouse(ground) as house:
        for number in range(ROUNDS[lines]):
            long = await _fill(house, f"long-{number}", lines) / lines
            # A short fill is short of time: several make one figure.
            times = max(1, min(5, lines // against // 2))
            short = [await _fill(house, f"short-{number}-{again}", against) / against for again in range(times)]
            measured.add(1e6 * long, 1e6 * sum(short) / times)
    return {f"fill-growth-{_short(lines)}": measured}


async def order_on_a_queue(ground: Ground, lines: int) -> Mapping[str, Measured]:
    """Orders in turn on a SKU with a long queue and on one with ten waiting lines, one a transaction."""
    measured = Measured()
    async with warehouse(ground) as house:
        await house.queue("short", 10)
        await house.queue("long", lines)
        for number in range(ORDERS + WARM_UP):
            short = await house.handle(placed("short"))
            long = await house.handle(placed("long"))
            if number >= WARM_UP:
                measured.add(1000 * long, 1000 * short)
    return {f"order-on-{_short(lines)}": measured}


@REGISTRY.measures(
    Row(
        "slip-100k",
        "a purchase order comes later: 100,000 lines that wait for it are promised anew, in one transaction",
        "s",
        at_most(10, of="value"),
    )
)
async def slip(ground: Ground) -> Mapping[str, Measured]:
    """The time of the batch that holds the one event, its commit included."""
    measured = Measured()
    async with warehouse(ground) as house:
        for number in range(3):
            await house.queue(f"S{number}", 100_000)
            measured.add(await house.handle(house.slipped(f"S{number}", 200_000)))
            await _all_told(house, 100_000)
    return {"slip-100k": measured}


async def fill_by_value(ground: Ground, lines: int) -> Mapping[str, Measured]:
    """A receipt for half of a queue that is served by value with units held back; the same beside the statement
    that stores as much, first come first served."""
    measured = Measured()
    async with warehouse(ground) as house:
        await house.use(Policy(sort=Sort.VALUE_INDEX, holdback=Holdback(), ageing=Ageing(14, 60)))
        for number in range(ROUNDS[lines]):
            await house.queue(f"handled-{number}", lines)
            await house.mix(f"handled-{number}")
            handled = await house.handle(house.received(f"handled-{number}", lines))
            await house.told()
            await house.queue(f"floor-{number}", lines)
            floor = await house.one_statement(f"floor-{number}", lines)
            await house.told()
            measured.add(handled, floor)
    return {f"fill-by-value-{_short(lines)}": measured}


async def _fill(house: Warehouse, sku: str, lines: int) -> float:
    await house.queue(sku, lines)
    seconds = await house.handle(house.received(sku, 2 * lines))
    await _all_told(house, lines)
    return seconds


async def _all_told(house: Warehouse, lines: int) -> None:
    if (told := await house.told()) != lines:
        raise RuntimeError(f"{lines} lines were to be answered, but {told} events stand in the outbox")


def _short(lines: int) -> str:
    return f"{lines // 1_000_000}m" if lines >= 1_000_000 else f"{lines // 1000}k"


for _lines in ROUNDS:
    REGISTRY.add(
        partial(fill, lines=_lines),
        Row(
            f"fill-{_short(_lines)}",
            f"a receipt serves {_lines:,} waiting lines of one SKU: decision, commitments and events stored, committed;"
            " floor: one set-based SQL statement that stores the same",
            "lines/s",
            at_least(0.6) if _lines == 100_000 else None,
        ),
    )
for _lines in (10_000, 100_000):
    REGISTRY.add(
        partial(fill_by_value, lines=_lines),
        Row(
            f"fill-by-value-{_short(_lines)}",
            f"a receipt for half of {_lines:,} open lines, by value index, units held back, ageing: read, ranked,"
            " decided, stored, committed; floor: one SQL statement that stores as much in the order of the queue",
            "s",
            at_most(1, of="value") if _lines == 10_000 else None,
        ),
    )
for _against, _lines in ((1_000, 10_000), (10_000, 100_000)):
    REGISTRY.add(
        partial(growth, lines=_lines, against=_against),
        Row(
            f"fill-growth-{_short(_lines)}",
            f"time a line where {_lines:,} wait; floor: where {_against:,} wait",
            "µs/line",
            at_most(1.0),
        ),
    )
for _lines in (100_000, 1_000_000):
    REGISTRY.add(
        partial(order_on_a_queue, lines=_lines),
        Row(
            f"order-on-{_short(_lines)}",
            f"an order on a SKU with {_lines:,} waiting lines, committed; floor: with 10 waiting",
            "ms",
            at_most(1.2),
        ),
    )
