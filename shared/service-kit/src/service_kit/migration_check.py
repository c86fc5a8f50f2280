"""Whether a database has the migrations that the installed code needs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from service_kit.database import Database


@lru_cache
def _revisions(service_module: str) -> tuple[str | None, frozenset[str]]:
    """The newest migration of the installed package (None where it has none), and all it knows."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - costs start-up time where nobody asks

    from service_kit.migrations import alembic_config  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(alembic_config(service_module, ""))
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


async def migrations_at_head(service_module: str, database: Database) -> bool:
    """Whether the database has every migration that this version needs; the database's errors go to the caller.

    A migration that this version does not know is a newer version's: during a rolling restart the
    old version goes on serving.
    """
    async with database.engine.connect() as connection:
        if not await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
            return False
        current = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    head, known = _revisions(service_module)
    return current is not None and (current == head or current not in known)
