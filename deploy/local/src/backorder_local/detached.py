"""Running the supervisor in the background, while the terminal still hears how its start went."""

import os
import signal
import sys
from collections.abc import Callable
from typing import IO

from backorder_local.data_directory import DataDirectory

_UP = "everything is up"


def run_detached(directory: DataDirectory, lock: IO[str], supervise: Callable[[], int]) -> int:
    """Fork a supervisor into a session of its own, repeat what it says until it is up, and return its exit code.

    The fork keeps the lock; this process gives its hold up when it ends.
    """
    hear, tell = os.pipe()
    directory.logs.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(hear)
        _become_background(directory, tell)
        # Whatever happens, this copy of the caller must not go on to do the caller's work.
        code = 1
        try:
            code = supervise()
        finally:
            sys.stdout.flush()
            os._exit(code)
    os.close(tell)
    return _listen(hear, child)


def _become_background(directory: DataDirectory, tell: int) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(directory.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = _Both(tell, sys.__stdout__)


class _Both:
    """Standard output that a listener hears too, for as long as there is one."""

    def __init__(self, listener: int, log: IO[str] | None) -> None:
        self._listener: int | None = listener
        self._log = log

    def write(self, text: str) -> int:
        if self._log is not None:
            self._log.write(text)
        if self._listener is not None:
            try:
                os.write(self._listener, text.encode())
            except BrokenPipeError:
                self._listener = None
        return len(text)

    def flush(self) -> None:
        if self._log is not None:
            self._log.flush()


def _listen(hear: int, child: int) -> int:
    """Print what the supervisor says until it is up or gone. Ctrl-C meanwhile stops it."""
    # The supervisor left the terminal's session: Ctrl-C reaches only this process, which passes it on.
    previous = signal.signal(signal.SIGINT, lambda _number, _frame: os.kill(child, signal.SIGTERM))
    try:
        with os.fdopen(hear, "r") as lines:
            for line in lines:
                print(line, end="", flush=True)
                if line.startswith(_UP):
                    return 0
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) or 1
    finally:
        signal.signal(signal.SIGINT, previous)
