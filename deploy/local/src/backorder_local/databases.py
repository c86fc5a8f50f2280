"""One database for each service, with a role that owns it and a role that works in it.

The owner runs the migrations. The application's role reads and writes rows and can do nothing else: no DDL,
no TRUNCATE, no temporary tables, no other database.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from backorder_local.private_files import read_json, write_json


@dataclass(frozen=True)
class DatabaseAccess:
    """The two addresses of a service's database, `postgresql://role:password@host:port/name`."""

    owner_url: str
    app_url: str


def database_name(service: str) -> str:
    """`order` → `backorder_order`."""
    return f"backorder_{service}"


def remembered_passwords(path: Path, services: tuple[str, ...]) -> dict[str, str]:
    """Role → password for the services' roles, kept in the file and made where missing."""
    kept = read_json(path)
    roles = [f"{database_name(service)}_{duty}" for service in services for duty in ("owner", "app")]
    wanted = {role: str(kept.get(role) or secrets.token_urlsafe(24)) for role in roles}
    if wanted != kept:
        write_json(path, wanted)
    return wanted


def database_access(admin_url: str, service: str, passwords: Mapping[str, str]) -> DatabaseAccess:
    """The addresses of a service's database on the server that `admin_url` names."""
    name = database_name(service)
    inside = _in_database(admin_url, name)
    owner, app = (_as_role(inside, role, passwords[role]) for role in (f"{name}_owner", f"{name}_app"))
    return DatabaseAccess(owner_url=owner, app_url=app)


async def provision(
    admin_url: str, services: tuple[str, ...], passwords: Mapping[str, str]
) -> dict[str, DatabaseAccess]:
    """Make each service's database and roles where missing, and set rights and passwords as they should be.

    Safe to repeat. `admin_url` names a superuser, or a role that may create databases and roles.
    """
    for service in services:
        await _provision_one(admin_url, database_name(service), passwords)
    return {service: database_access(admin_url, service, passwords) for service in services}


async def _provision_one(admin_url: str, name: str, passwords: Mapping[str, str]) -> None:
    owner, app = f"{name}_owner", f"{name}_app"
    admin = await asyncpg.connect(admin_url)
    try:
        for role in (owner, app):
            await _ensure_role(admin, role, passwords[role])
        # Needed by an administrator who is no superuser to hand the database over.
        await admin.execute(f'GRANT "{owner}" TO CURRENT_USER')
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await admin.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"')
        await _keep_strangers_out(admin, name, app)
    finally:
        await admin.close()
    await _grant_rows_only(_in_database(admin_url, name), owner, app)


async def _ensure_role(admin: asyncpg.Connection, role: str, password: str) -> None:
    exists = await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    # DDL takes no parameters: the password is quoted by the server.
    literal = await admin.fetchval("SELECT quote_literal($1::text)", password)
    await admin.execute(f'{verb} ROLE "{role}" LOGIN PASSWORD {literal}')


async def _keep_strangers_out(admin: asyncpg.Connection, name: str, app: str) -> None:
    await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    await admin.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{app}"')
    # No statement of a service takes this long unless something is wrong; migrations run as the owner.
    await admin.execute(f"ALTER ROLE \"{app}\" SET statement_timeout = '60s'")
    if await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        for open_by_default in ("postgres", "template1"):
            await admin.execute(f'REVOKE ALL ON DATABASE "{open_by_default}" FROM PUBLIC')


async def _grant_rows_only(url: str, owner: str, app: str) -> None:
    inside = await asyncpg.connect(url)
    try:
        await inside.execute(f"""
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO "{app}";
            ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA public
                GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{app}";
            ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA public
                GRANT USAGE, SELECT ON SEQUENCES TO "{app}";
        """)
    finally:
        await inside.close()


def _in_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{address}"))
