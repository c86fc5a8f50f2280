"""Storing decisions, with what is needed to compute them again, and reading them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import text

from allocation_service.adapters.steps import COPY_FROM, Copy, Execute, Step
from allocation_service.application.case import Record

_DECISIONS = text(
    """
    INSERT INTO decision (decision_id, cause, cause_type, decided_at, digest, steps)
    SELECT decision_id, cause, cause_type, decided_at, digest, CAST(steps AS jsonb)
    FROM unnest(CAST(:ids AS text[]), CAST(:causes AS text[]), CAST(:types AS text[]), CAST(:times AS timestamptz[]),
                CAST(:digests AS text[]), CAST(:steps AS text[]))
         AS row (decision_id, cause, cause_type, decided_at, digest, steps)
    """
)
_SKUS = text(
    "INSERT INTO decision_sku (sku, decision_id)"
    " SELECT sku, decision_id FROM unnest(CAST(:skus AS text[]), CAST(:ids AS text[])) AS row (sku, decision_id)"
)
_LINES = text(
    """
    INSERT INTO decision_line (decision_id, step, rank, line_id, sku, quantity, granted, reason, facts)
    SELECT decision_id, step, rank, line_id, sku, quantity, granted, reason, CAST(facts AS jsonb)
    FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS int[]), CAST(:c2 AS int[]), CAST(:c3 AS text[]), CAST(:c4 AS text[]),
                CAST(:c5 AS bigint[]), CAST(:c6 AS bigint[]), CAST(:c7 AS text[]), CAST(:c8 AS text[]))
         AS row (decision_id, step, rank, line_id, sku, quantity, granted, reason, facts)
    """
)
_COLUMNS = ("decision_id", "step", "rank", "line_id", "sku", "quantity", "granted", "reason", "facts")


def steps_of(records: Sequence[Record]) -> Iterator[Step]:
    """Store decisions with their steps and lines; the digest covers all inputs and results."""
    if not records:
        return
    rows: list[tuple[Any, ...]] = []
    digests, steps = [], []
    for record in records:
        encoded = orjson.dumps(record.steps, default=list)
        digest = hashlib.sha256(encoded)
        for row in record.rows:
            facts = orjson.dumps(row.facts, default=list)
            digest.update(facts)
            rows.append((record.decision_id, *row[:7], facts.decode()))
        steps.append(encoded.decode())
        digests.append(digest.hexdigest())
    yield Execute(
        _DECISIONS,
        {
            "ids": [record.decision_id for record in records],
            "causes": [record.cause for record in records],
            "types": [record.cause_type for record in records],
            "times": [record.decided_at for record in records],
            "digests": digests,
            "steps": steps,
        },
    )
    pairs = [(sku, record.decision_id) for record in records for sku in sorted(record.skus)]
    if pairs:
        yield Execute(_SKUS, {"skus": [sku for sku, _ in pairs], "ids": [one for _, one in pairs]})
    if len(rows) > COPY_FROM:
        yield Copy("decision_line", _COLUMNS, rows)
    elif rows:
        yield Execute(_LINES, {f"c{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))})
