"""Work of many short-lived objects without the cyclic garbage collector walking over them again and again."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_pausing = 0


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic collection until the last of all that asked has ended; of this process's event loop only.

    For work that makes up to a million objects and drops them all by reference counting: the collector finds
    nothing, and takes up to two thirds of the time. Drop what is large before leaving, or it is walked once.
    """
    global _pausing  # noqa: PLW0603 - the collector is the process's own
    if not _pausing and not gc.isenabled():
        # Somebody else has switched it off, and will see to it.
        yield
        return
    _pausing += 1
    gc.disable()
    try:
        yield
    finally:
        _pausing -= 1
        if not _pausing:
            gc.enable()


def give_back_memory() -> None:
    """Collect, and give the pages that are free between others back to the system; a few milliseconds.

    After a burst of work they would stay with the process for ever: the C library gives back by itself only what
    lies at its heap's end. Nothing is collected while the collector is paused.
    """
    if not _pausing:
        gc.collect()
    with suppress(OSError, AttributeError):  # another system than Linux, or another C library
        ctypes.CDLL(None).malloc_trim(0)
