"""The statements that reach a database, whether through SQLAlchemy or past it, straight to the driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event

from service_kit.persistence.database import Database

_INTROSPECTION = ("typeinfo_tree", "current_setting('jit')")
"""In statements of the driver's own, by which each new connection learns of types."""


@asynccontextmanager
async def statements_of(database: Database) -> AsyncIterator[list[str]]:
    """Collects the statements that reach the server within the block."""
    seen: list[str] = []
    heard: set[Any] = set()

    def note(query: Any) -> None:
        if not any(mark in query.query for mark in _INTROSPECTION):
            seen.append(query.query)

    def listen(connection: Any, *_: object) -> None:
        if connection.driver_connection not in heard:
            heard.add(connection.driver_connection)
            connection.driver_connection.add_query_logger(note)

    engine = database.engine.sync_engine
    event.listen(engine, "checkout", listen)
    try:
        yield seen
        await asyncio.sleep(0)  # the driver notes a statement at the loop's next turn
    finally:
        event.remove(engine, "checkout", listen)
        for driver in heard:
            driver.remove_query_logger(note)
