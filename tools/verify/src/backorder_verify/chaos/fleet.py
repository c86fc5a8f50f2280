"""All processes of the system under test: several per service, each restarted whenever it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backorder_local import setup_tasks
from backorder_local.data_directory import DataDirectory
from backorder_local.databases import DatabaseAccess, database_access, remembered_passwords
from backorder_local.kafka import KafkaBroker
from backorder_local.local_parts import answers_ready, answers_smtp
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.postgres import PostgresServer
from backorder_local.private_files import remembered_secret
from backorder_local.processes import Child, Program, StartFailed, log_tail
from backorder_local.running import RunningSystem
from backorder_local.services import SERVICE_NAMES, SERVICES, ServiceProgram
from backorder_local.topics import PARTITIONS
from backorder_payment_simulator.environment import KEY, WEBHOOK_SECRET
from backorder_verify.chaos.planted_defects import __name__ as planted_defects_module
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.runtime.failpoints import VARIABLE as FAILPOINT

_ROLES: Mapping[str, tuple[str, ...]] = {
    # Two that serve the API: a client whose response was lost repeats its request at the other.
    "order": ("all", "all"),
    "inventory": ("all",),
    "allocation": ("all", "worker", "worker"),
    "notification": ("all",),
}
_SKEWED_CLOCK = "backorder_verify.chaos.skewed_clock"
_SHORT_WAITS: Mapping[str, object] = {
    "hold_seconds": 1,
    "settle_seconds": 2,
    "reconcile_seconds": 5,
    "webhook_delays_seconds": "[1, 1, 2, 2, 5, 5]",
}
_SKEWS: Mapping[str, tuple[int, ...]] = {"inventory": (1,), "allocation": (-1, 1, 0), "notification": (-1,)}
"""By how many times the skew each process's clock is ahead. Those of the order service are right: by its times the run
tells whether the system has recovered."""
_PAUSE_BEFORE_RESTART = 0.2
_GRACEFUL_WITHIN = 5.0


@dataclass
class Replica:
    """One process of a service. While `held`, a fault works on it and nobody else restarts it."""

    service: ServiceProgram
    number: int
    role: str
    port: int
    child: Child | None = None
    failpoint: str | None = None
    held: bool = False
    expected_end: bool = False
    ended_at: float | None = None

    @property
    def name(self) -> str:
        """Name of the process, such as `allocation-2`."""
        return f"{self.service.name}-{self.number}"

    @property
    def url(self) -> str:
        """Address at which it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether its process lives, frozen or not."""
        return self.child is not None and self.child.exit_code() is None


@dataclass
class Fleet:
    """Servers, mail catcher and replicas in one directory. Spawn and kill from the main thread only."""

    directory: DataDirectory
    plant: str | None = None
    session_timeout: float = 10.0
    """Seconds after which Kafka reassigns a dead consumer's partitions."""
    clock_skew: float = 0.0
    """Seconds by which clocks of processes are ahead or behind."""
    replicas: list[Replica] = field(default_factory=list)
    unexpected_exits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.postgres = PostgresServer(self.directory.postgres, shared_buffers="128MB")
        self.kafka = KafkaBroker(self.directory.kafka)
        self._smtp_port = free_port()
        self._mail: Child | None = None
        self._payments: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.payments_port = free_port(avoid=frozenset({self._smtp_port}))
        taken = {self._smtp_port, self.payments_port}
        for service in SERVICES:
            for number, role in enumerate(_ROLES[service.name], start=1):
                port = free_port(avoid=frozenset(taken))
                taken.add(port)
                self.replicas.append(Replica(service, number, role, port))

    async def start(self) -> None:
        """Start everything and keep the replicas running from then on. Raises StartFailed."""
        secret, _ = Keyring(self.directory.keyring).create_key("chaos", sorted(SCOPES))
        self.api_key = secret
        for server in (self.postgres, self.kafka):
            server.adopt(Child(await asyncio.to_thread(server.prepare)))
        mail = ("backorder_local.mail_catcher", str(self._smtp_port), str(self.directory.mails))
        self._mail = Child(self._python("mail", mail))
        self._payments = Child(self._payment_simulator())
        await self.until(self.postgres.ready, 60, "PostgreSQL is ready")
        await self._run(self._database_task(), 120)
        await self.until(self.kafka.ready, 60, "Kafka is ready")
        await self._run(self._topic_task(), 60)
        await self.until(lambda: answers_smtp(self._smtp_port), 30, "the mail catcher is ready")
        await self.until(lambda: answers_ready(self.payments_port), 30, "the payment simulator is ready")
        for replica in self.replicas:
            self.spawn(replica)
        await self.until(self.all_ready, 120, "all services are ready")
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Kill every process."""
        if self._keeper is not None:
            self._keeper.cancel()
        children = [replica.child for replica in self.replicas if replica.child is not None]
        for child in (*children, self._mail, self._payments):
            if child is not None:
                child.kill()
        self.postgres.kill()
        self.kafka.kill()

    def spawn(self, replica: Replica, failpoint: str | None = None) -> None:
        """Start the replica's process, armed with a failpoint if one is given."""
        replica.failpoint, replica.expected_end, replica.ended_at = failpoint, False, None
        replica.child = Child(self._service(replica))

    def kill(self, replica: Replica) -> None:
        """Kill the process with SIGKILL; the fleet restarts it."""
        replica.expected_end = True
        if replica.child is not None:
            replica.child.kill()

    async def stop_gracefully(self, replica: Replica) -> None:
        """Stop the process as a rolling restart does; kill it if that takes longer than some seconds."""
        replica.expected_end = True
        if replica.child is not None:
            replica.child.ask_to_stop()
            await asyncio.to_thread(replica.child.wait, _GRACEFUL_WITHIN)
            replica.child.kill()

    async def restart_server(self, server: PostgresServer | KafkaBroker) -> None:
        """Start a server that has ended and wait until it is ready. Raises StartFailed."""
        server.adopt(Child(await asyncio.to_thread(server.prepare)))
        await self.until(server.ready, 90, f"{server.name} is ready again")

    def stop_postgres_at_once(self) -> None:
        """Stop PostgreSQL in immediate mode: without a checkpoint, backends end where they are."""
        if (child := self.postgres.child) is not None:
            child.process.send_signal(signal.SIGQUIT)
            child.wait(10)
        self.postgres.kill()

    def all_ready(self) -> bool:
        """Whether every replica reports that it is ready (blocks)."""
        return self.first_not_ready() is None

    def first_not_ready(self) -> str | None:
        """The name of a replica that does not report that it is ready; None if all do (blocks)."""
        for replica in self.replicas:
            if not (replica.is_running and answers_ready(replica.port)):
                return replica.name
        return None

    def serving(self, service: str) -> list[Replica]:
        """The replicas of a service that serve its API."""
        return [each for each in self.replicas if each.service.name == service and each.role != "worker"]

    def app_urls(self) -> list[str]:
        """The addresses at which the services reach their databases."""
        return [access.app_url for access in self._access().values()]

    def running_system(self) -> RunningSystem:
        """The system as `backorder check` sees it."""
        access = self._access()
        return RunningSystem(
            data_dir=str(self.directory.root),
            service_urls={name: self.serving(name)[0].url for name in SERVICE_NAMES},
            api_key=self.api_key,
            kafka_bootstrap=self.kafka.bootstrap,
            admin_url=self.postgres.url,
            database_urls={name: urls.app_url for name, urls in access.items()},
            owner_urls={name: urls.owner_url for name, urls in access.items()},
            smtp_port=self._smtp_port,
        )

    async def until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        """Wait until a blocking condition, polled in a thread, holds. Raises StartFailed if it does not in time."""
        if not await becomes_true(holds, within):
            tails = [log_tail(each.child.program.log) for each in self.replicas if each.child]
            raise StartFailed(f"not within {within:.0f} s: {what}\n" + "\n".join(tails))

    async def _keep(self) -> None:
        """Restart replicas that have ended; count those that ended without having been killed."""
        while True:
            for replica in self.replicas:
                if replica.held or replica.is_running or replica.child is None:
                    continue
                if replica.ended_at is None:
                    replica.ended_at = time.monotonic()
                    if not replica.expected_end:
                        self.unexpected_exits[f"{replica.service.name}: {replica.child.exit_code()}"] += 1
                elif time.monotonic() - replica.ended_at >= _PAUSE_BEFORE_RESTART:
                    self.spawn(replica)
            await asyncio.sleep(0.1)

    async def _run(self, program: Program, within: float) -> None:
        child = Child(program)
        if not await asyncio.to_thread(child.wait, within) or child.exit_code() != 0:
            child.kill()
            raise StartFailed(f"{program.name} failed\n{log_tail(program.log)}")

    def _access(self) -> dict[str, DatabaseAccess]:
        passwords = remembered_passwords(self.directory.database_passwords, SERVICE_NAMES)
        return {name: database_access(self.postgres.url, name, passwords) for name in SERVICE_NAMES}

    def _database_task(self) -> Program:
        settings = {
            setup_tasks.ADMIN_URL: self.postgres.url,
            setup_tasks.SERVICE_MODULES: json.dumps({service.name: service.module for service in SERVICES}),
            setup_tasks.PASSWORDS_FILE: str(self.directory.database_passwords),
        }
        return self._python("databases", ("backorder_local.setup_tasks", "databases"), settings)

    def _topic_task(self) -> Program:
        settings = {setup_tasks.BOOTSTRAP: self.kafka.bootstrap, setup_tasks.PARTITIONS: str(PARTITIONS)}
        return self._python("topics", ("backorder_local.setup_tasks", "topics"), settings)

    def payment_keys(self) -> tuple[str, str]:
        """The payment simulator's secret key, and the secret that it signs events with."""
        secrets = self.directory.secrets
        key, webhook = (remembered_secret(secrets / name) for name in ("payment-simulator", "payment-webhook"))
        return f"sk_test_{key}", f"whsec_{webhook}"

    def _payment_simulator(self) -> Program:
        """It tells one order process of what has changed; while that one is down, payments are asked about."""
        key, webhook_secret = self.payment_keys()
        told = f"{self.serving('order')[0].url}/v1/provider-events/stripe"
        arguments = ("backorder_payment_simulator", str(self.payments_port), "--webhook-url", told)
        return self._python("payments", arguments, {KEY: key, WEBHOOK_SECRET: webhook_secret})

    def _service(self, replica: Replica) -> Program:
        service = replica.service
        settings: dict[str, object] = {
            "role": replica.role,
            "host": LOOPBACK,
            "port": replica.port,
            "database_url": self._access()[service.name].app_url.replace("postgresql://", "postgresql+asyncpg://", 1),
            "pool_size": 5,
            "kafka_bootstrap": self.kafka.bootstrap,
            "kafka_session_timeout": self.session_timeout,
            "keyring_path": self.directory.keyring,
            "tracking_secret": remembered_secret(self.directory.secrets / "tracking"),
            "local_mode": "true",
            "log_format": "console",
            "smtp_host": LOOPBACK,
            "smtp_port": self._smtp_port,
            **_SHORT_WAITS,
        }
        if service.name == "order":
            settings |= {
                "stripe_api_key": self.payment_keys()[0],
                "stripe_webhook_secret": self.payment_keys()[1],
                "stripe_url": f"http://{LOOPBACK}:{self.payments_port}",
            }
        arguments: tuple[str, ...] = (service.main_module,)
        if self.plant is not None:
            arguments = (planted_defects_module, self.plant, service.main_module)
        if skew := self._skew_of(replica):
            arguments = (_SKEWED_CLOCK, str(skew), *arguments)
        environment = service.environment(settings)
        if replica.failpoint is not None:
            environment[FAILPOINT] = replica.failpoint
        return self._python(replica.name, arguments, environment)

    def _skew_of(self, replica: Replica) -> float:
        skews = _SKEWS.get(replica.service.name, ())
        return self.clock_skew * skews[replica.number - 1] if len(skews) >= replica.number else 0.0

    def _python(self, name: str, arguments: tuple[str, ...], env: Mapping[str, str] | None = None) -> Program:
        return Program(
            name=name,
            argv=(sys.executable, "-m", *arguments),
            log=self.directory.logs / f"{name}.log",
            env={"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=self.directory.root,
        )


async def becomes_true(holds: Callable[[], bool], within: float) -> bool:
    """Poll a blocking condition in a thread until it holds; False if it does not within `within` seconds."""
    deadline = time.monotonic() + within
    while not await asyncio.to_thread(holds):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


def let_database_account_pass(directory: DataDirectory) -> None:
    """Let PostgreSQL reach its data: started by root, it runs under another account."""
    if os.geteuid() == 0:
        directory.root.chmod(0o711)
