"""Bringing a service's database up to date with the migrations in its package.

``python -m service_kit.persistence.migrations order_service URL`` brings a database up to date. A service's
``migrations/env.py`` is two lines: import ``run_env`` and call it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

_MIGRATION_LOCK = 0x6261636B6F726401
"""Key of the advisory lock that keeps replicas from migrating at the same time when they start together."""

_LOOK_AGAIN = 0.2
"""Seconds between two looks at whether another process has finished."""


def execute_apart(statements: Iterable[str]) -> None:
    """Execute each statement of a migration in a transaction of its own, so that it holds its locks only by itself.

    For what changes a table that is in use and reads a large one: together, the first would be locked while the
    second is read. Indexes can be made CONCURRENTLY here. A migration that fails between two statements is repeated
    from the first one, so each must allow to be repeated (``IF NOT EXISTS`` and the like).
    """
    with op.get_context().autocommit_block():
        for statement in statements:
            op.execute(statement)


def upgrade(service_module: str, url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to the newest version of ``service_module``'s migrations.

    Blocks until done (from a coroutine: ``await asyncio.to_thread(upgrade, …)``). Several
    processes may call it at once: one works, the others wait and find nothing to do. Raises
    ModuleNotFoundError for an unknown module and the database's errors.
    """
    config = alembic_config(service_module, url)
    failure: list[BaseException] = []

    def work() -> None:
        try:
            command.upgrade(config, revision)
        except BaseException as error:
            failure.append(error)

    # env.py starts an event loop of its own, which a thread with a running one does not allow.
    thread = threading.Thread(target=work, name=f"migrate-{service_module}")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def alembic_config(service_module: str, url: str) -> Config:
    """Alembic's configuration for a service package that holds a ``migrations`` folder."""
    package = import_module(service_module)
    if package.__file__ is None:
        raise ModuleNotFoundError(f"{service_module} is not a package with migrations")
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["url"] = url
    return config


def run_env() -> None:
    """All that an ``env.py`` does: run the requested migrations, each in a transaction of its own."""
    attributes = context.config.attributes
    given: Connection | None = attributes.get("connection")
    if given is not None:
        _migrate(given)
    else:
        asyncio.run(_migrate_at(attributes["url"]))


async def _migrate_at(url: str) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _MIGRATION_LOCK}):
                # Not waited for in the database: an index that is built concurrently waits for all who do.
                await connection.commit()
                await asyncio.sleep(_LOOK_AGAIN)
            # The lock belongs to the session: it outlives this commit and ends with the connection.
            await connection.commit()
            await connection.run_sync(_migrate)
            await connection.commit()
    finally:
        await engine.dispose()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def main(arguments: list[str]) -> int:
    """Command line: MODULE URL."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m service_kit.persistence.migrations SERVICE_MODULE DATABASE_URL\n")
        return 2
    upgrade(arguments[0], arguments[1])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
