"""Metrics of messaging, in Prometheus' default registry."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

OUTBOX_ROWS = Gauge("outbox_rows", "Events not sent yet (counted up to 100,000)")
OUTBOX_OLDEST_AGE = Gauge("outbox_oldest_age_seconds", "Age of the oldest event not sent yet")
EVENTS_SENT = Counter("events_sent_total", "Events acknowledged by the broker", ["topic"])
RELAY_ERRORS = Counter("relay_errors_total", "Rounds of the relay that failed and were done again")
RELAY_LEADING = Gauge("relay_leading", "1 while this process holds the lock of the shard", ["shard"])

EVENTS = Counter(
    "events_total", "Records consumed, by what became of them (docs/operations.md)", ["consumer", "type", "outcome"]
)
HANDLER_SECONDS = Histogram(
    "handler_duration_seconds",
    "Time of one transaction: inbox, handler, commit",
    ["consumer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
HANDLER_EVENTS = Histogram(
    "handler_batch_events", "Events of one transaction", ["consumer"], buckets=(1, 5, 20, 50, 100, 200, 300, 400, 500)
)
HANDLER_ERRORS = Counter("handler_errors_total", "Transactions that failed", ["consumer", "kind"])
INBOX_DUPLICATES = Counter("inbox_duplicates_total", "Events delivered again and passed over", ["consumer"])
PARKED_KEYS = Gauge("parked_keys", "Keys that wait for an operator", ["consumer"])
CONSUMER_LAG = Gauge("consumer_lag_records", "Records of the assigned partitions not handled yet", ["consumer"])
CONSUMER_LAG_SECONDS = Gauge("consumer_lag_seconds", "Age of the last record handled while others wait", ["consumer"])
CONSUMER_STOPPED = Gauge("consumer_stopped", "1 when the consumer stopped because too much was parked", ["consumer"])
CONSUMER_RETRYING = Gauge(
    "consumer_retrying_seconds", "How long a transaction has failed for a reason that may pass; 0: none", ["consumer"]
)
CONSUMER_RESTARTS = Counter("consumer_restarts_total", "Group members replaced after an error", ["consumer"])
CONSUMER_REBUILDS = Counter("consumer_rebuilds_total", "Group members replaced by the watchdog", ["consumer"])
REBALANCES = Counter("rebalances_total", "Assignments received from the group", ["consumer"])
