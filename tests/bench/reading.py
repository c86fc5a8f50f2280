"""What a merchandiser reads of a queue in which a million lines wait, against one in which ten do."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx
from sqlalchemy import text
from tests.bench.allocating import warehouse
from tests.bench.figures import Measured, Row
from tests.bench.ground import Ground
from tests.bench.ordering import UNLIMITED
from tests.bench.registry import REGISTRY
from tests.bench.waiting import Warehouse

LINES, FEW = 1_000_000, 10
ROUNDS = 15
_LAST = text("SELECT line_id FROM queue_entry WHERE sku = :sku ORDER BY queued_at DESC, line_id DESC LIMIT 1")
_WHAT = "{}, in the queue of a SKU with 1,000,000 waiting lines, over HTTP; floor: with 10 waiting"


@REGISTRY.measures(
    Row("queue-page-1m", _WHAT.format("the first ten places"), "ms"),
    Row("why-1m", _WHAT.format("why the very last waits, its place counted"), "ms"),
)
async def reading(ground: Ground) -> Mapping[str, Measured]:
    """One request after the other, by turns."""
    page, why = Measured(), Measured()
    async with warehouse(ground) as house:
        await house.queue("short", FEW)
        await house.queue("long", LINES)
        key = ground.api_key("backorders:read", "decisions:read")
        async with (
            ground.service("allocation", house.database, role="api", rate_limit=UNLIMITED) as served,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{served.port}", headers={"Authorization": f"Bearer {key}"}, timeout=60
            ) as client,
        ):
            paths = {
                sku: (f"/v1/backorders?sku={sku}&limit=10", f"/v1/demands/{await _last(house, sku)}/why")
                for sku in ("long", "short")
            }
            for number in range(ROUNDS + 1):
                pages = [await _ask(client, paths[sku][0]) for sku in ("long", "short")]
                whys = [await _ask(client, paths[sku][1]) for sku in ("long", "short")]
                if number:  # the first round only warms up
                    page.add(*pages)
                    why.add(*whys)
    return {"queue-page-1m": page, "why-1m": why}


async def _last(house: Warehouse, sku: str) -> str:
    async with house.database.reading() as conn:
        return str((await conn.execute(_LAST, {"sku": sku})).scalar_one())


async def _ask(client: httpx.AsyncClient, path: str) -> float:
    """Milliseconds until it is answered. RuntimeError if it is refused."""
    began = time.perf_counter()
    answer = await client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.text}")
    return 1000 * (time.perf_counter() - began)
