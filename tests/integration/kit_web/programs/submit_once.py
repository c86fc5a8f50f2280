"""Submits one claimed command to the database named on the command line; a test kills it on the way."""

import asyncio
import sys

from sqlalchemy import text

from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.database import Database


async def insert(uow, commands):
    for command in commands:
        await uow.connection.execute(
            text("INSERT INTO applied (event_id, name, key, sequence) VALUES (:id, 'n', 'k', 1)"), {"id": command}
        )
    return list(commands)


async def main(url: str) -> None:
    database = Database(url)
    batcher = CommandBatcher.on(SqlUnitOfWorkFactory(database, SqlUnitOfWork), insert)
    submitted = await batcher.submit("thing-1", IdempotencyClaim("me", "make", "key-1", b"same body", "thing-1"))
    sys.stdout.write("replayed" if submitted.replayed else "carried out")
    await database.close()


asyncio.run(main(sys.argv[1]))
