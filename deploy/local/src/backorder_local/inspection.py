"""What each part of a running system is doing: processes, backlog in the outboxes, lag of the consumers."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from backorder_local.data_directory import DataDirectory
from backorder_local.local_parts import answers_ready
from backorder_local.private_files import read_json
from backorder_local.running import RunningSystem
from backorder_local.services import SERVICE_NAMES
from backorder_local.topics import CONSUMED

_PATIENCE = 5.0


@dataclass(frozen=True)
class PartStatus:
    """One line of `backorder status`; None where it does not apply or could not be learnt."""

    name: str
    state: str
    pid: int | None
    port: int | None
    memory_mb: int | None
    restarts: int
    last_end: str | None
    lag: int | None = None
    outbox_rows: int | None = None
    outbox_oldest_seconds: float | None = None
    parked: int | None = None
    not_ready: str | None = None
    """What a service that is not ready lacks."""

    def as_json(self) -> dict[str, Any]:
        """As `backorder status --json` prints it."""
        return asdict(self)


def recorded_parts(directory: DataDirectory) -> list[PartStatus]:
    """The parts as the supervisor recorded them, with their memory and readiness now."""
    return [_with_process(part) for part in read_json(directory.parts).get("parts", [])]


def _with_process(part: Mapping[str, Any]) -> PartStatus:
    pid, state, memory = part["pid"], part["state"], None
    if pid is not None:
        try:
            process = psutil.Process(pid)
            memory = round(sum(map(_memory, (process, *process.children(recursive=True)))) / 2**20)
            if process.status() == psutil.STATUS_STOPPED:
                state = "frozen"
        except psutil.NoSuchProcess:
            state = "ended"
    if state == "healthy" and part["name"] in SERVICE_NAMES and not answers_ready(part["port"]):
        state = "not ready"
    return PartStatus(
        name=part["name"], state=state, pid=pid, port=part["port"], memory_mb=memory,
        restarts=part["restarts"], last_end=part["last_end"],
    )  # fmt: skip


def _memory(process: psutil.Process) -> int:
    """Bytes, with shared memory counted once over all processes that share it, where the system tells."""
    try:
        return int(getattr(process.memory_full_info(), "pss", 0)) or int(process.memory_info().rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


@dataclass(frozen=True)
class Backlog:
    """What waits inside one service's database."""

    outbox_rows: int
    outbox_oldest_seconds: float
    parked: int


async def backlogs(system: RunningSystem) -> dict[str, Backlog]:
    """Each service's backlog; a service whose database does not answer is left out."""
    found = await asyncio.gather(*(_backlog(url) for url in system.database_urls.values()))
    return {name: backlog for name, backlog in zip(system.database_urls, found, strict=True) if backlog is not None}


async def _backlog(url: str) -> Backlog | None:
    try:
        connection = await asyncpg.connect(url, timeout=_PATIENCE)
        try:
            row = await connection.fetchrow(
                """
                SELECT (SELECT count(*) FROM outbox) AS outbox_rows,
                       coalesce((SELECT extract(epoch FROM now() - min(created_at)) FROM outbox), 0)::float8 AS oldest,
                       (SELECT count(*) FROM parked_key) + (SELECT count(*) FROM parked_work) AS parked
                """,
                timeout=_PATIENCE,
            )
        finally:
            await connection.close(timeout=_PATIENCE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return None
    return Backlog(row["outbox_rows"], round(max(0.0, row["oldest"]), 1), row["parked"])


async def consumer_lag(bootstrap: str) -> dict[str, int]:
    """Consumer group → records not consumed yet; empty if Kafka does not answer."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(_PATIENCE):
            await admin.start()
            await consumer.start()
            committed = {group: await admin.list_consumer_group_offsets(group) for group in CONSUMED}
            places = {place for offsets in committed.values() for place in offsets}
            ends = await consumer.end_offsets(list(places)) if places else {}
    except (KafkaError, OSError, TimeoutError):
        return {}
    finally:
        await consumer.stop()
        await admin.close()
    return {
        group: sum(max(0, ends[place] - kept.offset) for place, kept in offsets.items() if kept.offset >= 0)
        for group, offsets in committed.items()
    }
