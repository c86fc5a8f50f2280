"""What benches stand on: a real PostgreSQL with fsync and a real Kafka, and programs of the system's own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from backorder_local.devservers import KAFKA_VARIABLE, POSTGRES_VARIABLE, ServerPair
from backorder_local.local_parts import answers_ready
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.processes import Child, Program, StartFailed, log_tail, wait_until
from backorder_local.services import SERVICES
from service_kit.http.api_keys import Keyring
from service_kit.persistence.database import Database
from service_kit.testing.databases import TestDatabases
from service_kit.testing.topics import KafkaTopics, new_topics

PROJECT = Path(__file__).resolve().parents[2]
PARTITIONS = 12


@dataclass
class Served:
    """A program that listens."""

    child: Child
    port: int

    @property
    def process(self) -> psutil.Process:
        """The operating system's view of it."""
        return psutil.Process(self.child.pid)


@dataclass
class Ground:
    """Both servers below one directory, and how to start more beside them; spawns from the main thread only."""

    directory: Path
    say: Callable[[str], None]
    servers: ServerPair = field(init=False)

    def __post_init__(self) -> None:
        # As `backorder up` runs them: every commit reaches the disk, the broker's compiler does its best.
        self.servers = ServerPair(self.directory / "servers", durable=True, fast_start=False)

    def start(self) -> None:
        """Start both servers. Raises StartFailed."""
        os.environ.update(self.servers.start())
        # Latency is measured up to the commit, so commits must keep their time; that takes a restart.
        asyncio.run(self.administer("ALTER SYSTEM SET track_commit_timestamp = on"))
        self.servers.postgres.stop()
        self.servers.postgres.start()

    def stop(self) -> None:
        """Stop both servers."""
        self.servers.stop()
        for variable in (POSTGRES_VARIABLE, KAFKA_VARIABLE):
            os.environ.pop(variable, None)

    async def administer(self, *statements: str) -> None:
        """Run statements as the superuser, each by itself."""
        connection = await asyncpg.connect(self.servers.postgres.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def quiet(self) -> None:
        """Before a measurement: what earlier ones wrote goes to the disk now, not in the midst of this one."""
        await self.administer("CHECKPOINT")

    @asynccontextmanager
    async def databases(self) -> AsyncIterator[Callable[..., Any]]:
        """Makes migrated, empty databases (``await make("order_service")``); they are dropped at the end."""
        databases = TestDatabases()
        try:
            yield databases.fresh
        finally:
            await databases.drop_all()

    @asynccontextmanager
    async def topics(self) -> AsyncIterator[KafkaTopics]:
        """The public topics, empty, under a prefix of their own."""
        topics = new_topics()
        await topics.create(partitions=PARTITIONS)
        try:
            yield topics
        finally:
            await topics.delete()

    @asynccontextmanager
    async def service(
        self,
        name: str,
        database: Database,
        topics: KafkaTopics | None = None,
        *,
        checkout: Path = PROJECT,
        **settings: Any,
    ) -> AsyncIterator[Served]:
        """A process of a service on that database and those topics, ready when the block begins.

        It runs this code, or that of another ``checkout`` with an environment of its own.
        """
        service = next(each for each in SERVICES if each.name == name)
        port = free_port()
        environment = service.environment(
            {
                "host": LOOPBACK,
                "port": port,
                "database_url": database.url,
                "kafka_bootstrap": self.servers.kafka.bootstrap,
                "topic_prefix": topics.topic_prefix if topics else "",
                "keyring_path": self.keyring,
                **settings,
            }
        )
        async with self.program(f"{name}-{port}", (service.main_module,), environment, checkout) as child:
            await self.until(lambda: answers_ready(port), child, 60)
            yield Served(child, port)

    @asynccontextmanager
    async def program(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        checkout: Path = PROJECT,
    ) -> AsyncIterator[Child]:
        """``python -m`` of the arguments, stopped at the end of the block."""
        child = Child(self._python(name, arguments, environment, checkout))
        try:
            yield child
        finally:
            await asyncio.to_thread(child.stop)

    async def ask(self, name: str, arguments: Sequence[str], within: float) -> Any:
        """Run a program to its end; the JSON it printed. Raises StartFailed."""
        log = self.directory / f"{name}.log"
        log.unlink(missing_ok=True)
        async with self.program(name, arguments) as child:
            ended = await asyncio.to_thread(child.wait, within)
            if not ended or child.exit_code() != 0:
                raise StartFailed(f"{name} ended with {child.exit_code()} within {within:.0f} s\n{log_tail(log)}")
        return json.loads(log.read_text())

    async def until(self, ready: Callable[[], bool], child: Child, within: float) -> None:
        """Poll a blocking question while the child lives. Raises StartFailed."""
        await asyncio.to_thread(wait_until, ready, child, within)

    def api_key(self, *scopes: str) -> str:
        """A new key that all services of this run accept."""
        return Keyring(self.keyring).create_key("bench", scopes)[0]

    @property
    def keyring(self) -> Path:
        """The keys of this run."""
        return self.directory / "keys.json"

    def server_processes(self) -> dict[str, list[psutil.Process]]:
        """The servers' processes, their children included."""
        found = {}
        for server in (self.servers.postgres, self.servers.kafka):
            if server.child is not None:
                process = psutil.Process(server.child.pid)
                found[server.name] = [process, *process.children(recursive=True)]
        return found

    def _python(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None, checkout: Path
    ) -> Program:
        python = sys.executable if checkout == PROJECT else str(checkout / ".venv/bin/python")
        return Program(
            name=name,
            argv=(python, "-m", *arguments),
            log=self.directory / f"{name}.log",
            env={"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1", **(environment or {})},
            cwd=checkout,
        )


@dataclass
class CoreShares:
    """Cores that groups of processes kept busy since the object was made."""

    groups: Mapping[str, Sequence[psutil.Process]]

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._machine = psutil.cpu_times()
        self._before = {name: _processor_seconds(processes) for name, processes in self.groups.items()}

    def shares(self) -> dict[str, float]:
        """By group, and ``machine`` for everything that runs on it."""
        seconds = time.monotonic() - self._began
        used = {name: _processor_seconds(processes) - self._before[name] for name, processes in self.groups.items()}
        now = psutil.cpu_times()
        idle = (now.idle - self._machine.idle) + (now.iowait - self._machine.iowait)
        busy = {name: each / seconds for name, each in used.items()}
        return busy | {"machine": max(0.0, (psutil.cpu_count() or 1) - idle / seconds)}


def _processor_seconds(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
