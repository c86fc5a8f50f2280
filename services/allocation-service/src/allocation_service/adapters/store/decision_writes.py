"""Storing decisions, with what is needed to compute them again, and reading them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from allocation_service.adapters.store.reason_columns import columns_of
from allocation_service.adapters.store.write_plan import COPY_FROM, Copy, Execute, WriteStep
from allocation_service.application.session.decision_builder import DecisionRecord
from service_kit.persistence.statements import Statement

_DECISIONS = Statement(
    """
    INSERT INTO decision (decision_id, cause, cause_type, decided_at, digest, steps)
    SELECT decision_id, cause, cause_type, decided_at, digest, CAST(steps AS jsonb)
    FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS text[]), CAST(:c2 AS text[]), CAST(:c3 AS timestamptz[]),
                CAST(:c4 AS text[]), CAST(:c5 AS text[]))
         AS row (decision_id, cause, cause_type, decided_at, digest, steps)
    """,
    changes="decision",
)
_SKUS = Statement(
    "INSERT INTO decision_sku (sku, decision_id)"
    " SELECT sku, decision_id FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS text[])) AS row (sku, decision_id)",
    changes="decision_sku",
)
_LINES = Statement(
    """
    INSERT INTO decision_line (decision_id, step, rank, line_id, sku, quantity, granted, reason_code,
                               reason_parameters, facts)
    SELECT decision_id, step, rank, line_id, sku, quantity, granted, reason_code, CAST(reason_parameters AS jsonb),
           CAST(facts AS jsonb)
    FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS int[]), CAST(:c2 AS int[]), CAST(:c3 AS text[]), CAST(:c4 AS text[]),
                CAST(:c5 AS bigint[]), CAST(:c6 AS bigint[]), CAST(:c7 AS text[]), CAST(:c8 AS text[]),
                CAST(:c9 AS text[]))
         AS row (decision_id, step, rank, line_id, sku, quantity, granted, reason_code, reason_parameters, facts)
    """,
    changes="decision_line",
)
_DECISION_COLUMNS = ("decision_id", "cause", "cause_type", "decided_at", "digest", "steps")
_SKU_COLUMNS = ("sku", "decision_id")
_LINE_COLUMNS = (
    "decision_id", "step", "rank", "line_id", "sku", "quantity", "granted", "reason_code", "reason_parameters", "facts",
)  # fmt: skip


def steps_of(records: Sequence[DecisionRecord]) -> Iterator[WriteStep]:
    """Store decisions with their steps and lines; the digest covers all inputs and results."""
    if not records:
        return
    heads: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for record in records:
        decision_id = record.decision_id
        encoded = orjson.dumps(record.steps, default=list)
        digest = hashlib.sha256(encoded)
        for row in record.rows:
            facts = orjson.dumps(row.facts, default=list)
            digest.update(facts)
            rows.append((decision_id, *row[:6], *columns_of(row.reason), facts.decode()))
        heads.append(
            (decision_id, record.cause, record.cause_type, record.decided_at, digest.hexdigest(), encoded.decode())
        )
    skus = [(sku, record.decision_id) for record in records for sku in sorted(record.skus)]
    yield from _added("decision", _DECISION_COLUMNS, _DECISIONS, heads)
    yield from _added("decision_sku", _SKU_COLUMNS, _SKUS, skus)
    yield from _added("decision_line", _LINE_COLUMNS, _LINES, rows)


def _added(
    table: str, columns: Sequence[str], insert: Statement, rows: Sequence[tuple[Any, ...]]
) -> Iterator[WriteStep]:
    if len(rows) > COPY_FROM:
        yield Copy(table, columns, rows)
    elif rows:
        yield Execute(insert, {f"c{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))})
