"""Asserting a service's invariants on a test database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service_kit.persistence.database import Database
from service_kit.persistence.invariant import Invariant, Violation

_SHOWN = 5


async def assert_invariants(database: Database, invariants: Iterable[Invariant], *, at_rest: bool = True) -> None:
    """Raise AssertionError with the first violations of every invariant that does not hold.

    With `at_rest=False`, invariants that hold only at rest are left out: use it where events are still under way.
    """
    chosen = [invariant for invariant in invariants if at_rest or not invariant.only_at_rest]
    async with database.reading() as conn:
        rows: list[Sequence[Violation]] = [
            [dict(row) for row in (await conn.exec_driver_sql(invariant.sql)).mappings()] for invariant in chosen
        ]
    broken = [
        f"{invariant.name}: {list(violations[:_SHOWN])}\n  {invariant.meaning}"
        for invariant, found in zip(chosen, rows, strict=True)
        if (violations := await _confirmed(database, invariant, found))
    ]
    assert not broken, "\n".join(broken)  # noqa: S101 - this is an assertion of tests


async def _confirmed(database: Database, invariant: Invariant, rows: Sequence[Violation]) -> Sequence[Violation]:
    return await invariant.confirm(database, rows) if rows and invariant.confirm is not None else rows
