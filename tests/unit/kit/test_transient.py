"""Which errors are the data's fault; everything else is worth another try."""

import asyncio
from typing import Any

import asyncpg
import pytest
from asyncpg import exceptions
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import exc

from service_kit.messaging.outbox import PayloadTooLarge
from service_kit.persistence.transient_errors import (
    is_data_fault,
    is_expected_outage,
    is_outage,
    is_statement_timeout,
    is_transient,
)

OF_THE_OUTSIDE = [
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
    asyncpg.ReadOnlySQLTransactionError(),
    asyncpg.InFailedSQLTransactionError(),
    asyncpg.InvalidPasswordError(),
    asyncpg.InvalidAuthorizationSpecificationError(),
    asyncpg.InvalidCatalogNameError(),
    asyncpg.InsufficientPrivilegeError(),
    asyncpg.UndefinedTableError(),
    asyncpg.InternalServerError(),
    asyncpg.DataCorruptedError(),
    asyncpg.PostgresIOError(),
    asyncpg.RaiseError(),
    asyncpg.FeatureNotSupportedError(),
    asyncpg.InvalidCachedStatementError(),
    asyncpg.UnknownPostgresError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("the number of columns does not match"),
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
    exceptions.ProtocolError(),
    exceptions.ClientConfigurationError("no such server"),
    exc.TimeoutError(),
    exc.PendingRollbackError(),
    exc.ResourceClosedError(),
    TimeoutError(),
    ConnectionRefusedError(),
    FileNotFoundError(),
    PermissionError(),
    OSError("Multiple exceptions: [Errno 111] Connect call failed"),
]
OF_THE_DATA = [
    asyncpg.UniqueViolationError(),
    asyncpg.NotNullViolationError(),
    asyncpg.ForeignKeyViolationError(),
    asyncpg.CheckViolationError(),
    asyncpg.NumericValueOutOfRangeError(),
    asyncpg.CharacterNotInRepertoireError(),
    asyncpg.CardinalityViolationError(),
    asyncpg.ProgramLimitExceededError(),
    asyncpg.DataError("invalid input for query argument $1: 'closed'"),
    KeyError("closed"),
    ValueError(),
    TypeError(),
    OverflowError(),
    RecursionError(),
    UnboundLocalError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    PayloadTooLarge(),
]


@pytest.mark.parametrize("error", OF_THE_OUTSIDE, ids=lambda error: type(error).__name__)
def test_what_the_outside_reports_is_transient(error: Exception) -> None:
    for one in (error, exc.DBAPIError("select", {}, error)):
        assert is_transient(one)
        assert is_outage(one)


@pytest.mark.parametrize("error", OF_THE_DATA, ids=lambda error: type(error).__name__)
def test_what_the_data_brings_about_is_not(error: Exception) -> None:
    for one in (error, exc.DBAPIError("select", {}, error)):
        assert is_data_fault(one)
        assert not is_outage(one)


@pytest.mark.parametrize("error", [Exception("?"), RuntimeError("?"), MemoryError(), EOFError(), ImportError()])
def test_what_nobody_knows_is_transient_but_no_outage(error: Exception) -> None:
    assert is_transient(error)
    assert not is_outage(error)


def test_every_sqlstate_of_the_driver_is_judged_by_its_class() -> None:
    known = {one for one in vars(exceptions).values() if isinstance(one, type) and issubclass(one, Exception)}
    for one in known:
        state = getattr(one, "sqlstate", None)
        if isinstance(state, str):
            assert is_data_fault(one()) == (state[:2] in {"21", "22", "23", "44", "54"}), state


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def test_the_cause_of_an_error_counts() -> None:
    assert is_outage(caused(RuntimeError("could not allocate"), asyncpg.DeadlockDetectedError()))
    assert is_transient(caused(ValueError("no rate"), ConnectionResetError()))
    assert is_data_fault(caused(RuntimeError("could not allocate"), KeyError("sku")))


def test_of_a_group_every_error_must_be_the_data_s() -> None:
    assert is_data_fault(ExceptionGroup("both", [ValueError(), KeyError()]))
    assert is_transient(ExceptionGroup("one of two", [ValueError(), TimeoutError()]))


def test_a_lost_connection_counts_for_more_than_what_was_lost_with_it() -> None:
    lost = exc.DBAPIError("select", {}, asyncpg.UniqueViolationError(), connection_invalidated=True)
    assert is_outage(lost)


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert is_data_fault(first)


def test_data_that_does_not_fit_a_model_is_at_fault() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python("x")
    assert is_data_fault(raised.value)


def test_time_outs_of_statements_are_known_wherever_they_are_measured() -> None:
    for error in (asyncpg.QueryCanceledError(), asyncpg.TransactionTimeoutError(), TimeoutError()):
        assert is_statement_timeout(exc.DBAPIError("select", {}, error))
    assert not is_statement_timeout(asyncpg.DeadlockDetectedError())


async def _never() -> None:
    await asyncio.Event().wait()


async def _within_a_time_limit() -> None:
    async with asyncio.timeout(0):
        await _never()


@pytest.mark.parametrize("limited", [_within_a_time_limit, lambda: asyncio.wait_for(_never(), 0.001)])
async def test_a_time_out_is_an_outage_although_it_is_raised_from_a_cancellation(limited: Any) -> None:
    # As asyncpg limits a connect: the task is cancelled, and the time-out names that as its cause.
    with pytest.raises(TimeoutError) as raised:
        await limited()
    assert isinstance(raised.value.__cause__, asyncio.CancelledError), "or this shows nothing"
    for error in (raised.value, caused(RuntimeError("could not connect"), raised.value)):
        assert is_transient(error)
        assert is_outage(error)
        assert is_expected_outage(error)
        assert is_statement_timeout(error)


def test_outages_that_are_part_of_the_trade_need_no_traceback() -> None:
    assert is_expected_outage(asyncpg.ReadOnlySQLTransactionError())
    assert not is_expected_outage(asyncpg.UndefinedTableError())
    assert not is_expected_outage(RuntimeError())
