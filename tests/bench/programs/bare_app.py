"""The floor of placing an order: FastAPI and asyncpg with nothing between, one INSERT an order.

Run with the port and the database's address; makes its table.
"""

from __future__ import annotations

import sys
from uuid import uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel


class Line(BaseModel):
    """What is ordered."""

    sku: str
    quantity: int


class NewOrder(BaseModel):
    """As much of an order as the one statement stores."""

    reference: str
    customer_id: str
    lines: list[Line]


app = FastAPI()


@app.post("/v1/orders", status_code=201)
async def place_order(order: NewOrder, request: Request) -> dict[str, str]:
    """Store it."""
    order_id = uuid4()
    lines = ",".join(line.model_dump_json() for line in order.lines)
    await request.app.state.pool.execute(
        "INSERT INTO bare_order (order_id, reference, customer_id, lines) VALUES ($1, $2, $3, $4)",
        order_id,
        order.reference,
        order.customer_id,
        f"[{lines}]",
    )
    return {"order_id": str(order_id)}


@app.get("/readyz")
async def ready() -> None:
    """Answers once it listens."""


async def main() -> None:
    """Serve as the services do: httptools, uvloop, no access log, ten connections."""
    port, url = int(sys.argv[1]), sys.argv[2]
    app.state.pool = await asyncpg.create_pool(url, min_size=10, max_size=10, server_settings={"jit": "off"})
    await app.state.pool.execute(
        "CREATE TABLE IF NOT EXISTS bare_order"
        " (order_id uuid PRIMARY KEY, reference text NOT NULL, customer_id text NOT NULL, lines jsonb NOT NULL)"
    )
    await uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, http="httptools", ws="none", lifespan="off", access_log=False)
    ).serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
