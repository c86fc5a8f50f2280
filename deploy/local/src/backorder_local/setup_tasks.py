"""Tasks between the servers' start and the services': databases, migrations, topics.

Run as programs of their own (`python -m backorder_local.setup_tasks databases|topics`), so that the
supervisor carries none of their libraries. Input comes from the environment; both are safe to repeat.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

ADMIN_URL = "BACKORDER_SETUP_ADMIN_URL"
SERVICE_MODULES = "BACKORDER_SETUP_SERVICES"
PASSWORDS_FILE = "BACKORDER_SETUP_PASSWORDS"
BOOTSTRAP = "BACKORDER_SETUP_KAFKA"
PARTITIONS = "BACKORDER_SETUP_PARTITIONS"


def prepare_databases() -> None:
    """Make the databases and roles, then bring each database to its service's newest version."""
    from backorder_local.databases import provision, remembered_passwords  # noqa: PLC0415
    from service_kit.persistence.migrations import upgrade  # noqa: PLC0415 - slow, and only this task needs it

    modules: dict[str, str] = json.loads(os.environ[SERVICE_MODULES])
    services = tuple(modules)
    passwords = remembered_passwords(Path(os.environ[PASSWORDS_FILE]), services)
    access = asyncio.run(provision(os.environ[ADMIN_URL], services, passwords))
    for service, module in modules.items():
        print(f"migrating {service}", flush=True)
        upgrade(module, access[service].owner_url.replace("postgresql://", "postgresql+asyncpg://", 1))


def prepare_topics() -> None:
    """Create the topics that are missing, and make the broker ready for consumers."""
    from backorder_local.topics import create_topics, warm_group_coordinator  # noqa: PLC0415

    async def prepare() -> list[str]:
        made = await create_topics(os.environ[BOOTSTRAP], int(os.environ[PARTITIONS]))
        await warm_group_coordinator(os.environ[BOOTSTRAP])
        return made

    made = asyncio.run(prepare())
    print(f"created {', '.join(made) or 'nothing'}", flush=True)


if __name__ == "__main__":
    {"databases": prepare_databases, "topics": prepare_topics}[sys.argv[1]]()
