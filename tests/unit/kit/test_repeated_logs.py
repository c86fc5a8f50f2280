"""What Kafka's client repeats while a broker is down is said once in a while, and all else always."""

from __future__ import annotations

import logging

from service_kit.runtime.logging import NotAgain


def _line(pattern: str, *values: object, logger: str = "aiokafka.conn") -> logging.LogRecord:
    return logging.LogRecord(logger, logging.ERROR, "client.py", 1, pattern, values, None)


def test_a_pattern_of_the_client_passes_again_only_after_the_pause() -> None:
    at = 0.0
    seldom = NotAgain(every=10, now=lambda: at)
    assert seldom.filter(_line("Unable connect to node with id %s", 1))
    assert not seldom.filter(_line("Unable connect to node with id %s", 2))
    assert seldom.filter(_line("Unable to update metadata from %s", [1]))
    at = 10.0
    assert seldom.filter(_line("Unable connect to node with id %s", 1))


def test_our_own_lines_and_other_libraries_always_pass() -> None:
    seldom = NotAgain(every=10, now=lambda: 0.0)
    for logger in ("service_kit.messaging.relay", "sqlalchemy.pool", "aiokafkaesque"):
        assert seldom.filter(_line("the same", logger=logger))
        assert seldom.filter(_line("the same", logger=logger))
