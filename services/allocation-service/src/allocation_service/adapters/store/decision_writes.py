"""Storing decisions, with what is needed to compute them again, and reading them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from allocation_service.adapters.store.decision_digest import DecisionDigest, canonical_json
from allocation_service.adapters.store.reason_columns import columns_of
from allocation_service.adapters.store.write_plan import COPY_FROM, Copy, Execute, WriteStep
from allocation_service.application.session.decision_record import DecisionRecord
from service_kit.persistence.bulk import Columns, arrays, insert
from service_kit.persistence.statements import Statement

_DECISION: Columns = (
    ("decision_id", "text"), ("cause", "text"), ("cause_type", "text"), ("decided_at", "timestamptz"),
    ("digest", "text"), ("steps", "jsonb"),
)  # fmt: skip
_DECISION_SKU: Columns = (("sku", "text"), ("decision_id", "text"))
_DECISION_LINE: Columns = (
    ("decision_id", "text"), ("step", "int"), ("rank", "int"), ("line_id", "text"), ("sku", "text"),
    ("quantity", "bigint"), ("granted", "bigint"), ("reason_code", "text"), ("reason_parameters", "jsonb"),
    ("facts", "jsonb"),
)  # fmt: skip
_STEP_AND_RANK = itemgetter(0, 1)
_INSERTS = {
    table: Statement(insert(table, columns), changes=table)
    for table, columns in (("decision", _DECISION), ("decision_sku", _DECISION_SKU), ("decision_line", _DECISION_LINE))
}


def steps_of(records: Sequence[DecisionRecord]) -> Iterator[WriteStep]:
    """Store decisions with their steps and lines; the digest covers all inputs and results."""
    if not records:
        return
    heads: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for record in records:
        decision_id = record.decision_id
        encoded = canonical_json(record.all_steps())
        digest = DecisionDigest(encoded, record.decided_at)
        for row in sorted(record.rows, key=_STEP_AND_RANK):
            facts, (code, parameters) = canonical_json(row.facts), columns_of(row.reason)
            digest.add_line(row[:6], (code, parameters or ""), facts)
            rows.append((decision_id, *row[:6], code, parameters, facts.decode()))
        heads.append((decision_id, record.cause, record.cause_type, record.decided_at, digest.text(), encoded.decode()))
    skus = [(sku, record.decision_id) for record in records for sku in sorted(record.skus)]
    yield from _added("decision", _DECISION, heads)
    yield from _added("decision_sku", _DECISION_SKU, skus)
    yield from _added("decision_line", _DECISION_LINE, rows)


def _added(table: str, columns: Columns, rows: Sequence[tuple[Any, ...]]) -> Iterator[WriteStep]:
    if len(rows) > COPY_FROM:
        yield Copy(table, [name for name, _ in columns], rows)
    elif rows:
        yield Execute(_INSERTS[table], arrays(columns, rows))
