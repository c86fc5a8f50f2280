"""The simulator says that it is ready."""

from __future__ import annotations

import httpx

from backorder_payment_simulator.app import create_app


async def test_it_says_that_it_is_ready() -> None:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "pass"})
