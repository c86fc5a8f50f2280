"""The table behind ``Idempotency-Key``: one row for each key whose command was committed."""

from __future__ import annotations

IDEMPOTENCY_DDL: tuple[str, ...] = (
    """
    CREATE TABLE idempotency_record (
        principal   text        NOT NULL,
        operation   text        NOT NULL,
        key         text        NOT NULL,
        fingerprint bytea       NOT NULL,
        resource_id text        NOT NULL,
        status      smallint    NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (principal, operation, key)
    )
    """,
    # Rows are dropped by age, oldest first.
    "CREATE INDEX idempotency_record_created_at ON idempotency_record (created_at)",
)
"""Statements that create the table, in the order in which they must run."""
