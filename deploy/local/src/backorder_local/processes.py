"""Child processes that never outlive the process that started them.

Every child runs in a process group of its own and asks the kernel to be signalled when its parent dies,
so that even `kill -9` of the parent leaves nothing behind. The signal is tied to the *thread* that spawned
the child: spawn from the main thread only.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child between fork and exec must not take the loader's lock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


class StartFailed(RuntimeError):
    """A program ended, or gave no sign of health, before its deadline."""


@dataclass(frozen=True)
class Program:
    """What to run and how to end it. `death_signal` is what it gets when its parent dies."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL


def _die_with(parent: int, death_signal: int) -> Callable[[], None]:
    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return arrange


class Child:
    """One running program; `stop` always returns within the program's time limit and a little more."""

    def __init__(self, program: Program) -> None:
        self.program = program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        identity: dict[str, object] = {}
        if program.user is not None and os.geteuid() == 0:
            account = pwd.getpwnam(program.user)
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with program.log.open("ab") as log:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.env},
                cwd=program.cwd,
                process_group=0,
                preexec_fn=_die_with(os.getpid(), program.death_signal),  # noqa: PLW1509 - one system call
                **identity,
            )
        self.started_at = time.time()

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self.process.poll()

    def ask_to_stop(self) -> None:
        """Send the program its stop signal and return at once."""
        if self.exit_code() is None:
            # A frozen child could not react to anything but SIGKILL.
            self._signal_group(signal.SIGCONT)
            self.process.send_signal(self.program.stop_signal)

    def wait(self, timeout: float) -> bool:
        """True if the program ended within `timeout` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Ask the program to end, then insist."""
        self.ask_to_stop()
        if not self.wait(self.program.stop_within):
            self.kill()

    def kill(self) -> None:
        """End the program and everything in its process group at once."""
        self._signal_group(signal.SIGKILL)
        self.process.wait(10)

    def _signal_group(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


def wait_until(ready: Callable[[], bool], child: Child | None, within: float, every: float = 0.05) -> None:
    """Poll `ready` until it holds; say what the log says if the child dies first or the time runs out."""
    deadline = time.monotonic() + within
    while True:
        if child is not None and (code := child.exit_code()) is not None:
            raise StartFailed(f"{child.program.name} ended with {code} while starting\n{log_tail(child.program.log)}")
        if ready():
            return
        if time.monotonic() > deadline:
            name, tail = (child.program.name, log_tail(child.program.log)) if child else ("the server", "")
            raise StartFailed(f"{name} was not ready within {within:.0f} s\n{tail}")
        time.sleep(every)


def log_tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, each set in, under the log's name; empty without a log."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16_384))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    shown = "\n".join("    " + line for line in text.splitlines()[-lines:])
    return f"  {path}:\n{shown}"
