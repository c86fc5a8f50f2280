"""The tables behind events: the outbox, the inbox and the parked keys with their events."""

from __future__ import annotations

MESSAGING_DDL: tuple[str, ...] = (
    # id order is commit order per key only while values are handed out one by one: CACHE 1.
    # Rows live for milliseconds, so the table is vacuumed by count and not by share of its size.
    """
    CREATE TABLE outbox (
        id         bigint      GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
        event_id   text        NOT NULL,
        topic      text        NOT NULL,
        key        text        NOT NULL,
        headers    bytea       NOT NULL,
        value      bytea       NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
            autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000)
    """,
    """
    CREATE TABLE inbox (
        consumer     text        NOT NULL,
        event_id     text        NOT NULL,
        processed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """,
    "CREATE INDEX inbox_processed_at ON inbox USING brin (processed_at)",
    """
    CREATE TABLE parked_key (
        consumer  text        NOT NULL,
        topic     text        NOT NULL,
        key       text        NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        error     text        NOT NULL,
        PRIMARY KEY (consumer, topic, key)
    )
    """,
    """
    CREATE TABLE parked_event (
        id               bigint      GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
        consumer         text        NOT NULL,
        topic            text        NOT NULL,
        key              text        NOT NULL,
        event_id         text        NOT NULL,
        event_name       text        NOT NULL,
        kafka_partition  int         NOT NULL,
        kafka_offset     bigint      NOT NULL,
        record_key       bytea,
        headers          bytea       NOT NULL,
        value            bytea,
        error            text        NOT NULL,
        parked_at        timestamptz NOT NULL DEFAULT now(),
        mirrored         boolean     NOT NULL DEFAULT false,
        UNIQUE (consumer, topic, key, event_id),
        FOREIGN KEY (consumer, topic, key) REFERENCES parked_key (consumer, topic, key)
    )
    """,
    "CREATE INDEX parked_event_in_order ON parked_event (consumer, topic, key, id)",
    "CREATE INDEX parked_event_not_mirrored ON parked_event (id) WHERE NOT mirrored",
)
"""Statements that create the tables, in the order in which they must run."""

DISCARDED_EVENT_DDL = """
    CREATE TABLE discarded_event (
        consumer     text        NOT NULL,
        event_id     text        NOT NULL,
        digest       bytea       NOT NULL,
        discarded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """
"""What operators discarded, with a digest of its content: a record with the same id and other content corrects it."""
