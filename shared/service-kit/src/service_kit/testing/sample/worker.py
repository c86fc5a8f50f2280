"""The sample service's worker as a process of its own, for tests that kill it.

``python -m service_kit.testing.sample.worker`` with SAMPLE_DATABASE_URL, SAMPLE_KAFKA_BOOTSTRAP and
SAMPLE_TOPIC_PREFIX; SIGTERM ends it in order. SAMPLE_RELAY_ONLY=1 leaves the consumer out.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from service_kit.hosting.service import Service
from service_kit.hosting.worker import run_worker
from service_kit.messaging.kafka import KafkaEventLog
from service_kit.persistence.database import Database
from service_kit.runtime.settings import ServiceSettings
from service_kit.testing.sample.service import GROUP, subscription
from service_kit.testing.topics import QUICK


class SampleSettings(ServiceSettings):
    """Settings of the sample."""

    model_config = SettingsConfigDict(env_prefix="SAMPLE_", extra="ignore")

    keyring_path: Path = Path(os.devnull)


def build(settings: SampleSettings, *background: Callable[[asyncio.Event], Awaitable[None]]) -> Service:
    """The sample, wired."""
    return Service(
        name=GROUP,
        settings=settings,
        database=Database(settings.database_url, pool_size=3, application_name="sample"),
        subscription=None if os.environ.get("SAMPLE_RELAY_ONLY") else subscription(),
        background=background,
        migrations="service_kit.testing.sample",
    )


async def _main() -> None:
    settings = SampleSettings()
    service = build(settings)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    sys.stdout.write("started\n")
    sys.stdout.flush()
    try:
        await run_worker(service, stopping, event_log=KafkaEventLog(settings, QUICK))
    finally:
        await service.database.close()


if __name__ == "__main__":
    asyncio.run(_main())
