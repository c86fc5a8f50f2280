"""The table of parts that make up the local system."""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from backorder_local import setup_tasks
from backorder_local.data_directory import DataDirectory
from backorder_local.databases import DatabaseAccess, database_access, remembered_passwords
from backorder_local.kafka import KafkaBroker
from backorder_local.ports import LOOPBACK, is_free
from backorder_local.postgres import PostgresServer
from backorder_local.private_files import remembered_secret
from backorder_local.processes import Program
from backorder_local.running import RunningSystem
from backorder_local.services import SERVICES, ServiceProgram, is_installed
from backorder_local.supervisor import Part
from backorder_local.topics import PARTITIONS
from backorder_payment_simulator.environment import KEY, WEBHOOK_SECRET

_STRIPE_KEY = "ORDER_STRIPE_API_KEY"
"""Whoever has set this pays at an account of their own, and not at the simulator."""


@dataclass(frozen=True)
class Options:
    """What the user chose; `ports` holds two for each service, public and ops, and those of `smtp` and `payments`."""

    ports: Mapping[str, int]
    postgres_url: str | None = None
    kafka_bootstrap: str | None = None
    services: tuple[ServiceProgram, ...] = field(default=SERVICES)
    partitions: int = PARTITIONS
    run_services: bool = True


class LocalSystem:
    """Everything that runs on one machine, below one data directory."""

    def __init__(self, directory: DataDirectory, options: Options) -> None:
        self._directory = directory
        self._options = options
        self._services = tuple(service for service in options.services if is_installed(service))
        self._postgres = None if options.postgres_url else PostgresServer(directory.postgres)
        # The system is there to be used, not only started: the compiler may do its best.
        self._kafka = None if options.kafka_bootstrap else KafkaBroker(directory.kafka, heap_mb=384, fast_start=False)

    def parts(self) -> list[Part]:
        """The table: servers, then what prepares them, then the services."""
        servers: list[Part] = [
            Part(server.name, server.prepare, server.ready, port=partial(_port_of, server))
            for server in (self._postgres, self._kafka)
            if server is not None
        ]
        own = {server.name for server in servers}
        databases_need = tuple({"postgres"} & own)
        topics_need = tuple({"kafka"} & own)
        return [
            *servers,
            self._part("mail", self._mail_catcher, self._options.ports["smtp"], answers_smtp),
            self._part("payments", self._payment_simulator, self._options.ports["payments"], answers_ready),
            Part("databases", self._database_task, None, needs=databases_need, start_within=120),
            Part("topics", self._topic_task, None, needs=topics_need),
            *(
                self._part(
                    service.name,
                    partial(self._service, service),
                    self._options.ports[service.name],
                    answers_ready,
                    needs=("databases", "topics"),
                )
                for service in self._services
                if self._options.run_services
            ),
        ]

    def _part(
        self,
        name: str,
        prepare: Callable[[], Program],
        port: int,
        probe: Callable[[int], bool],
        needs: tuple[str, ...] = (),
    ) -> Part:
        return Part(name, partial(on_free_port, prepare, port), partial(probe, port), needs=needs, port=lambda: port)

    @property
    def runs_services(self) -> bool:
        """False where the user runs the services."""
        return self._options.run_services

    @property
    def admin_url(self) -> str:
        return self._options.postgres_url or (self._postgres.url if self._postgres else "")

    @property
    def kafka_bootstrap(self) -> str:
        return self._options.kafka_bootstrap or (self._kafka.bootstrap if self._kafka else "")

    def access(self) -> dict[str, DatabaseAccess]:
        """Every service's database addresses; known once PostgreSQL is prepared."""
        names = tuple(service.name for service in self._services)
        passwords = remembered_passwords(self._directory.database_passwords, names)
        return {name: database_access(self.admin_url, name, passwords) for name in names}

    def running(self) -> RunningSystem:
        """How others reach the system."""
        access = self.access()
        return RunningSystem(
            data_dir=str(self._directory.root),
            service_urls={name: f"http://{LOOPBACK}:{self._options.ports[name]}" for name in access},
            ops_urls={
                service.name: f"http://{LOOPBACK}:{self._options.ports[service.ops]}" for service in self._services
            },
            api_key=self._directory.api_key.read_text().strip(),
            kafka_bootstrap=self.kafka_bootstrap,
            admin_url=self.admin_url,
            database_urls={name: urls.app_url for name, urls in access.items()},
            owner_urls={name: urls.owner_url for name, urls in access.items()},
            smtp_port=self._options.ports["smtp"],
            payment_simulator_url=self._payments_url,
            payment_simulator_key=self._payment_keys()[0],
        )

    def _mail_catcher(self) -> Program:
        port, mails = str(self._options.ports["smtp"]), str(self._directory.mails)
        return self._python("mail", ("backorder_local.mail_catcher", port, mails))

    def _payment_simulator(self) -> Program:
        key, webhook_secret = self._payment_keys()
        webhook = f"http://{LOOPBACK}:{self._options.ports['order']}/v1/provider-events/stripe"
        return self._python(
            "payments",
            (
                *("backorder_payment_simulator", str(self._options.ports["payments"])),
                *("--data", str(self._directory.payments), "--webhook-url", webhook),
            ),
            {KEY: key, WEBHOOK_SECRET: webhook_secret},
        )

    @property
    def _payments_url(self) -> str:
        return f"http://{LOOPBACK}:{self._options.ports['payments']}"

    def _payment_keys(self) -> tuple[str, str]:
        """The simulator's secret key, and the secret of its webhook, in Stripe's forms."""
        key, webhook_secret = ("payment-simulator", "payment-simulator-webhook")
        secrets = self._directory.secrets
        return f"sk_test_{remembered_secret(secrets / key)}", f"whsec_{remembered_secret(secrets / webhook_secret)}"

    def _database_task(self) -> Program:
        modules = {service.name: service.module for service in self._services}
        return self._python(
            "databases",
            ("backorder_local.setup_tasks", "databases"),
            {
                setup_tasks.ADMIN_URL: self.admin_url,
                setup_tasks.SERVICE_MODULES: json.dumps(modules),
                setup_tasks.PASSWORDS_FILE: str(self._directory.database_passwords),
            },
        )

    def _topic_task(self) -> Program:
        return self._python(
            "topics",
            ("backorder_local.setup_tasks", "topics"),
            {
                setup_tasks.BOOTSTRAP: self.kafka_bootstrap,
                setup_tasks.PARTITIONS: str(self._options.partitions),
            },
        )

    def _service(self, service: ServiceProgram) -> Program:
        access = self.access()[service.name]
        port = self._options.ports[service.name]
        settings: dict[str, object] = {
            "role": "all",
            "host": LOOPBACK,
            "port": port,
            "ops_port": self._options.ports[service.ops],
            "public_url": f"http://{LOOPBACK}:{port}",
            "database_url": access.app_url.replace("postgresql://", "postgresql+asyncpg://", 1),
            "kafka_bootstrap": self.kafka_bootstrap,
            "keyring_path": self._directory.keyring,
            "tracking_secret": remembered_secret(self._directory.secrets / "tracking"),
            "webhook_secret_key": remembered_secret(self._directory.secrets / "webhooks"),
            "local_mode": "true",
            # One machine is shared by all: every connection kept is a server process of some 7 MB.
            "pool_size": 4,
            # Replays bring business times of years ago: what is due is told by the newest event, not by today.
            "business_clock": "events",
            "log_format": "console",
            "smtp_host": LOOPBACK,
            "smtp_port": self._options.ports["smtp"],
        }
        if service.name == "order" and _STRIPE_KEY not in os.environ:
            key, secret = self._payment_keys()
            settings |= {"stripe_url": self._payments_url, "stripe_api_key": key, "stripe_webhook_secret": secret}
        return self._python(service.name, (service.main_module,), service.environment(settings), stop_within=15.0)

    def _python(
        self, name: str, arguments: tuple[str, ...], env: Mapping[str, str] | None = None, stop_within: float = 5.0
    ) -> Program:
        return Program(
            name=name,
            argv=(sys.executable, "-m", *arguments),
            log=self._directory.logs / f"{name}.log",
            # Without bytecode every start compiles all libraries again, four times over.
            env={"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=self._directory.root,
            stop_within=stop_within,
        )


def _port_of(server: PostgresServer | KafkaBroker) -> int | None:
    return server.port or None


def on_free_port(prepare: Callable[[], Program], port: int) -> Program:
    """What to run on the port. Raises OSError if another program has taken it since it was chosen.

    That program would answer whoever asks whether this one is ready, and everybody would talk to a stranger.
    """
    if not is_free(port):
        raise OSError(f"another program has taken port {port}: choose others by --port-base, or --free-ports")
    return prepare()


def answers_ready(port: int) -> bool:
    """True if the service on the port says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def why_not_ready(ops_url: str) -> str | None:
    """The checks that fail, as the ops port names them; None if it says nothing of them."""
    try:
        with urllib.request.urlopen(f"{ops_url}/readyz", timeout=5):  # noqa: S310 - an address of our own
            return None
    except urllib.error.HTTPError as answer:
        try:
            checks = json.loads(answer.read()).get("checks", {})
        except ValueError:
            return None
        return ", ".join(f"{name}: {found[0]['output']}" for name, found in checks.items()) or None
    except OSError:
        return None


def answers_smtp(port: int) -> bool:
    """True if a mail server greets on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=3) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False
