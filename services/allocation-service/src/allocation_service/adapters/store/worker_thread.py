"""Long work in a worker thread, within a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

_SIGN_OF_LIFE = 1.0
"""Seconds between two signs of life of a transaction whose process is at work."""


async def in_thread(conn: AsyncConnection, work: Callable[[], T]) -> T:
    """Do long work in a worker thread. The server ends transactions that are idle for long, so that a frozen
    process holds no locks: a process that works says so."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    while not (await asyncio.wait([working], timeout=_SIGN_OF_LIFE))[0]:
        await conn.execute(text("SELECT 1"))
    return working.result()
