"""Placing an order with everything on, against an application that does nothing but one INSERT."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import make_url
from tests.bench.assortment import on_sale, sku_names, tell
from tests.bench.figures import Measured, Row, at_least
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY

from backorder_local.local_parts import answers_ready
from backorder_local.ports import free_port
from order_service.config import OrderSettings
from order_service.entrypoints.service import build
from service_kit.persistence.database import Database

ROUNDS = 5
SECONDS = 3.0
UNLIMITED = "1000000000/minute"
"""The limiter counts every request and refuses none."""


async def know_skus(ground: Ground, database: Database, count: int) -> None:
    """The order service's projection of SKUs S000, S001 ..."""
    settings = OrderSettings(database_url=database.url, kafka_bootstrap="unused:9092", keyring_path=ground.keyring)
    subscription = build(settings, database=database).subscription
    assert subscription is not None
    await tell(database, subscription.handle, on_sale(sku_names(count), on_hand=0))


async def place_orders(ground: Ground, clients: int) -> Mapping[str, Measured]:
    """Both applications run all the time, one process each; the same client program asks them in turn."""
    measured = Measured()
    busiest = 0.0
    port = free_port()
    async with ground.databases() as make:
        database = await make("order_service")
        await know_skus(ground, database, 100)
        address = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
        bare = ground.program(f"bare-{port}", ("tests.bench.programs.bare_app", str(port), address))
        real = ground.service("order", database, role="api", rate_limit=UNLIMITED, tracking_secret="bench")
        key = ground.api_key("orders:read", "orders:write")
        async with bare as bare_child, real as served:
            await ground.until(lambda: answers_ready(port), bare_child, 30)
            for number in range(ROUNDS + 1):
                rates = []
                for asked in (served.port, port):
                    report = await place(ground, asked, key, clients, SECONDS if number else 1.0)
                    rates.append(report["answered"] / report["seconds"])
                    busiest = max(busiest, report["client_busy"])
                if number:  # the first round only warms both up
                    measured.add(rates[0], rates[1])
    measured.note = f"the client kept at most {busiest:.2f} of a core busy"
    return {f"place-order-{clients}": measured}


async def place(
    ground: Ground, port: int, key: str, clients: int, seconds: float, *, read: str | None = None, **options: float
) -> dict[str, Any]:
    """One run of the load client, which places orders or reads the path ``read``.

    RuntimeError if anything was answered other than 201 or, to a read, 200.
    """
    more = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    more += [] if read is None else [f"--read={read}"]
    arguments = (f"--port={port}", f"--key={key}", f"--clients={clients}", f"--seconds={seconds}", *more)
    report = await ground.ask("load", ("tests.bench.programs.load_client", *arguments), seconds + 60)
    if set(report["statuses"]) != {"201" if read is None else "200"}:
        raise RuntimeError(f"answers by status: {report['statuses']}")
    return dict(report)


for _clients in (1, 8, 32):
    REGISTRY.add(
        partial(place_orders, clients=_clients),
        Row(
            f"place-order-{_clients}",
            f"POST /v1/orders: auth, validation, idempotency and outbox, {_clients} clients, one process (role api);"
            " floor: FastAPI + asyncpg with one INSERT, one process",
            "orders/s",
            at_least(0.7) if _clients > 1 else None,
        ),
    )
