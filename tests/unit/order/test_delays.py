"""Delays on stores in memory."""

from tests.unit.order.delay_suite import DelaySuite


class TestDelays(DelaySuite):
    """The suite in memory."""
