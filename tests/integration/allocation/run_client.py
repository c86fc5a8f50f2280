"""A client that makes and commits runs over HTTP, and a shop to make them in."""

from datetime import timedelta
from typing import Any

import httpx


class Client(httpx.AsyncClient):
    """A client that can also make and commit runs."""

    made = 0

    async def preview(self, *segments: dict[str, Any], **headers: str) -> dict[str, Any]:
        self.made += 1
        headers = {"Idempotency-Key": f"key {self.made}", **headers}
        answer = await self.post("/v1/runs", json={"name": "a run", "segments": segments}, headers=headers)
        assert answer.status_code == 201, answer.text
        run: dict[str, Any] = answer.json()
        assert run["status"] == "previewed", run
        return run

    async def lines(self, run: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        found, url = [], f"/v1/runs/{run['run_id']}/lines"
        page = await self.get(url, params={"limit": 3, **params})
        while True:
            assert page.status_code == 200, page.text
            found += page.json()["data"]
            if "next" not in page.links:
                return found
            page = await self.get(page.links["next"]["url"])

    async def commit(self, run: dict[str, Any]) -> httpx.Response:
        return await self.post(f"/v1/runs/{run['run_id']}/commit")


def segment(strategy: str, **asked: Any) -> dict[str, Any]:
    return {"name": strategy, "strategy": strategy, "filter": asked}


async def shop(world: Any) -> None:
    """Five units, granted first come first served; gold came last and waits."""
    await world.apply(world.sku("A"), world.stock("A", 5), world.inbound("A", "p", 10, world.now + timedelta(days=9)))
    for name, quantity, tier in (("old", 3, "standard"), ("mid", 3, "silver"), ("new", 4, "gold")):
        needed_by = (world.now + timedelta(days=5)).date() if tier == "gold" else None
        await world.apply(world.order(name, ("A", quantity), tier=tier, needed_by=needed_by)[1])
    assert await world.granted("old-1", "mid-1", "new-1") == [3, 2, 0]
