"""pytest fixtures; a ``conftest.py`` loads them with ``pytest_plugins = ["service_kit.testing.fixtures"]``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
import structlog

from service_kit.persistence.database import Database
from service_kit.testing.databases import TestDatabases
from service_kit.testing.topics import KafkaTopics, new_topics

ServiceDatabase = Callable[[str], Awaitable[Database]]
"""``await service_database("order_service")``: a migrated, empty database of that service."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _test_databases() -> AsyncIterator[TestDatabases]:
    databases = TestDatabases()
    yield databases
    await databases.drop_all()


@pytest_asyncio.fixture(loop_scope="session")
async def service_database(_test_databases: TestDatabases) -> AsyncIterator[ServiceDatabase]:
    """Makes the database of a service module: migrated, empty, and used by this test alone."""
    yield _test_databases.fresh
    await _test_databases.close_opened()


@pytest_asyncio.fixture(loop_scope="session")
async def kafka_topics() -> AsyncIterator[KafkaTopics]:
    """The public topics, empty, under a prefix that only this test uses (``kafka_topics.topic_prefix``)."""
    topics = new_topics()
    await topics.create()
    yield topics
    await topics.delete()


def pytest_configure() -> None:
    """Log failures plainly: by default structlog renders tracebacks with all locals, which takes seconds for each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
