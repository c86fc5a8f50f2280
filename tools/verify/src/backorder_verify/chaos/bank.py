"""The payment simulator as the clients of a run see it: cards are stored there, and its books are the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx

_PAGE = 100


class ChaosBank:
    """A client of the payment simulator, which is not killed: it is somebody else's system."""

    def __init__(self, url: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(base_url=url, auth=(key, ""), timeout=20, trust_env=False, transport=transport)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def store_card(self, card: str) -> str:
        """Store a test card as a customer's browser does; the token to pay with."""
        setup = await self._post("/v1/setup_intents", {"usage": "off_session"})
        await self._post(f"/v1/setup_intents/{setup['id']}/confirm", {"payment_method": card})
        return str(setup["id"])

    async def books(self) -> dict[str, tuple[int, int]]:
        """Payment id → what was taken and not given back, and what is held; only payments of which something is."""
        taken: Counter[str] = Counter()
        held: Counter[str] = Counter()
        owners: dict[str, str] = {}
        async for intent in self._all("payment_intents"):
            payment_id = owners[intent["id"]] = intent["metadata"]["payment_id"]
            taken[payment_id] += intent["amount_received"]
            held[payment_id] += intent["amount_capturable"]
        async for refund in self._all("refunds"):
            if refund["status"] == "succeeded":
                taken[owners[refund["payment_intent"]]] -= refund["amount"]
        return {one: (taken[one], held[one]) for one in sorted(taken) if taken[one] or held[one]}

    async def _all(self, kind: str) -> AsyncIterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            response = await self._http.get(f"/v1/{kind}", params={"limit": str(_PAGE), **after})
            response.raise_for_status()
            page = response.json()
            for one in page["data"]:
                yield one
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    async def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        response = await self._http.post(path, data=form)
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document
