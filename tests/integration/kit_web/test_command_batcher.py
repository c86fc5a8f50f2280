"""The command batcher when connections break, callers go, and errors pass by themselves."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.commands.errors import CommandNotCarriedOut, OutcomeUnknown
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.database import Database

pytestmark = pytest.mark.postgres

INSERT = text(
    "INSERT INTO applied (event_id, name, key, sequence)"
    " SELECT id, 'n', 'k', 1 FROM unnest(CAST(:ids AS text[])) AS t(id)"
)


class Refused(Exception):
    """What a use case answers for a command that it does not carry out."""


class LosesTheAnswer(Database):
    """Commits, and then behaves as if the connection broke before the server's answer arrived."""

    losses = 1

    @asynccontextmanager
    async def begin(self):
        async with super().begin() as transaction:
            yield transaction
        if transaction.committed and self.losses:
            self.losses -= 1
            raise ConnectionResetError("the answer to COMMIT was lost")


def batcher(database, use_case, **options) -> CommandBatcher[Any, Any]:
    return CommandBatcher.on(SqlUnitOfWorkFactory(database, SqlUnitOfWork), use_case, **options)


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


async def insert(uow, commands):
    await uow.connection.execute(INSERT, {"ids": list(commands)})
    return list(commands)


async def count(database: Database) -> int:
    async with database.reading() as connection:
        return (await connection.execute(text("SELECT count(*) FROM applied"))).scalar_one()


async def test_a_lost_answer_to_a_commit_is_found_again_by_the_key(losing, database):
    submitted = await batcher(losing, insert).submit("a", claim("k"))
    assert (submitted.replayed, submitted.resource_id) == (True, "resource-k")
    assert await count(database) == 1


async def test_without_a_key_a_lost_answer_is_told_and_the_command_is_not_run_twice(losing, database):
    with pytest.raises(OutcomeUnknown):
        await batcher(losing, insert).submit("a")
    assert await count(database) == 1


async def test_a_transient_error_is_tried_again_and_leaves_one_effect(database):
    attempts = 0

    async def deadlocked_once(uow, commands):
        nonlocal attempts
        attempts += 1
        results = await insert(uow, commands)
        if attempts == 1:
            await uow.connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
        return results

    submitted = await batcher(database, deadlocked_once).submit("a", claim("k"))
    assert (attempts, submitted.replayed) == (2, False)
    assert await count(database) == 1


async def test_an_error_that_stays_transient_is_given_up_and_said_so(database):
    async def never(uow, commands):
        raise ConnectionRefusedError

    with pytest.raises(CommandNotCarriedOut):
        await batcher(database, never).submit("a")


async def test_a_caller_that_left_before_its_turn_is_not_carried_out(database):
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(uow, commands):
        running.set()
        await go_on.wait()
        return await insert(uow, commands)

    commands = batcher(database, slowly)
    first = asyncio.create_task(commands.submit("first"))
    await running.wait()
    leaving = asyncio.create_task(commands.submit("left"))
    staying = asyncio.create_task(commands.submit("stays"))
    await asyncio.sleep(0)
    leaving.cancel()
    go_on.set()
    await asyncio.gather(first, staying)
    assert await count(database) == 2


async def test_a_caller_that_leaves_during_its_batch_does_not_disturb_the_others(database):
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(uow, commands):
        running.set()
        await go_on.wait()
        return await insert(uow, commands)

    commands = batcher(database, slowly)
    tasks = [asyncio.create_task(commands.submit(name, claim(name))) for name in "abc"]
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

    async def record(uow, commands):
        batches.append(len(commands))
        running.set()
        await go_on.wait()
        return await insert(uow, commands)

    commands = batcher(database, record, max_batch=8)
    first = asyncio.create_task(commands.submit("0"))
    await running.wait()
    others = [asyncio.create_task(commands.submit(str(i))) for i in range(1, 18)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, *others)
    assert batches == [1, 8, 8, 1]


async def test_a_refusal_is_shared_by_whoever_repeats_it_in_the_same_batch_and_leaves_no_key(database):
    async def refuse(uow, commands):
        return [Refused("no") for _ in commands]

    commands = batcher(database, refuse)
    outcomes = await asyncio.gather(*(commands.submit(i, claim("k")) for i in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Refused] * 5
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM idempotency_record"))).scalar_one() == 0


async def test_a_shared_refusal_keeps_its_data_however_its_class_is_made(database):
    class Taken(Exception):
        def __init__(self, name, *, holder):
            super().__init__(f"{name} is taken")
            self.holder = holder

    async def refuse(uow, commands):
        return [Taken(command, holder="other") for command in commands]

    commands = batcher(database, refuse)
    refusals: list[Any] = await asyncio.gather(
        *(commands.submit("a", claim("k")) for _ in range(3)), return_exceptions=True
    )
    assert [(type(refusal), str(refusal), refusal.holder) for refusal in refusals] == [
        (Taken, "a is taken", "other")
    ] * 3
    assert len({id(refusal) for refusal in refusals}) == 3, "each caller raises an exception of its own"


async def test_a_refusal_that_is_raised_fails_the_command_at_fault_only(database):
    async def strict(uow, commands):
        if "bad" in commands:
            raise Refused("bad")
        return await insert(uow, commands)

    commands = batcher(database, strict)
    outcomes = await asyncio.gather(*(commands.submit(name) for name in ["a", "bad", "b"]), return_exceptions=True)
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, True, False]
    assert await count(database) == 2


async def test_after_an_unknown_outcome_no_later_error_runs_a_command_without_a_key_again(database):
    class BreaksBeforeCommit(Database):
        breaks = 1

        @asynccontextmanager
        async def begin(self):
            async with super().begin() as transaction:
                if self.breaks:
                    self.breaks -= 1
                    setattr(transaction, "commit", self.lost)  # noqa: B010 - a method that is taken away
                yield transaction

        async def lost(self):
            raise ConnectionResetError("lost before COMMIT was sent, which the caller cannot know")

    runs = []

    async def fails_the_second_time(uow, commands):
        runs.append(list(commands))
        if len(runs) > 1:
            raise ValueError("a defect")
        return await insert(uow, commands)

    breaking = BreaksBeforeCommit(database.engine.url.render_as_string(hide_password=False))
    commands = batcher(breaking, fails_the_second_time)
    outcomes = await asyncio.gather(commands.submit("a"), commands.submit("b", claim("k")), return_exceptions=True)
    await breaking.close()
    assert isinstance(outcomes[0], OutcomeUnknown)
    assert isinstance(outcomes[1], ValueError)
    assert runs == [["a", "b"], ["b"], ["b"]]


async def test_a_wrong_number_of_results_is_an_error_and_commits_nothing(database):
    async def forgetful(uow, commands):
        await insert(uow, commands)
        return []

    with pytest.raises(RuntimeError, match="0 results for 1"):
        await batcher(database, forgetful).submit("a")
    assert await count(database) == 0
