"""Idempotency-Key over HTTP: one effect whatever is repeated, wherever, whenever."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from service_kit.http.app import create_ops_app

pytestmark = pytest.mark.postgres


async def count(database, table="applied") -> int:
    async with database.reading() as connection:
        return (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


def post(app, name="a", key="k-1", **headers):
    return app.client.post("/v1/things", json={"name": name}, headers={"Idempotency-Key": key, **headers})


async def until_answered(app, **request):
    """As a client does it: repeat after Retry-After while the same request is under way elsewhere."""
    async with asyncio.timeout(20):
        while True:
            answer = await post(app, **request)
            if answer.status_code != 409:
                return answer
            assert answer.headers["Retry-After"] == "1"
            assert answer.json()["code"] == "idempotency_key_in_flight"


async def test_the_same_post_fifty_times_at_once_over_two_instances_has_one_effect(two_apps, database):
    answers = await asyncio.gather(*(until_answered(two_apps[i % 2]) for i in range(50)))
    assert await count(database) == 1
    assert await count(database, "idempotency_record") == 1
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


async def test_fifty_different_posts_at_once_share_few_commits(two_apps, database):
    app = two_apps[0]
    answers = await asyncio.gather(*(post(app, name=f"n{i}", key=f"k{i}") for i in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["name"] for answer in answers] == [f"n{i}" for i in range(50)]
    assert await count(database) == 50
    assert len(app.maker.batches) < 10


async def test_a_repeated_post_answers_with_the_first_status_and_the_resource_as_it_is_now(two_apps, database):
    first = await post(two_apps[0])
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE applied SET name = 'changed since'"))
    again = await post(two_apps[1])
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == {"thing_id": first.json()["thing_id"], "name": "changed since"}


async def test_a_quoted_key_is_the_same_key_as_a_bare_one(two_apps, database):
    await post(two_apps[0], key='"k-9"')
    assert (await post(two_apps[0], key="k-9")).headers["Idempotent-Replayed"] == "true"
    assert await count(database) == 1


async def test_another_body_under_a_used_key_is_refused(two_apps, database):
    await post(two_apps[0], name="a")
    other = await post(two_apps[1], name="b")
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"
    assert await count(database) == 1


async def test_another_body_under_the_same_key_at_the_same_moment_is_refused_too(two_apps, database):
    answers = await asyncio.gather(post(two_apps[0], name="a"), post(two_apps[0], name="b"))
    assert [answer.status_code for answer in answers] == [201, 422]
    assert await count(database) == 1


async def test_the_same_key_of_another_caller_is_another_key(two_apps, keyring, database):
    await post(two_apps[0])
    secret, _ = keyring.create_key("second", ["orders:write"])
    # The other instance has not read the keyring yet, so it knows the new key at once.
    second = await post(two_apps[1], Authorization=f"Bearer {secret}")
    assert second.status_code == 201
    assert "Idempotent-Replayed" not in second.headers
    assert await count(database) == 2


async def test_while_one_instance_works_on_a_key_the_other_answers_409_with_retry_after(two_apps, database):
    slow, other = two_apps
    slow.maker.gate = asyncio.Event()
    first = asyncio.create_task(post(slow))
    await slow.maker.entered.wait()
    meanwhile = await post(other)
    unrelated = await post(other, name="b", key="k-2")
    slow.maker.gate.set()
    assert (await first).status_code == 201
    assert meanwhile.status_code == 409
    assert meanwhile.headers["Retry-After"] == "1"
    assert unrelated.status_code == 201
    assert (await post(other)).headers["Idempotent-Replayed"] == "true"
    assert await count(database) == 2


async def test_a_failure_is_not_recorded_and_its_key_can_be_used_again(two_apps, database):
    refused = await post(two_apps[0], name="refused")
    assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    assert await count(database, "idempotency_record") == 0
    assert (await post(two_apps[0], name="now it works")).status_code == 201
    assert (await post(two_apps[0], name="defect", key="k-2")).status_code == 500
    assert await count(database, "idempotency_record") == 1


async def test_a_defect_in_one_command_does_not_fail_its_neighbours(two_apps, database):
    app = two_apps[0]
    names = ["a", "defect", "b", "refused", "c"]
    answers = await asyncio.gather(*(post(app, name=name, key=name) for name in names))
    assert [answer.status_code for answer in answers] == [201, 500, 201, 409, 201]
    assert await count(database) == 3


async def test_a_post_without_a_key_is_refused_before_anything_happens(two_apps, database):
    answer = await two_apps[0].client.post("/v1/things", json={"name": "a"})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert await count(database) == 0


async def test_ready_once_started_with_the_database_there_and_migrated(two_apps, database):
    service = two_apps[0].service
    # The ops port checks at each request; the public one remembers for a second.
    client = httpx.AsyncClient(transport=httpx.ASGITransport(create_ops_app(service)), base_url="http://ops")
    assert (await client.get("/readyz")).status_code == 503
    service.health.started = True
    assert (await two_apps[0].client.get("/readyz")).status_code == 200
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.headers["Content-Type"]) == (200, "application/health+json")
    async with database.transaction() as connection:
        head = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999_of_a_newer_version'"))
    assert (await client.get("/readyz")).status_code == 200
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
    behind = await client.get("/readyz")
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
    assert behind.status_code == 503
    assert list(behind.json()["checks"]) == ["migrations"]


_CHILD = Path(__file__).parent / "programs" / "submit_once.py"


def submit_in_a_process(database, failpoint: str | None = None) -> subprocess.CompletedProcess[str]:
    url = database.engine.url.render_as_string(hide_password=False)
    environment = {**os.environ, "BACKORDER_FAILPOINT": failpoint or ""}
    return subprocess.run(
        [sys.executable, str(_CHILD), url], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("failpoint", "left", "answer"), [
    ("before_db_commit", 0, "carried out"),
    ("after_db_commit", 1, "replayed"),
])  # fmt: skip
async def test_a_process_killed_around_its_commit_leaves_effect_and_key_together_or_neither(
    database, failpoint, left, answer
):
    killed = await asyncio.to_thread(submit_in_a_process, database, failpoint)
    assert killed.returncode == 137
    assert await count(database) == left
    assert await count(database, "idempotency_record") == left
    again = await asyncio.to_thread(submit_in_a_process, database)
    assert again.stdout.strip() == answer, again.stderr
    assert await count(database) == 1
