"""Which errors are worth another try."""

import asyncpg
import pytest
from sqlalchemy import exc

from service_kit.persistence.transient_errors import is_transient


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError(),
        asyncpg.SerializationError(),
        asyncpg.AdminShutdownError(),
        asyncpg.CrashShutdownError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.DiskFullError(),
        asyncpg.LockNotAvailableError(),
        asyncpg.QueryCanceledError(),
        asyncpg.IdleInTransactionSessionTimeoutError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InvalidCachedStatementError(),
        exc.TimeoutError(),
        TimeoutError(),
        ConnectionRefusedError(),
        OSError("Multiple exceptions: [Errno 111] Connect call failed"),
    ],
)
def test_what_passes_by_itself_is_transient(error: Exception) -> None:
    assert is_transient(error)
    assert is_transient(exc.DBAPIError("select", {}, error))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError(),
        asyncpg.NotNullViolationError(),
        asyncpg.UndefinedTableError(),
        asyncpg.NumericValueOutOfRangeError(),
        asyncpg.DataError("invalid input for query argument $1: 'closed'"),
        asyncpg.InterfaceError("the number of columns does not match"),
        asyncpg.InFailedSQLTransactionError(),
        FileNotFoundError(),
        KeyError("closed"),
        ValueError(),
    ],
)
def test_what_will_fail_again_is_not(error: Exception) -> None:
    assert not is_transient(error)


def test_the_cause_of_an_error_counts() -> None:
    try:
        try:
            raise asyncpg.DeadlockDetectedError
        except asyncpg.DeadlockDetectedError as inner:
            raise RuntimeError("could not allocate") from inner
    except RuntimeError as outer:
        assert is_transient(outer)
