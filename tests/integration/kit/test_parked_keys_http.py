"""``/v1/parked-keys``: an operator looks, replays and discards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service_kit.hosting.service import Service
from service_kit.http.api_keys import Keyring
from service_kit.http.app import create_app
from service_kit.messaging.batch_processor import BatchProcessor
from service_kit.messaging.decoding import Incoming, read_record
from service_kit.messaging.event_log import Record
from service_kit.persistence.database import Database
from service_kit.testing.sample.service import GROUP, TYPES, SampleHandler, applied, order_event, subscription
from service_kit.testing.sample.worker import SampleSettings

pytestmark = pytest.mark.postgres


class Fickle:
    """Whether the handler fails just now."""

    sick = True


@pytest.fixture
def mood() -> Fickle:
    return Fickle()


@pytest.fixture
def handler(mood: Fickle) -> SampleHandler:
    return SampleHandler(dislikes=lambda event: mood.sick)


@pytest.fixture
async def operator(database: Database, handler: SampleHandler, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    keyring = Keyring(tmp_path / "keys.json")
    secret, _ = keyring.create_key("operator", ["ops"])
    settings = SampleSettings(
        database_url=database.url, kafka_bootstrap="unused:1", keyring_path=tmp_path / "keys.json", rate_limit=""
    )
    service = Service(name=GROUP, settings=settings, database=database, subscription=subscription(handler))
    transport = httpx.ASGITransport(create_app(service))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sample", headers=headers) as client:
        yield client


async def park(database: Database, handler: SampleHandler, *places: tuple[str, int]) -> None:
    batch: list[Incoming] = []
    for offset, (key, sequence) in enumerate(places):
        event = order_event(key, sequence)
        record = Record("orders", 0, offset, 0, key.encode(), event.value(), event.headers())
        incoming = read_record(record, TYPES)
        assert incoming is not None
        batch.append(incoming)
    await BatchProcessor(database, GROUP, subscription(handler).handle).process(batch, asyncio.Event())


async def test_parked_keys_are_listed_page_by_page(
    operator: httpx.AsyncClient, database: Database, handler: SampleHandler
) -> None:
    await park(database, handler, ("a", 1), ("b/c d", 1), ("a", 2), ("e", 1))
    first = await operator.get("/v1/parked-keys", params={"limit": 2})
    assert first.status_code == 200
    page = first.json()
    assert [(key["key"], key["events"]) for key in page["data"]] == [("a", 2), ("b/c d", 1)]
    assert page["data"][0]["error"] == "Poison: a/1"
    assert 'rel="next"' in first.headers["Link"]
    rest = (await operator.get("/v1/parked-keys", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [key["key"] for key in rest["data"]] == ["e"]
    assert rest["next_cursor"] is None


async def test_a_key_is_replayed_when_its_cause_is_gone(
    operator: httpx.AsyncClient, database: Database, handler: SampleHandler, mood: Fickle
) -> None:
    await park(database, handler, ("b/c d", 1), ("b/c d", 2))
    answer = await operator.post("/v1/parked-keys/b%2Fc%20d/replay")
    assert answer.json() == {"replayed": 0, "remaining": 2, "error": "Poison: b/c d/1"}
    mood.sick = False
    answer = await operator.post("/v1/parked-keys/b%2Fc%20d/replay")
    assert answer.json() == {"replayed": 2, "remaining": 0, "error": None}
    assert await applied(database) == {"b/c d": [1, 2]}
    assert (await operator.post("/v1/parked-keys/b%2Fc%20d/replay")).status_code == 404


async def test_one_event_of_a_key_is_discarded_and_the_rest_replayed(
    operator: httpx.AsyncClient, database: Database, handler: SampleHandler, mood: Fickle
) -> None:
    await park(database, handler, ("a", 1), ("a", 2))
    [key] = (await operator.get("/v1/parked-keys")).json()["data"]
    answer = await operator.post("/v1/parked-keys/a/discard", params={"event_id": key["event_id"]})
    assert answer.json() == {"discarded": 1}
    mood.sick = False
    assert (await operator.post("/v1/parked-keys/a/replay", params={"topic": "orders"})).json()["replayed"] == 1
    assert await applied(database) == {"a": [2]}


async def test_an_unknown_key_or_topic_is_not_found(
    operator: httpx.AsyncClient, database: Database, handler: SampleHandler
) -> None:
    await park(database, handler, ("a", 1))
    for path in ("nobody/replay", "a/replay?topic=inventory", "x%00/discard"):
        answer = await operator.post(f"/v1/parked-keys/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path


async def test_only_operators_may_look(operator: httpx.AsyncClient, tmp_path: Path) -> None:
    secret, _ = Keyring(tmp_path / "keys.json").create_key("shop", ["orders:read"])
    answer = await operator.get("/v1/parked-keys", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403
    assert (await operator.get("/v1/parked-keys", headers={"Authorization": ""})).status_code == 401


async def test_all_parked_keys_are_replayed_a_page_at_a_time(
    operator: httpx.AsyncClient, database: Database, handler: SampleHandler, mood: Fickle
) -> None:
    await park(database, handler, ("a", 1), ("b", 1), ("a", 2), ("c", 1))
    told = (await operator.post("/v1/parked-keys/replay", params={"limit": 2})).json()
    assert (told["replayed"], told["freed"], told["still_parked"]) == (0, 0, 2)
    mood.sick = False
    told = (await operator.post("/v1/parked-keys/replay", params={"limit": 2})).json()
    assert (told["replayed"], told["freed"], told["still_parked"]) == (3, 2, 0)
    told = (await operator.post("/v1/parked-keys/replay", params={"limit": 2, "cursor": told["next_cursor"]})).json()
    assert told == {"replayed": 1, "freed": 1, "still_parked": 0, "next_cursor": None}
    assert await applied(database) == {"a": [1, 2], "b": [1], "c": [1]}
