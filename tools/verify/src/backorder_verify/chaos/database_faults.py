"""Faults of the database that pass by themselves: how a fail-over and a rotated password look to a service.

Open connections are ended when a fault begins, as in operation. None are ended when it is over: a service that kept
using a connection of that time would never recover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg

_END_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()"
)


async def read_only(admin_url: str, app_url: str, seconds: float) -> None:
    """Refuse every write of a service's database for some seconds, as a standby does before it takes over."""
    database = urlsplit(app_url).path.lstrip("/")

    async def change(admin: asyncpg.Connection) -> None:
        await admin.execute(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')

    async def restore(admin: asyncpg.Connection) -> None:
        await admin.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only')

    await _for_a_while(admin_url, app_url, seconds, change, restore)


async def password_rotated(admin_url: str, app_url: str, seconds: float) -> None:
    """Refuse a service's password for some seconds, as between its rotation and the arrival of the new one."""
    url = urlsplit(app_url)

    async def change(admin: asyncpg.Connection) -> None:
        await _set_password(admin, str(url.username), "rotated")

    async def restore(admin: asyncpg.Connection) -> None:
        await _set_password(admin, str(url.username), str(url.password))

    await _for_a_while(admin_url, app_url, seconds, change, restore)


async def _set_password(admin: asyncpg.Connection, role: str, password: str) -> None:
    await admin.execute(
        await admin.fetchval("SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", role, password)
    )


Change = Callable[[asyncpg.Connection], Awaitable[None]]


async def _for_a_while(admin_url: str, app_url: str, seconds: float, change: Change, restore: Change) -> None:
    admin = await asyncpg.connect(admin_url, timeout=10)
    try:
        await change(admin)
        await admin.execute(_END_CONNECTIONS, urlsplit(app_url).username)
        try:
            await asyncio.sleep(seconds)
        finally:
            await restore(admin)
    finally:
        await admin.close()
