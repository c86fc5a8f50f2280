"""Which errors pass by themselves, so that trying again helps, and which do not."""

from __future__ import annotations

import asyncpg
from sqlalchemy import exc

_TRANSIENT_CLASSES = ("08", "53", "57P")
"""Connection exceptions, insufficient resources (disk, memory, connections), operator intervention."""

_TRANSIENT_STATES = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available (lock_timeout)
        "57014",  # query_canceled (statement_timeout)
        "25P03",  # idle_in_transaction_session_timeout: this process was frozen
        "25P04",  # transaction_timeout
    }
)

_CLOSED = ("closed", "terminated", "lost", "not connected", "released back")


def is_transient(error: BaseException) -> bool:
    """Whether the same statements may succeed later: lost connection, deadlock, shutdown, full disk, time-out.

    Everything else (constraint violations, bad data, errors of the program) is deterministic. An
    error raised from another (``raise X from Y``) is judged by itself, then by its cause.
    """
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return False
        if _is_transient_itself(seen):
            return True
        seen = seen.orig if isinstance(seen, exc.DBAPIError) and seen.orig is not None else seen.__cause__
    return False


def _is_transient_itself(error: BaseException) -> bool:
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, exc.TimeoutError | TimeoutError | ConnectionError | asyncpg.InvalidCachedStatementError):
        return True
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return state in _TRANSIENT_STATES or state.startswith(_TRANSIENT_CLASSES)
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError):
        return any(word in str(error) for word in _CLOSED)
    # Errors of the network pass; a missing file stays missing.
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError | FileExistsError)
