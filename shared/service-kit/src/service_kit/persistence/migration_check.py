"""Checks that a database has the migrations that the installed code needs."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from service_kit.persistence.database import Database

_NAMED = re.compile(r"^(revision|down_revision)[^=\n]*= *[\"']([^\"']+)[\"']", re.MULTILINE)


@lru_cache
def _revisions(service_module: str) -> tuple[str | None, frozenset[str]]:
    """The newest migration of the installed package (None if it has none), and all of its migrations.

    They are read from the scripts' text, because Alembic itself would take up a tenth of a service's memory.
    """
    package = find_spec(service_module)
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f"{service_module} is not a package with migrations")
    known: set[str] = set()
    followed: set[str] = set()
    for script in (Path(package.origin).parent / "migrations" / "versions").glob("*.py"):
        named: dict[str, str] = dict(_NAMED.findall(script.read_text(encoding="utf-8")))
        if "revision" in named:
            known.add(named["revision"])
            followed.add(named.get("down_revision", ""))
    return next(iter(known - followed), None), frozenset(known)


async def migrations_at_head(service_module: str, database: Database) -> bool:
    """Whether the database has every migration that this version needs; the database's errors go to the caller.

    A database at a migration that this version does not know belongs to a newer version: during a rolling restart
    the old version goes on serving.
    """
    async with database.engine.connect() as connection:
        if not await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
            return False
        current = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    head, known = _revisions(service_module)
    return current is not None and (current == head or current not in known)
