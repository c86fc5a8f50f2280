"""Delays on PostgreSQL: the same suite as in memory."""

import pytest
from tests.unit.order.delay_suite import DelaySuite

pytestmark = pytest.mark.postgres


class TestDelays(DelaySuite):
    """The suite on PostgreSQL."""
