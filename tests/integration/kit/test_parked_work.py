"""What background tasks set aside, what troubles workers, and how an operator learns of both."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service_kit.hosting.service import Service
from service_kit.http.api_keys import Keyring
from service_kit.http.app import create_app, create_ops_app
from service_kit.persistence.database import Database
from service_kit.persistence.parked_work import FIRST_PAUSE, LONGEST_PAUSE, PARKED_WORK, ParkedWork, SetAside
from service_kit.persistence.worker_troubles import WorkerTroubles
from service_kit.runtime.settings import Role
from service_kit.testing.sample.service import GROUP, MODULE, subscription
from service_kit.testing.sample.worker import SampleSettings

pytestmark = pytest.mark.postgres

FAULT = ValueError("\x00 cannot \ud800 be told")


def service_of(database: Database, keyring: Path, role: Role = "api") -> Service:
    settings = SampleSettings(
        database_url=database.url, kafka_bootstrap="unused:1", keyring_path=keyring, rate_limit="", role=role
    )
    service = Service(name=GROUP, settings=settings, database=database, subscription=subscription(), migrations=MODULE)
    service.health.started = True
    return service


@pytest.fixture
async def operator(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    secret, _ = Keyring(tmp_path / "keys.json").create_key("operator", ["ops"])
    transport = httpx.ASGITransport(create_app(service_of(database, tmp_path / "keys.json")))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sample", headers=headers) as client:
        yield client


async def test_what_is_set_aside_waits_ever_longer_until_somebody_asks_for_it(database: Database) -> None:
    parked = ParkedWork(database)
    pauses = []
    for _ in range(12):
        await parked.park("sweep", "A", FAULT)
        [item] = await parked.list_items()
        assert await parked.set_aside("sweep") == SetAside(frozenset({"A"}), frozenset())
        async with database.reading() as conn:
            row = await conn.exec_driver_sql(
                "SELECT extract(epoch FROM next_attempt_at - now())::float8 FROM parked_work"
            )
            pauses.append(row.scalar_one())
    assert item.attempts == 12
    assert 0.5 * FIRST_PAUSE < pauses[0] < 1.5 * FIRST_PAUSE
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE, rel=0.01)
    assert await parked.set_aside("other") == SetAside(frozenset(), frozenset())
    assert await parked.retry("sweep", "A") == 1
    assert await parked.set_aside("sweep") == SetAside(frozenset(), frozenset({"A"}))
    await parked.release("sweep", {"A", "B"})
    assert await parked.list_items() == []


async def test_of_much_that_is_due_the_first_hundred_come_first(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.exec_driver_sql(
            "INSERT INTO parked_work (task, item, error, attempts, next_attempt_at)"
            " SELECT 'sweep', to_char(n, 'FM000'), '', 1, now() - make_interval(secs => 1000 - n)"
            " FROM generate_series(1, 120) n"
        )
    parked = ParkedWork(database)
    await parked.park("sweep", "later", FAULT)
    held, due = await parked.set_aside("sweep")
    assert due == {f"{number:03}" for number in range(1, 101)}
    assert held == {"later", *(f"{number:03}" for number in range(101, 121))}
    await parked.release("sweep", due)
    assert (await parked.set_aside("sweep")).due == held - {"later"}


async def test_the_metric_counts_what_is_set_aside_and_forgets_what_no_longer_is(database: Database) -> None:
    parked = ParkedWork(database)
    for item in "AB":
        await parked.park("sweep", item, FAULT)
    assert PARKED_WORK.labels("sweep")._value.get() == 2
    await parked.release("sweep", {"A", "B"})
    assert PARKED_WORK.labels("sweep")._value.get() == 0


async def test_an_operator_sees_parked_work_page_by_page_and_has_it_tried_again(
    operator: httpx.AsyncClient, database: Database
) -> None:
    for task, item in (("one", "A"), ("one", "B/c d"), ("two", "A")):
        await ParkedWork(database).park(task, item, FAULT)
    first = (await operator.get("/v1/parked-work", params={"limit": 2})).json()
    assert [(one["task"], one["item"], one["attempts"]) for one in first["data"]] == [
        ("one", "A", 1),
        ("one", "B/c d", 1),
    ]
    assert "cannot" in first["data"][0]["error"]
    rest = (await operator.get("/v1/parked-work", params={"cursor": first["next_cursor"]})).json()
    assert [(one["task"], one["item"]) for one in rest["data"]] == [("two", "A")]
    told = await operator.post("/v1/parked-work/retry", params={"task": "one", "item": "B/c d"})
    assert (told.status_code, told.json()) == (200, {"due": 1})
    assert (await ParkedWork(database).set_aside("one")).due == {"B/c d"}
    assert (await operator.post("/v1/parked-work/retry")).json() == {"due": 3}
    for unknown in ({"task": "three"}, {"task": "one", "item": "Z"}, {"item": "\x00"}):
        assert (await operator.post("/v1/parked-work/retry", params=unknown)).status_code == 404
    del operator.headers["Authorization"]
    assert (await operator.get("/v1/parked-work")).status_code == 401


@pytest.mark.parametrize("role", ["api", "worker", "all"])
async def test_readiness_warns_in_every_role_of_what_is_set_aside_and_of_workers_in_trouble(
    database: Database, tmp_path: Path, role: Role
) -> None:
    told: list[httpx.Response] = []

    async def ready() -> httpx.Response:
        # A service of its own each time: what it read is remembered for a second.
        service = service_of(database, tmp_path / "keys.json", role)
        for app in (create_app(service), create_ops_app(service)):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as client:
                told.append(await client.get("/readyz"))
        assert told[-2].status_code == told[-1].status_code
        assert told[-2].json()["status"] == told[-1].json()["status"]
        return told[-1]

    assert (await ready()).json() == {"status": "pass", "serviceId": GROUP}
    worker = WorkerTroubles(database, "w1")
    await worker.tell({"consumer": "is off", "relay": "failed 3 times"})
    await ParkedWork(database).park("sweep", "A", FAULT)
    warned = await ready()
    assert (warned.status_code, warned.json()["status"]) == (200, "warn")
    assert warned.json()["checks"]["workers"] == [{"status": "warn", "output": "consumer is off; relay failed 3 times"}]
    assert "1 items" in warned.json()["checks"]["parked"][0]["output"]
    await worker.tell({"relay": "failed 4 times"})
    assert (await ready()).json()["checks"]["workers"][0]["output"] == "relay failed 4 times"
    await worker.tell({})
    await ParkedWork(database).release("sweep", {"A"})
    assert (await ready()).json()["status"] == "pass"


async def test_what_is_set_aside_is_counted_only_as_far_as_it_matters(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as conn:
        await conn.exec_driver_sql(
            "INSERT INTO parked_work (task, item, error, attempts, next_attempt_at)"
            " SELECT 'sweep', n::text, '', 1, now() FROM generate_series(1, 1001) n"
        )
        await conn.exec_driver_sql(
            "INSERT INTO parked_key (consumer, topic, key, error)"
            " SELECT 'sample', 'orders', n::text, '' FROM generate_series(1, 999) n"
        )
    app = create_ops_app(service_of(database, tmp_path / "keys.json"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as client:
        [told] = (await client.get("/readyz")).json()["checks"]["parked"]
    assert "999 keys" in told["output"]
    assert "1000 or more items" in told["output"]


async def test_the_trouble_that_began_first_is_told_first_and_many_who_ask_read_once(database: Database) -> None:
    first, second = WorkerTroubles(database, "w1"), WorkerTroubles(database, "w2")
    await first.tell({"relay": "failed once"})
    await second.tell({"consumer": "is off"})
    await first.tell({"relay": "failed twice", "a sweep": "failed"})
    read = await asyncio.gather(*(second.read() for _ in range(20)))
    assert read[0].workers == ("relay failed twice", "consumer is off", "a sweep failed")
    assert all(one is read[0] for one in read)


async def test_the_troubles_of_a_worker_that_is_gone_are_not_told_for_ever(database: Database) -> None:
    await WorkerTroubles(database, "gone").tell({"relay": "failed"})
    async with database.transaction() as conn:
        await conn.exec_driver_sql("UPDATE worker_trouble SET seen_at = now() - interval '31 seconds'")
    assert (await WorkerTroubles(database, "other").read()).workers == ()
