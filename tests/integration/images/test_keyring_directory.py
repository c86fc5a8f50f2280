"""Keys under compose: made and revoked on the host, seen within a second by a service that runs as another user.

The container's mount is stood in for by the directory itself, which a child process enters before it becomes the
service's user: as in a container, what is above it does not matter.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service_kit.http.api_keys import Keyring

ROOT = Path(__file__).resolve().parents[3]
SERVICE_USER = 10001
"""Of the images; see the Dockerfile."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What a container mounts, made as the host makes it under a narrow umask."""
    before = os.umask(0o077)
    try:
        make = (sys.executable, str(ROOT / "deploy/docker/make-secrets"), "--directory", str(tmp_path / "secrets"))
        subprocess.run(make, check=True, capture_output=True)
    finally:
        os.umask(before)
    return tmp_path / "secrets/keyring"


def keys(directory: Path, *arguments: str) -> str:
    """Run `backorder keys` on the host."""
    file = str(directory / "keyring.json")
    command = (sys.executable, "-m", "backorder_local.cli", "keys", *arguments, "--keyring", file)
    done = subprocess.run(command, capture_output=True, text=True, check=False, umask=0o077)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def watcher(directory: Path, secret: str) -> Iterator[int]:
    """A process of the service's user that writes 1 or 0 whenever it finds that the key does or does not open."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _watch(directory, secret, writing)
        finally:
            os._exit(1)
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)
        # It only notices a closed pipe when it has something to write.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _watch(directory: Path, secret: str, writing: int) -> None:
    os.chdir(directory)
    os.setgroups([])
    os.setgid(SERVICE_USER)
    os.setuid(SERVICE_USER)
    keyring, last = Keyring(Path("keyring.json")), None
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        found = keyring.find(secret) is not None
        if found != last:
            os.write(writing, b"1" if found else b"0")
            last = found
        time.sleep(0.02)


@as_root
def test_a_key_is_made_and_revoked_for_a_service_of_another_user(directory: Path) -> None:
    first = (directory.parent / "api_key").read_text()
    with watcher(directory, first) as seen:
        assert os.read(seen, 1) == b"1"
        [line] = [line for line in keys(directory, "list").splitlines() if line.startswith("key_")]
        keys(directory, "revoke", line.split()[0])
        revoked = time.monotonic()
        assert os.read(seen, 1) == b"0"
        # A second is promised; the machine may be slow to run either process.
        assert time.monotonic() - revoked < 5
    second = keys(directory, "create", "shop", "--scope", "orders:read")
    with watcher(directory, second) as seen:
        assert os.read(seen, 1) == b"1"


@as_root
def test_a_change_keeps_mode_and_owner_of_the_keyring(directory: Path) -> None:
    file = directory / "keyring.json"
    os.chown(file, SERVICE_USER, SERVICE_USER)
    file.chmod(0o440)
    keys(directory, "create", "shop", "--scope", "orders:read")
    now = file.stat()
    assert (now.st_uid, now.st_gid, now.st_mode & 0o777) == (SERVICE_USER, SERVICE_USER, 0o440)
    assert [one.name for one in directory.iterdir() if one.name.startswith(".keyring")] == []
