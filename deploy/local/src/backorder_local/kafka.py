"""A real Apache Kafka broker of our own: one node that is its own controller (KRaft)."""

import asyncio
import base64
import shutil
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

from backorder_local.blocking import wait_for
from backorder_local.kafka_jars import KAFKA_VERSION, cache_directory, ensure_jars, find_java
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.private_files import read_json, write_json
from backorder_local.processes import Child, Program, StartFailed, wait_until

_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


class KafkaBroker:
    """A broker whose log, settings and output all live in one directory.

    `fast_start` limits the just-in-time compiler: ready sooner and 150 MB instead of 350 MB, but slower
    under sustained load.
    """

    name = "kafka"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        heap_mb: int = 256,
        fast_start: bool = True,
        session_timeout_ms: int = 3_000,
    ) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "kafka.log"
        self._wanted_port = port
        self._heap_mb = heap_mb
        self._fast_start = fast_start
        self._session_timeout_ms = session_timeout_ms
        self.child: Child | None = None
        self.port = 0

    @property
    def bootstrap(self) -> str:
        """Address for clients; known once `prepare` has run."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> Program:
        """Format the storage at the first call, choose the ports, and say what is to be run."""
        self.directory.mkdir(parents=True, exist_ok=True)
        settings_file = self.directory / "kafka.json"
        remembered = read_json(settings_file)
        # Once chosen the port stays: clients hold addresses that a restart must not change.
        self.port = self.port or self._wanted_port or free_port(remembered.get("port"))
        controller_port = free_port(remembered.get("controller_port"), avoid=frozenset({self.port}))
        write_json(settings_file, {"port": self.port, "controller_port": controller_port})
        self._write_configuration(controller_port)
        class_path = ":".join(str(jar) for jar in ensure_jars())
        java = find_java()
        if not (self.data / "meta.properties").exists():
            self._format(java, class_path)
        return Program(
            name=self.name,
            argv=(str(java), *self._java_options(), "-cp", class_path, "kafka.Kafka", str(self._properties)),
            log=self.log,
            cwd=self.directory,
            stop_within=15.0,
        )

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _java_options(self) -> list[str]:
        options = [
            "-Xms64m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
            "-XX:+ExitOnOutOfMemoryError",
        ]  # fmt: skip
        return [*options, "-XX:TieredStopAtLevel=1"] if self._fast_start else options

    def _write_configuration(self, controller_port: int) -> None:
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.data),
            "auto.create.topics.enable": "false",
            "num.partitions": "12",
            # One node: every internal topic has one replica.
            "default.replication.factor": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "min.insync.replicas": "1",
            # A broker that was killed waits for its own old registration to lapse.
            "broker.session.timeout.ms": str(self._session_timeout_ms),
            "broker.heartbeat.interval.ms": str(max(100, self._session_timeout_ms // 6)),
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # Topics are a public record here; nothing is thrown away by age.
            "log.retention.ms": "-1",
            "offsets.retention.minutes": "525600",
        }
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        (self.directory / "log4j2.properties").write_text(_LOGGING)

    def _format(self, java: Path, class_path: str) -> None:
        """Lay out the storage; the two small files it makes are kept and copied the next time."""
        draft = self.data.with_name("data.draft")
        shutil.rmtree(draft, ignore_errors=True)
        kept = cache_directory() / f"kafka-{KAFKA_VERSION}-formatted"
        if kept.exists():
            shutil.copytree(kept, draft)
            draft.rename(self.data)
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        properties = self.directory / "format.properties"
        properties.write_text(self._properties.read_text().replace(f"={self.data}\n", f"={draft}\n"))
        made = subprocess.run(
            [
                str(java), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", class_path,
                f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
                "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties),
            ],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if made.returncode != 0:
            raise StartFailed(f"formatting Kafka's storage failed\n{made.stdout}{made.stderr}")
        copy = kept.with_name(f".{kept.name}.{uuid.uuid4().hex}")
        shutil.copytree(draft, copy)
        with suppress(OSError):  # another start was first
            copy.rename(kept)
        shutil.rmtree(copy, ignore_errors=True)
        draft.rename(self.data)

    def ready(self) -> bool:
        """True once the broker answers for itself: it is registered and may lead partitions."""
        return wait_for(answers(self.bootstrap))

    def start(self, within: float = 60.0) -> str:
        """Run the broker and wait for its first answer; the address to use."""
        self.child = Child(self.prepare())
        try:
            wait_until(self.ready, self.child, within)
        except BaseException:
            self.kill()
            raise
        return self.bootstrap

    def adopt(self, child: Child) -> None:
        """Take charge of a child that somebody else spawned from `prepare`'s program."""
        self.child = child

    @property
    def pid(self) -> int | None:
        """The running server's process, if there is one."""
        return self.child.pid if self.child else None

    def stop(self) -> None:
        """Shut down in order; nothing happens if it does not run."""
        if self.child is not None:
            self.child.stop()
            self.child = None

    def kill(self) -> None:
        """`kill -9`: `start` takes it up again on the same port."""
        if self.child is not None:
            self.child.kill()
            self.child = None


async def answers(bootstrap: str, within: float = 5.0) -> bool:
    """True if a broker at the address lists itself in its metadata."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    try:
        # A refused connection is told at once; the client library would log and retry.
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), within)
        writer.close()
    except (OSError, TimeoutError):
        return False
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - slow to import
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(within * 1000))
    try:
        await asyncio.wait_for(admin.start(), within)
        return bool((await asyncio.wait_for(admin.describe_cluster(), within))["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
