"""Retries follow a schedule with jitter, and end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_service.domain.retries import (
    MAIL_DELAYS,
    WEBHOOK_DELAYS,
    failing_too_long,
    next_attempt,
)

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@given(st.integers(1, len(MAIL_DELAYS)), st.floats(0, 1, exclude_max=True))
def test_each_delay_is_that_of_the_schedule_give_or_take_a_fifth(attempts: int, jitter: float) -> None:
    at = next_attempt(attempts, MAIL_DELAYS, NOW, jitter)
    assert at is not None
    delay = MAIL_DELAYS[attempts - 1]
    assert NOW + delay * 0.799 <= at <= NOW + delay * 1.201


def test_a_used_up_schedule_ends_the_attempts() -> None:
    assert next_attempt(len(WEBHOOK_DELAYS), WEBHOOK_DELAYS, NOW, 0.5) is not None
    assert next_attempt(len(WEBHOOK_DELAYS) + 1, WEBHOOK_DELAYS, NOW, 0.5) is None


def test_a_retry_without_an_attempt_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="attempt"):
        next_attempt(0, MAIL_DELAYS, NOW, 0.5)


def test_an_endpoint_fails_too_long_only_from_the_limit_on() -> None:
    limit = timedelta(days=5)
    assert not failing_too_long(None, NOW, limit)
    assert not failing_too_long(NOW - timedelta(days=4), NOW, limit)
    assert failing_too_long(NOW - limit, NOW, limit)
