"""Invariants of the whole system: those of one service, and those that two services must agree on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from backorder_verify.check.snapshot import SystemSnapshot
from service_kit.persistence.invariant import Invariant, Violation

FindViolations = Callable[[SystemSnapshot], AsyncIterator[Violation]]

_CONFIRMED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SystemInvariant:
    """A fact that holds while the system is at rest."""

    name: str
    meaning: str
    """One sentence: what holds, and what a shop suffers if it does not."""
    violations: FindViolations


def of_service(service: str, invariants: Iterable[Invariant]) -> tuple[SystemInvariant, ...]:
    """A service's own invariants, checked in its database."""
    return tuple(SystemInvariant(each.name, each.meaning, _query_of(service, each)) for each in invariants)


def _query_of(service: str, invariant: Invariant) -> FindViolations:
    async def violations(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
        confirm = invariant.confirm
        found: list[Violation] = []
        async for row in snapshot.rows(service, invariant.sql):
            if confirm is None:
                yield dict(row)
                continue
            found.append(dict(row))
            if len(found) >= _CONFIRMED_AT_ONCE:
                for violation in await confirm(snapshot.database(service), found):
                    yield violation
                found = []
        if confirm is not None and found:
            for violation in await confirm(snapshot.database(service), found):
                yield violation

    return violations


def same_rows(left: tuple[str, str], right: tuple[str, str], *, key: Sequence[str]) -> FindViolations:
    """Finds the rows in which two (service, query) differ.

    Both queries must order by `key` (text in byte order: `COLLATE "C"`) and return the same columns. The two streams
    are merged, so memory does not grow with the number of rows.
    """
    left_name, right_name = left[0], right[0]

    async def violations(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
        lefts, rights = snapshot.rows(*left), snapshot.rows(*right)
        a, b = await anext(lefts, None), await anext(rights, None)
        while a is not None or b is not None:
            a_key = None if a is None else tuple(_sortable(a[column]) for column in key)
            b_key = None if b is None else tuple(_sortable(b[column]) for column in key)
            if b_key is None or (a_key is not None and a_key < b_key):
                yield {**_key_of(a, key), "missing_at": right_name, left_name: _rest(a, key)}
                a = await anext(lefts, None)
            elif a_key is None or b_key < a_key:
                yield {**_key_of(b, key), "missing_at": left_name, right_name: _rest(b, key)}
                b = await anext(rights, None)
            else:
                if tuple(a or ()) != tuple(b or ()):
                    yield {**_key_of(a, key), **_differences(a, b, key, left_name, right_name)}
                a, b = await anext(lefts, None), await anext(rights, None)

    return violations


def _sortable(value: object) -> object:
    return value.encode() if isinstance(value, str) else value


def _key_of(row: asyncpg.Record | None, key: Sequence[str]) -> dict[str, object]:
    return {column: row[column] for column in key} if row is not None else {}


def _rest(row: asyncpg.Record | None, key: Sequence[str]) -> dict[str, object]:
    return {column: value for column, value in row.items() if column not in key} if row is not None else {}


def _differences(a: asyncpg.Record, b: asyncpg.Record, key: Sequence[str], left: str, right: str) -> dict[str, object]:
    return {
        f"{column} at {side}": row[column]
        for column in a.keys()  # noqa: SIM118 - a record is no mapping
        if column not in key and a[column] != b[column]
        for side, row in ((left, a), (right, b))
    }
