"""The tables behind parked work and the troubles of workers."""

from __future__ import annotations

PARKED_WORK_DDL: tuple[str, ...] = (
    """
    CREATE TABLE parked_work (
        task            text        NOT NULL,
        item            text        NOT NULL,
        error           text        NOT NULL,
        attempts        int         NOT NULL,
        parked_at       timestamptz NOT NULL DEFAULT now(),
        next_attempt_at timestamptz NOT NULL,
        PRIMARY KEY (task, item)
    )
    """,
    # A few rows, written again and again: no index but the key.
    """
    CREATE TABLE worker_trouble (
        worker   text        NOT NULL,
        part     text        NOT NULL,
        detail   text        NOT NULL,
        since    timestamptz NOT NULL,
        seen_at  timestamptz NOT NULL,
        PRIMARY KEY (worker, part)
    )
    """,
)
"""Statements that create the tables."""
