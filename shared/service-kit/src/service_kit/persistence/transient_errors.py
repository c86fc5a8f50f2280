"""Which errors are the data's fault, so that they come again whatever is tried, and which pass.

An error is transient unless it is known to be the data's fault (ADR 0022, docs/adr): the list below is closed. A
mistake in one direction makes a consumer wait and alarm; in the other it sets aside an event that is in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
from sqlalchemy import exc

_FAULTS_OF_DATA = ("21", "22", "23", "44", "54")
"""SQLSTATE classes: cardinality violation, data exception, integrity constraint violation, check option violation, and
program limit exceeded (an index entry or an expression of that size). What the server reports with any other class
is about the server, the connection or the schema: a fail-over, a full disk, a lost role, a missing migration."""

_PASSING = ("08", "25", "28", "3D", "40", "53", "55", "57", "58")
"""SQLSTATE classes that everybody expects to pass; an error of another class is reported with its traceback."""

_FAULTS_IN_PYTHON = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    NameError,
    NotImplementedError,
    RecursionError,
)
"""What computing with data raises: our own refusals (which derive from ValueError), and defects that data meets."""

_OF_THE_OUTSIDE = (
    OSError,  # with ConnectionError and TimeoutError
    exc.DBAPIError,
    exc.TimeoutError,
    exc.DisconnectionError,
    exc.PendingRollbackError,
    exc.ResourceClosedError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What the network, the operating system, the database and its driver raise."""

_DEPTH = 20
"""How far a chain of causes is followed."""


def is_data_fault(error: BaseException) -> bool:
    """Whether the same data will fail in the same way again, as far as can be known.

    An error that was raised from another (``raise X from Y``), or that wraps the driver's, is the data's fault only if
    its cause is none of the outside's.
    """
    roots = list(_roots(error))
    return bool(roots) and all(_is_fault_of_data(root) for root in roots)


def is_transient(error: BaseException) -> bool:
    """Whether the same may succeed later: everything that is not known to be the data's fault."""
    return not is_data_fault(error)


def is_outage(error: BaseException) -> bool:
    """Whether the outside failed, by itself or as the cause: network, operating system, database or driver.

    Such an error is transient; an unknown error of the program is transient too, but no outage.
    """
    return any(
        (isinstance(root, _OF_THE_OUTSIDE) or _within_driver(root)) and not _is_fault_of_data(root)
        for root in _roots(error)
    )


def is_expected_outage(error: BaseException) -> bool:
    """Whether an outage is of a kind that needs no traceback: connections, fail-overs, locks, time-outs, resources."""
    for root in _roots(error):
        state = _sqlstate(root)
        if state is not None and not state.startswith(_PASSING):
            return False
    return is_outage(error)


def is_statement_timeout(error: BaseException) -> bool:
    """Whether a statement took too long, by the server's limit (57014, 25P04) or by the client's."""
    return any(_sqlstate(root) in _TIMEOUTS or isinstance(root, TimeoutError) for root in _roots(error))


_TIMEOUTS = frozenset({"57014", "25P04"})


def _is_fault_of_data(error: BaseException) -> bool:
    state = _sqlstate(error)
    if state is not None:
        return state.startswith(_FAULTS_OF_DATA)
    if isinstance(error, _OF_THE_OUTSIDE) or _within_driver(error):
        return False
    return isinstance(error, _FAULTS_IN_PYTHON)


def _within_driver(error: BaseException) -> bool:
    """Whether the driver stumbled, as it does over a connection that goes away under it."""
    if not isinstance(error, AttributeError | TypeError | AssertionError):
        return False
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and str(frame.tb_frame.f_globals.get("__name__")).startswith("asyncpg.")


def _sqlstate(error: BaseException) -> str | None:
    """The server's code. SQLAlchemy's copies have it too, but they are never asked: they have a cause."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _roots(error: BaseException, depth: int = _DEPTH) -> Iterator[BaseException]:
    """The errors that began it: what stands at the end of the chain of causes; each one of a group."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _roots(one, depth - 1)
        return
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        yield ConnectionResetError("the connection was lost")
        return
    cause = error.orig if isinstance(error, exc.StatementError) and error.orig is not None else error.__cause__
    # A time limit cancels the task and raises from that: the cancellation is its means and no cause.
    if cause is None or isinstance(cause, asyncio.CancelledError) or depth <= 0:
        yield error
        return
    yield from _roots(cause, depth - 1)
