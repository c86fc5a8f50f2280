"""The command bus when connections break, callers go, and errors pass by themselves."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.http.problems import Problem
from service_kit.persistence.database import Database

pytestmark = pytest.mark.postgres

INSERT = text(
    "INSERT INTO applied (event_id, name, key, sequence)"
    " SELECT id, 'n', 'k', 1 FROM unnest(CAST(:ids AS text[])) AS t(id)"
)


class LosesTheAnswer(Database):
    """Commits, and then behaves as if the connection broke before the server's answer arrived."""

    losses = 1

    @asynccontextmanager
    async def transaction(self):
        async with super().transaction() as connection:
            yield connection
        if self.losses:
            self.losses -= 1
            raise ConnectionResetError("the answer to COMMIT was lost")


def claim(key: str, body: bytes = b"body") -> IdempotencyClaim:
    return IdempotencyClaim("me", "make", key, body, f"resource-{key}")


@pytest.fixture
async def database(service_database) -> Database:
    return await service_database("service_kit.testing.sample")


@pytest.fixture
async def losing(database):
    losing = LosesTheAnswer(database.engine.url.render_as_string(hide_password=False))
    yield losing
    await losing.close()


async def insert(connection, commands):
    await connection.execute(INSERT, {"ids": list(commands)})
    return list(commands)


async def count(database: Database) -> int:
    async with database.reading() as connection:
        return (await connection.execute(text("SELECT count(*) FROM applied"))).scalar_one()


async def test_a_lost_answer_to_a_commit_is_found_again_by_the_key(losing, database):
    submitted = await CommandBatcher(losing, insert).submit("a", claim("k"))
    assert (submitted.replayed, submitted.resource_id) == (True, "resource-k")
    assert await count(database) == 1


async def test_without_a_key_a_lost_answer_is_told_and_the_command_is_not_run_twice(losing, database):
    with pytest.raises(Problem) as failure:
        await CommandBatcher(losing, insert).submit("a")
    assert (failure.value.status, failure.value.code) == (503, "outcome_unknown")
    assert await count(database) == 1


async def test_a_transient_error_is_tried_again_and_leaves_one_effect(database):
    attempts = 0

    async def deadlocked_once(connection, commands):
        nonlocal attempts
        attempts += 1
        results = await insert(connection, commands)
        if attempts == 1:
            await connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
        return results

    submitted = await CommandBatcher(database, deadlocked_once).submit("a", claim("k"))
    assert (attempts, submitted.replayed) == (2, False)
    assert await count(database) == 1


async def test_an_error_that_stays_transient_ends_in_503_with_retry_after(database):
    async def never(connection, commands):
        raise ConnectionRefusedError

    with pytest.raises(Problem) as failure:
        await CommandBatcher(database, never).submit("a")
    assert failure.value.status == 503
    assert failure.value.headers["Retry-After"] == "1"


async def test_a_caller_that_left_before_its_turn_is_not_carried_out(database):
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection, commands):
        running.set()
        await go_on.wait()
        return await insert(connection, commands)

    bus = CommandBatcher(database, slowly)
    first = asyncio.create_task(bus.submit("first"))
    await running.wait()
    leaving = asyncio.create_task(bus.submit("left"))
    staying = asyncio.create_task(bus.submit("stays"))
    await asyncio.sleep(0)
    leaving.cancel()
    go_on.set()
    await asyncio.gather(first, staying)
    assert await count(database) == 2


async def test_a_caller_that_leaves_during_its_batch_does_not_disturb_the_others(database):
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection, commands):
        running.set()
        await go_on.wait()
        return await insert(connection, commands)

    bus = CommandBatcher(database, slowly)
    tasks = [asyncio.create_task(bus.submit(name, claim(name))) for name in "abc"]
    await running.wait()
    tasks[0].cancel()
    go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert [getattr(outcome, "result", outcome) for outcome in outcomes[1:]] == ["b", "c"]
    assert await count(database) == 3


async def test_commands_that_arrive_during_a_commit_share_the_next_one(database):
    batches = []
    running, go_on = asyncio.Event(), asyncio.Event()

    async def record(connection, commands):
        batches.append(len(commands))
        running.set()
        await go_on.wait()
        return await insert(connection, commands)

    bus = CommandBatcher(database, record, max_batch=8)
    first = asyncio.create_task(bus.submit("0"))
    await running.wait()
    others = [asyncio.create_task(bus.submit(str(i))) for i in range(1, 18)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, *others)
    assert batches == [1, 8, 8, 1]


async def test_a_refusal_is_shared_by_whoever_repeats_it_in_the_same_batch_and_leaves_no_key(database):
    async def refuse(connection, commands):
        return [Problem(409, "no", "No") for _ in commands]

    bus = CommandBatcher(database, refuse)
    outcomes = await asyncio.gather(*(bus.submit(i, claim("k")) for i in range(5)), return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["no"] * 5
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM idempotency_record"))).scalar_one() == 0


async def test_a_problem_that_is_raised_fails_the_command_at_fault_only(database):
    async def strict(connection, commands):
        if "bad" in commands:
            raise Problem(409, "bad", "Bad")
        return await insert(connection, commands)

    bus = CommandBatcher(database, strict)
    outcomes = await asyncio.gather(*(bus.submit(name) for name in ["a", "bad", "b"]), return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [None, "bad", None]
    assert await count(database) == 2


async def test_after_an_unknown_outcome_no_later_error_runs_a_command_without_a_key_again(database):
    class BreaksBeforeCommit(Database):
        breaks = 1

        @asynccontextmanager
        async def transaction(self):
            async with super().transaction() as connection:
                yield connection
                if self.breaks:
                    self.breaks -= 1
                    raise ConnectionResetError("lost before COMMIT was sent, which the caller cannot know")

    runs = []

    async def fails_the_second_time(connection, commands):
        runs.append(list(commands))
        if len(runs) > 1:
            raise ValueError("a defect")
        return await insert(connection, commands)

    breaking = BreaksBeforeCommit(database.engine.url.render_as_string(hide_password=False))
    bus = CommandBatcher(breaking, fails_the_second_time)
    outcomes = await asyncio.gather(bus.submit("a"), bus.submit("b", claim("k")), return_exceptions=True)
    await breaking.close()
    assert getattr(outcomes[0], "code", None) == "outcome_unknown"
    assert isinstance(outcomes[1], ValueError)
    assert runs == [["a", "b"], ["b"], ["b"]]


async def test_a_wrong_number_of_results_is_an_error_and_commits_nothing(database):
    async def forgetful(connection, commands):
        await insert(connection, commands)
        return []

    with pytest.raises(RuntimeError, match="0 results for 1"):
        await CommandBatcher(database, forgetful).submit("a")
    assert await count(database) == 0
