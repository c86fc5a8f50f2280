"""Where a local system keeps everything: data, keys, logs, and the record of what runs."""

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

NAME = ".backorder"


class AlreadyRunning(RuntimeError):
    """Another process runs a system in this directory."""


@dataclass(frozen=True)
class DataDirectory:
    """The places below one directory; removing the directory removes the system."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mails(self) -> Path:
        return self.root / "mails"

    @property
    def payments(self) -> Path:
        """What the payment simulator remembers."""
        return self.root / "payments.sqlite"

    @property
    def database_passwords(self) -> Path:
        return self.root / "database-passwords.json"

    @property
    def api_key(self) -> Path:
        return self.root / "api-key"

    @property
    def keyring(self) -> Path:
        return self.root / "keyring.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def parts(self) -> Path:
        """What the supervisor last knew of each part; written at every change."""
        return self.root / "parts.json"

    @property
    def addresses(self) -> Path:
        """How to reach the running system; exists while it is up."""
        return self.root / "system.json"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def lock(self) -> Path:
        return self.root / "supervisor.lock"

    def acquire(self) -> IO[str]:
        """Take the directory for this process and its forks, until the file returned is closed."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = self.lock.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise AlreadyRunning(f"a system already runs in {self.root}") from None
        self.name_holder(lock)
        return lock

    def name_holder(self, lock: IO[str]) -> None:
        """Write this process down as the one that `down` signals."""
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()

    def holder(self) -> int | None:
        """The pid of the supervisor that runs here, or None."""
        with suppress(FileNotFoundError), self.lock.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                text = lock.read().strip()
                return int(text) if text else None
        return None

    def wait_until_released(self, within: float) -> bool:
        """True once no supervisor runs here any more."""
        deadline = time.monotonic() + within
        while self.holder() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def default_root() -> Path:
    """`.backorder` of the project that the current directory belongs to, else of the current directory."""
    here = Path.cwd()
    for place in (here, *here.parents):
        if (place / NAME).is_dir() or (place / ".git").exists():
            return place / NAME
    return here / NAME
