"""First dates as they are stored, and what dates rest on in the columns of a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from allocation_service.adapters.store.write_plan import Execute, WriteStep
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.first_promise import FirstPromise
from allocation_service.domain.promising.learned_supply import PromiseSource
from service_kit.persistence.bulk import Columns, arrays, insert
from service_kit.persistence.statements import Statement

_FIRST_PROMISE: Columns = (
    ("line_id", "text"), ("sku", "text"), ("basis", "text"), ("source", "text"), ("target", "smallint"),
    ("first_date", "date"), ("asked_at", "timestamptz"), ("lead_time", "int"), ("table_version", "bigint"),
    ("confidence", "smallint"),
)  # fmt: skip
_ROWS = Statement(insert("first_promise", _FIRST_PROMISE, "ON CONFLICT (line_id) DO NOTHING"), changes="first_promise")


def first_promise_steps(first: Sequence[FirstPromise]) -> Iterator[WriteStep]:
    """Store first dates; a line has only one, whatever becomes of it."""
    if first:
        yield Execute(_ROWS, arrays(_FIRST_PROMISE, first))


def promise_source_columns(source: PromiseSource | None) -> tuple[str | None, str | None, int | None, int | None]:
    """``promise_basis``, ``promise_source``, ``promise_confidence`` and ``promise_table`` of a line."""
    if source is None:
        return (None, None, None, None)
    return (source.basis.value, source.source, source.confidence, source.table_version)


def promise_source_of(row: Any) -> PromiseSource | None:
    """What these columns of a row say."""
    basis = row["promise_basis"]
    if basis is None:
        return None
    return PromiseSource(Basis(basis), row["promise_source"], row["promise_confidence"], row["promise_table"])
