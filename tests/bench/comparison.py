"""``python -m tests.bench.comparison CHECKOUT``: this code's HTTP API against that of another checkout, by turns.

Both services and the bare application run all the time, on databases of their own; one client asks them in turn, so
that whatever else the machine does meets all of them alike. The other checkout needs an environment of its own
(``make bootstrap``). Both its migrations and this checkout's must lead to the same tables.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import structlog
from rich.console import Console
from sqlalchemy import make_url
from tests.bench.assortment import on_sale, sku_names, tell
from tests.bench.figures import spread
from tests.bench.ground import PROJECT, Ground
from tests.bench.ordering import UNLIMITED, know_skus, place

from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.service import build
from backorder_local.local_parts import answers_ready
from backorder_local.ports import free_port
from service_kit.persistence.database import Database

SKUS = 100
ORDER, AVAILABILITY, LIST = "POST /v1/orders", "GET /v1/availability", "GET /v1/orders"
READS = {AVAILABILITY: "/v1/availability?sku=S000&sku=S001&quantity=2", LIST: "/v1/orders?reference=none"}
ASKED = ((ORDER, 8), (ORDER, 32), (AVAILABILITY, 8), (LIST, 8))
"""Requests and by how many clients. The last one is of a route that is not hot."""


@dataclass
class Side:
    """One of those compared: its ports and processes by kind of request, and what was measured."""

    name: str
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, psutil.Process] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)

    async def ask(self, ground: Ground, key: str, asked: tuple[str, int], seconds: float) -> None:
        """One turn: requests a second, and processor time of the service a request in microseconds."""
        what, clients = asked
        process = self.processes[what]
        before = process.cpu_times()
        report = await place(ground, self.ports[what], key, clients, seconds, read=READS.get(what))
        after = process.cpu_times()
        used = after.user + after.system - before.user - before.system
        label = f"{what}, {clients} clients"
        self.rates.setdefault(label, []).append(report["answered"] / report["seconds"])
        self.costs.setdefault(label, []).append(1e6 * used / sum(report["statuses"].values()))


async def compare(ground: Ground, other: Path, rounds: int, seconds: float) -> list[Side]:
    """All figures of the bare application, the other checkout and this one."""
    key = ground.api_key("orders:read", "orders:write", "availability:read")
    async with AsyncExitStack() as stack:
        before = await _started(ground, stack, Side("other checkout"), other)
        after = await _started(ground, stack, Side("this checkout"), PROJECT)
        bare = await _bare(ground, stack)
        for asked in ASKED:
            present = [side for side in (bare, before, after) if asked[0] in side.ports]
            for number in range(rounds + 1):
                # Whoever is asked first changes from round to round.
                turn = number % len(present)
                for side in (*present[turn:], *present[:turn]):
                    await side.ask(ground, key, asked, seconds if number else 1.0)
                ground.say(f"{asked[0]}, {asked[1]} clients: round {number} of {rounds}")
    for side in (bare, before, after):
        for measured in (*side.rates.values(), *side.costs.values()):
            del measured[0]  # the first round only warms up
    return [bare, before, after]


async def _started(ground: Ground, stack: AsyncExitStack, side: Side, checkout: Path) -> Side:
    make = await stack.enter_async_context(ground.databases())
    orders, stock = await make("order_service"), await make("allocation_service")
    await know_skus(ground, orders, SKUS)
    await _know_stock(ground, stock)
    options: dict[str, Any] = {"role": "api", "rate_limit": UNLIMITED, "checkout": checkout}
    order = ground.service("order", orders, tracking_secret="bench", **options)
    allocation = ground.service("allocation", stock, **options)
    for service, requests in ((order, (ORDER, LIST)), (allocation, (AVAILABILITY,))):
        served = await stack.enter_async_context(service)
        side.ports |= dict.fromkeys(requests, served.port)
        side.processes |= dict.fromkeys(requests, served.process)
    return side


async def _bare(ground: Ground, stack: AsyncExitStack) -> Side:
    make = await stack.enter_async_context(ground.databases())
    database, port = await make("order_service"), free_port()
    address = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    arguments = ("tests.bench.programs.bare_app", str(port), address)
    child = await stack.enter_async_context(ground.program("bare", arguments))
    await ground.until(lambda: answers_ready(port), child, 60)
    return Side("bare application", {ORDER: port}, {ORDER: psutil.Process(child.pid)})


async def _know_stock(ground: Ground, database: Database) -> None:
    settings = AllocationSettings(database_url=database.url, kafka_bootstrap="unused:9092", keyring_path=ground.keyring)
    subscription = build(settings, database=database).subscription
    assert subscription is not None
    await tell(database, subscription.handle, on_sale(sku_names(SKUS), on_hand=5))


def lines_of(sides: Sequence[Side]) -> Iterator[str]:
    """Medians and ranges of all rounds; ratios are taken round by round."""
    bare, before, after = sides
    for label in after.rates:
        for side in sides:
            if label in side.rates:
                rate, cost = _shown(side.rates[label], 0), _shown(side.costs[label], 0)
                yield f"{label}, {side.name}: {rate} a second, {cost} µs of processor time each"
        for side in (before, after) if label in bare.rates else ():
            rates = _shown(_ratios(side.rates, bare.rates, label), 2)
            yield f"{label}: {side.name} to {bare.name}: {rates} of the rate"
        rates = _shown(_ratios(after.rates, before.rates, label), 2)
        costs = _shown(_ratios(after.costs, before.costs, label), 2)
        yield f"{label}: {after.name} to {before.name}: {rates} of the rate, {costs} of the processor time"


def _ratios(own: Mapping[str, list[float]], other: Mapping[str, list[float]], label: str) -> list[float]:
    return [one / against for one, against in zip(own[label], other[label], strict=True)]


def _shown(figures: Sequence[float], digits: int) -> str:
    found = spread(figures)
    return f"{statistics.median(figures):,.{digits}f} ({found.low:,.{digits}f}-{found.high:,.{digits}f})"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="comparison", description=__doc__)
    parser.add_argument("checkout", type=Path, help="directory of the other checkout")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one turn")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    console = Console(soft_wrap=True)
    root = Path(tempfile.mkdtemp(prefix="backorder-bench-"))
    root.chmod(0o711)  # PostgreSQL may run as another account and must pass through
    ground = Ground(root, lambda text: console.print(text, markup=False, highlight=False))
    try:
        ground.start()
        sides = asyncio.run(compare(ground, arguments.checkout.resolve(), arguments.rounds, arguments.seconds))
    finally:
        ground.stop()
        shutil.rmtree(root, ignore_errors=True)
    ground.say("\n".join(lines_of(sides)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
