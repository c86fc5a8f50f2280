"""Commands whose claims, effects and events are one statement."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from order_service.adapters.single_statement import (
    CLAIMS,
    OUTCOMES,
    RECORDED,
    SENT,
    SingleStatementAttempt,
    claim_parameters,
    event_parameters,
    lost_race,
    outcomes_of,
)
from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.commands.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, OutcomeUnknown
from service_kit.commands.idempotency import Claimed
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.database import Autocommit, Database
from service_kit.persistence.statements import Statement

pytestmark = pytest.mark.postgres

APPLY = Statement(
    f"""
    WITH {CLAIMS}, made AS (
        INSERT INTO applied (event_id, name, key, sequence)
        SELECT id, 'n', 'k', 1 FROM unnest(CAST(:ids AS text[])) AS t (id)
        WHERE id NOT IN (SELECT resource_id FROM refused)
        RETURNING event_id AS resource_id
    ), {RECORDED}, {SENT}
    {OUTCOMES}
    """
)


class LosesTheAnswer(Database):
    """Carries out, and then behaves as if the connection broke before the server's answer arrived."""

    losses = 1

    def autocommit(self):
        return Losing(self)


class Losing(Autocommit):
    def __init__(self, database):
        super().__init__(database)
        self._losing = database

    @asynccontextmanager
    async def statement(self):
        async with super().statement() as connection:
            yield connection
            if self._losing.losses:
                self._losing.losses -= 1
                raise ConnectionResetError("the answer was lost")


def in_one_statement(database, carry_out) -> CommandBatcher[Any, Any]:
    return CommandBatcher(SingleStatementAttempt(database, carry_out))


def batching(database, use_case) -> CommandBatcher[Any, Any]:
    return CommandBatcher.on(SqlUnitOfWorkFactory(database, SqlUnitOfWork), use_case)


def claim(resource: str, key: str, body: bytes = b"body") -> IdempotencyClaim:
    return IdempotencyClaim("me", "make", key, body, resource)


async def apply(connection, commands, claims):
    """A command is the id of what it makes; each sends an event."""
    events = [(f"event-{name}", "topic", name, b"[]", b"{}") for name in commands]
    given = [each for each in claims if each is not None]
    rows = await APPLY.rows(
        connection.driver, {"ids": list(commands), **claim_parameters(given), **event_parameters(events)}
    )
    connection.outbox_written = True
    found = outcomes_of(rows)
    return [name if found[name] is Claimed.NEW else found[name] for name in commands]


@pytest.fixture
async def database(service_database) -> Database:
    return await service_database("service_kit.testing.sample")


@pytest.fixture
async def losing(database):
    losing = LosesTheAnswer(database.engine.url.render_as_string(hide_password=False))
    yield losing
    await losing.close()


async def made(database: Database) -> tuple[int, int, int]:
    """Effects, events, keys."""
    async with database.reading() as connection:
        counts = [
            (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for table in ("applied", "outbox", "idempotency_record")
        ]
    return counts[0], counts[1], counts[2]


async def test_a_batch_makes_effects_events_and_keys_and_wakes_the_relay(database):
    batcher = in_one_statement(database, apply)
    outcomes: list[Any] = await asyncio.gather(
        batcher.submit("a", claim("a", "1")), batcher.submit("b"), batcher.submit("c", claim("c", "3"))
    )
    assert [(each.result, each.replayed) for each in outcomes] == [("a", False), ("b", False), ("c", False)]
    assert await made(database) == (3, 3, 2)
    assert database.outbox_written.is_set()


async def test_a_key_that_is_recorded_repeats_its_answer_and_refuses_another_body(database):
    batcher = in_one_statement(database, apply)
    await batcher.submit("a", claim("a", "1"))
    outcomes: list[Any] = await asyncio.gather(
        batcher.submit("b", claim("b", "1")),
        batcher.submit("c", claim("c", "2")),
        in_one_statement(database, apply).submit("d", claim("d", "1", b"other")),
        return_exceptions=True,
    )
    assert (outcomes[0].replayed, outcomes[0].resource_id) == (True, "a")
    assert (outcomes[1].replayed, outcomes[1].result) == (False, "c")
    assert isinstance(outcomes[2], IdempotencyKeyReused)
    assert await made(database) == (2, 2, 2)


async def test_a_key_that_another_process_works_on_is_in_flight_and_does_not_hold_up_its_batch(database):
    batcher, entered, leave = in_one_statement(database, apply), asyncio.Event(), asyncio.Event()

    async def slowly(uow, commands):
        entered.set()
        await leave.wait()
        return commands

    elsewhere = asyncio.create_task(batching(database, slowly).submit("x", claim("x", "1")))
    await entered.wait()
    outcomes: list[Any] = await asyncio.gather(
        batcher.submit("a", claim("a", "1")), batcher.submit("b", claim("b", "2")), return_exceptions=True
    )
    leave.set()
    await elsewhere
    assert isinstance(outcomes[0], IdempotencyKeyInFlight)
    assert outcomes[1].result == "b"
    assert await made(database) == (1, 1, 2)


async def test_a_key_recorded_after_the_statements_snapshot_undoes_it_and_is_found_by_the_next_try(database):
    errors: list[BaseException] = []

    async def late(connection, commands, claims):
        if errors:
            return await apply(connection, commands, claims)
        async with connection.driver.transaction(isolation="repeatable_read"):
            await connection.driver.fetch("SELECT 1 FROM applied")  # the snapshot
            await in_one_statement(database, apply).submit("first", claim("first", "1"))
            try:
                return await apply(connection, commands, claims)
            except asyncpg.UniqueViolationError as error:
                errors.append(error)
                raise

    submitted = await in_one_statement(database, late).submit("second", claim("second", "1"))
    assert [lost_race(error) for error in errors] == [True]
    assert (submitted.replayed, submitted.resource_id) == (True, "first")
    assert await made(database) == (1, 1, 1)


async def test_a_lost_answer_is_found_again_by_the_key(losing, database):
    submitted = await in_one_statement(losing, apply).submit("a", claim("a", "1"))
    assert (submitted.replayed, submitted.resource_id) == (True, "a")
    assert await made(database) == (1, 1, 1)


async def test_without_a_key_a_lost_answer_is_told_and_nothing_is_made_twice(losing, database):
    with pytest.raises(OutcomeUnknown):
        await in_one_statement(losing, apply).submit("a")
    assert await made(database) == (1, 1, 0)


async def test_a_command_that_breaks_the_statement_fails_alone(database):
    batcher = in_one_statement(database, apply)
    outcomes: list[Any] = await asyncio.gather(*map(batcher.submit, ["a", "unstorable\0", "c"]), return_exceptions=True)
    assert [getattr(each, "result", None) for each in outcomes] == ["a", None, "c"]
    assert isinstance(outcomes[1], asyncpg.CharacterNotInRepertoireError)
    assert await made(database) == (2, 2, 0)


class Slow(Autocommit):
    """Takes its time to give the connection back."""

    def __init__(self, database):
        super().__init__(database)
        self.giving_back, self.go_on = asyncio.Event(), asyncio.Event()

    async def give_back(self):
        self.giving_back.set()
        await self.go_on.wait()
        await super().give_back()


async def test_what_comes_while_the_connection_is_given_back_is_carried_out(database, monkeypatch):
    slow = Slow(database)
    monkeypatch.setattr(database, "autocommit", lambda: slow)
    batcher = in_one_statement(database, apply)
    await batcher.submit("a")
    await slow.giving_back.wait()
    late = asyncio.create_task(batcher.submit("b"))
    await asyncio.sleep(0)
    slow.go_on.set()
    assert (await asyncio.wait_for(late, 10)).result == "b"


async def test_a_deadlock_is_tried_again_even_without_a_key(database):
    calls = []

    async def once(connection, commands, claims):
        calls.append(commands)
        if len(calls) == 1:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        return await apply(connection, commands, claims)

    answer = await in_one_statement(database, once).submit("a")
    assert (answer.result, answer.replayed, len(calls)) == ("a", False, 2)
