"""Logs of the local system, kept from filling the disk."""

import shutil
from pathlib import Path

LARGEST_LOG = 10 * 1024 * 1024
"""Bytes after which a log is put aside."""
KEPT = 3
"""Old logs of each program: `order.log.1` is the newest."""


def rotate_log(log: Path, largest: int = LARGEST_LOG, kept: int = KEPT) -> bool:
    """Put a log aside that has become large, and empty it; True if it was.

    The file is copied and emptied, not renamed: its program has it open, to append, and goes on at its new end. Lines
    that are written between the two steps are lost.
    """
    try:
        if log.stat().st_size < largest:
            return False
    except FileNotFoundError:
        return False
    for number in range(kept, 1, -1):
        older = _aside(log, number - 1)
        if older.exists():
            older.replace(_aside(log, number))
    newest = _aside(log, 1)
    shutil.copyfile(log, newest)
    newest.chmod(log.stat().st_mode & 0o777)
    with log.open("r+b") as file:
        file.truncate(0)
    return True


def _aside(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
