"""Processes that a supervisor left behind. On Linux the kernel ends them; elsewhere a start does."""

from collections.abc import Iterable, Mapping
from typing import Any

import psutil


def end_leftovers(parts: Iterable[Mapping[str, Any]]) -> list[int]:
    """End what still runs of the parts recorded last, and what they started; the pids that were ended.

    A pid counts only with the start time that was recorded with it: the number may have been given to
    another program since.
    """
    left: list[psutil.Process] = []
    for part in parts:
        pid, since = part.get("pid"), part.get("pid_since")
        if pid is None or since is None:
            continue
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - float(since)) < 2.0:
                left += [*process.children(recursive=True), process]
        except psutil.NoSuchProcess:
            continue
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=10)
    return [process.pid for process in left]
