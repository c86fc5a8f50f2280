"""Starts the real PostgreSQL and Kafka that the chosen tests need: once a session, shared by all xdist workers.

Servers named by `BACKORDER_TEST_POSTGRES` and `BACKORDER_TEST_KAFKA` are used as they are and left running.
"""

import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path, PurePath

import pytest
from hypothesis import HealthCheck, settings

from backorder_local.devservers import KAFKA_VARIABLE, POSTGRES_VARIABLE
from backorder_local.kafka import KafkaBroker
from backorder_local.postgres import PostgresServer
from backorder_local.processes import Child, wait_until

_TESTS = Path(__file__).resolve().parent

# How long an example takes says something about the machine, not about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
# The servers that a folder's tests are given; one that is not named here, or only below, is given both. What starts
# whole systems starts their servers itself.
_GIVEN = {
    "unit": (),
    "contract": (POSTGRES_VARIABLE,),
    "integration/allocation": (POSTGRES_VARIABLE,),
    "integration/images": (),
    "integration/inventory": (POSTGRES_VARIABLE,),
    "integration/local": (),
    "integration/order": (POSTGRES_VARIABLE,),
    "integration/protocol": (POSTGRES_VARIABLE,),
    "chaos": (),
    "e2e": (),
}

_FIXTURES_EXIST = find_spec("service_kit.testing") is not None and find_spec("service_kit.testing.fixtures") is not None
# The fixtures that hand out databases and topics on these servers.
pytest_plugins = ["service_kit.testing.fixtures"] if _FIXTURES_EXIST else []


class _Servers:
    """What this session started, and where."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="backorder-tests-"))
        self.running: list[KafkaBroker | PostgresServer] = []

    def start(self, needed: set[str]) -> None:
        # The database server may run under another account, which must be able to reach its data.
        self.directory.chmod(0o711)
        if POSTGRES_VARIABLE in needed:
            self.running.append(PostgresServer(self.directory / "postgres", durable=False, max_connections=300))
        if KAFKA_VARIABLE in needed:
            self.running.append(KafkaBroker(self.directory / "kafka"))
        for server in self.running:
            server.adopt(Child(server.prepare()))
        for server in self.running:
            wait_until(server.ready, server.child, within=60)
            if isinstance(server, PostgresServer):
                os.environ[POSTGRES_VARIABLE] = server.url
            else:
                os.environ[KAFKA_VARIABLE] = server.bootstrap

    def stop(self) -> None:
        for server in self.running:
            server.kill()
            os.environ.pop(POSTGRES_VARIABLE if isinstance(server, PostgresServer) else KAFKA_VARIABLE, None)
        shutil.rmtree(self.directory, ignore_errors=True)


_servers = pytest.StashKey[_Servers]()


def _needed_servers(config: pytest.Config) -> set[str]:
    """The variables that must name a server and do not yet."""
    if config.option.collectonly or config.option.help or config.option.version:
        return set()
    needed = {variable for argument in config.args for variable in _given(_below_tests(argument, config))}
    return needed - os.environ.keys()


def _below_tests(argument: str, config: pytest.Config) -> PurePath:
    """What a command-line argument selects, relative to tests/; empty for all of them."""
    path = (config.invocation_params.dir / argument.split("::", 1)[0]).resolve()
    return path.relative_to(_TESTS) if path.is_relative_to(_TESTS) else PurePath()


def _given(chosen: PurePath) -> tuple[str, ...]:
    folders = (place.as_posix() for place in (chosen, *chosen.parents))
    return next((_GIVEN[folder] for folder in folders if folder in _GIVEN), (POSTGRES_VARIABLE, KAFKA_VARIABLE))


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or not (needed := _needed_servers(config)):
        return
    servers = config.stash[_servers] = _Servers()
    try:
        servers.start(needed)
    except BaseException:
        servers.stop()
        raise


def pytest_unconfigure(config: pytest.Config) -> None:
    if (servers := config.stash.get(_servers, None)) is not None:
        servers.stop()
