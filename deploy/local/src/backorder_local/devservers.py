"""A PostgreSQL and a Kafka for development and tests, in one directory, until told to stop.

    python -m backorder_local.devservers DIRECTORY

writes `DIRECTORY/env.sh` once both are ready; source it to point tests at the pair.
"""

import argparse
import fcntl
import shlex
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from backorder_local.kafka import KafkaBroker
from backorder_local.postgres import PostgresServer
from backorder_local.private_files import write_private
from backorder_local.processes import Child, wait_until

POSTGRES_VARIABLE = "BACKORDER_TEST_POSTGRES"
KAFKA_VARIABLE = "BACKORDER_TEST_KAFKA"


class ServerPair:
    """Both servers below one directory, started at the same time."""

    def __init__(self, directory: Path, *, durable: bool = True, fast_start: bool = True) -> None:
        self.directory = directory
        self.postgres = PostgresServer(directory / "postgres", durable=durable)
        self.kafka = KafkaBroker(directory / "kafka", fast_start=fast_start)

    def start(self) -> dict[str, str]:
        """Run both; the environment variables that name them."""
        self.directory.mkdir(parents=True, exist_ok=True)
        servers: tuple[KafkaBroker | PostgresServer, ...] = (self.kafka, self.postgres)
        try:
            # Preparing may happen in threads; spawning may not, a child dies with its spawning thread.
            with ThreadPoolExecutor(2) as pool:
                programs = list(pool.map(lambda server: server.prepare(), servers))
            for server, program in zip(servers, programs, strict=True):
                server.adopt(Child(program))
            for server in servers:
                wait_until(server.ready, server.child, within=60)
        except BaseException:
            self.stop()
            raise
        return {POSTGRES_VARIABLE: self.postgres.url, KAFKA_VARIABLE: self.kafka.bootstrap}

    def stop(self) -> None:
        """Stop both at the same time."""
        for server in (self.postgres, self.kafka):
            if server.child is not None:
                server.child.ask_to_stop()
        self.postgres.stop()
        self.kafka.stop()


def main() -> int:
    """Run the pair until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--no-fsync", action="store_true", help="faster, but a crash may lose data")
    arguments = parser.parse_args()
    directory: Path = arguments.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)

    stopping = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"servers already run in {directory}", file=sys.stderr)
            return 1
        pair = ServerPair(directory, durable=not arguments.no_fsync)
        addresses = pair.start()
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in addresses.items()]
        write_private(directory / "env.sh", "".join(lines))
        print("".join(lines), end="", flush=True)
        while not stopping.wait(1.0):
            for server in (pair.postgres, pair.kafka):
                if server.child is None or server.child.exit_code() is not None:
                    print(f"{server.name} has ended; starting it again", file=sys.stderr, flush=True)
                    server.start()
        (directory / "env.sh").unlink(missing_ok=True)
        pair.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
