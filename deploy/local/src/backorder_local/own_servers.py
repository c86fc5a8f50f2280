"""Servers that the user brings along: tried before anything is started."""

from urllib.parse import urlsplit

import asyncpg

from backorder_local.blocking import wait_for
from backorder_local.kafka import answers


class Unusable(RuntimeError):
    """A server given on the command line cannot be used; the message says which, why and what helps."""


def require_postgres(url: str) -> None:
    """Log in once, as somebody who may make databases and roles. Raises Unusable."""
    wait_for(_require_postgres(url))


async def _require_postgres(url: str) -> None:
    address = urlsplit(url).netloc.rpartition("@")[2]  # without the password
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            may_administer = await connection.fetchval(
                "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user"
            )
        finally:
            await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unusable(
            f"PostgreSQL at {address} cannot be used: {error or type(error).__name__}. "
            "Give --postgres-url as postgresql://user:password@host:port/database."
        ) from None
    if not may_administer:
        raise Unusable(f"The user for PostgreSQL at {address} needs the rights CREATEDB and CREATEROLE.")


def require_kafka(bootstrap: str) -> None:
    """Ask the broker once. Raises Unusable."""
    try:
        if wait_for(answers(bootstrap)):
            return
    except ValueError:
        pass
    raise Unusable(f"No Kafka broker answers at {bootstrap!r}. Give --kafka-bootstrap as host:port.")
