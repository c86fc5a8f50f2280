"""The service on PostgreSQL with its API, a mail server and merchants' endpoints; time stands still."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text
from tests.integration.notification.servers import MailCatcher
from tests.scenario import take_outbox
from tests.unit.notification.scenario import Scenario

from event_contracts import Event
from service_kit.hosting.service import Service
from service_kit.persistence.database import Database


@dataclass
class World(Scenario):
    """The use cases of a scenario, and what callers of the API do."""

    service: Service
    client: httpx.AsyncClient
    keys: dict[str, str]
    database: Database
    catcher: MailCatcher
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def apply(self, *events: Event) -> None:
        """Handle the events as the consumer does: in one transaction."""
        assert self.service.subscription is not None
        async with self.database.transaction() as conn:
            await self.service.subscription.handle(conn, events)

    async def contact(self, contact_id: str = "c1", **body: Any) -> httpx.Response:
        """Store a contact by the API."""
        given = {"email": f"{contact_id}@example.com", "locale": "en-GB", "time_zone": "Europe/London", **body}
        return await self.client.put(f"/v1/contacts/{contact_id}", json=given)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"key-{next(self.numbers)}"}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        response = await self.client.get(path, params=params)
        assert response.status_code == status, response.text
        return response.json()

    async def new_endpoint(self, url: str, *types: str) -> Any:
        """Create a webhook endpoint by the API."""
        response = await self.post("/v1/webhook-endpoints", {"url": url, "event_types": list(types)})
        assert response.status_code == 201, response.text
        return response.json()

    async def notifications(self, order_id: str = "o1") -> list[Any]:
        """The order's notifications as the API lists them."""
        data: list[Any] = (await self.get("/v1/notifications", order_id=order_id))["data"]
        return data

    async def published(self) -> list[Event]:
        """What was published since the last call."""
        return await take_outbox(self.database)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.reading() as conn:
            return list((await conn.execute(text(statement), values)).all())
