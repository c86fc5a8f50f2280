"""A webhook endpoint: what changes its version, what its health says, and when it is switched off."""

from datetime import UTC, datetime, timedelta

import pytest

from notification_service.domain.webhook_endpoints import WebhookEndpoint, WebhookResponse, WebhookSubscription

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LIMIT = timedelta(days=5)
OK = WebhookResponse(200, None, 0.1)
ERROR = WebhookResponse(500, "answered 500", 0.1)
NO_ANSWER = WebhookResponse(None, "no answer within 15 s", 15)
GONE = WebhookResponse(410, "answered 410", 0.1)

ENDPOINT = WebhookEndpoint("e1", "https://shop.example.com/", "", (), True, None, None, NOW, 1)


def test_a_change_counts_the_version_and_keeps_what_is_not_named() -> None:
    changed = ENDPOINT.changed(description="Warehouse", now=LATER)
    assert (changed.description, changed.url, changed.version) == ("Warehouse", ENDPOINT.url, 2)


def test_a_change_to_what_is_there_already_is_none() -> None:
    assert ENDPOINT.changed(url=ENDPOINT.url, event_types=(), enabled=True, now=LATER) is ENDPOINT


def test_switching_off_says_when_and_by_whom() -> None:
    disabled = ENDPOINT.changed(enabled=False, now=LATER)
    assert (disabled.enabled, disabled.disabled_reason, disabled.disabled_at) == (False, "by_request", LATER)
    assert disabled.changed(enabled=False, now=LATER + LIMIT) is disabled


def test_switching_on_forgets_the_failures() -> None:
    failing = ENDPOINT.after_calls([GONE], NOW, LIMIT)
    assert not failing.enabled
    enabled = failing.changed(enabled=True, now=LATER)
    assert (enabled.enabled, enabled.disabled_reason, enabled.disabled_at) == (True, None, None)
    assert (enabled.failing_since, enabled.consecutive_failures) == (None, 0)
    assert (enabled.version, enabled.last_failure_at) == (3, NOW)


def test_failures_are_counted_from_the_first_one_on() -> None:
    first = ENDPOINT.after_calls([ERROR], NOW, LIMIT)
    second = first.after_calls([NO_ANSWER, ERROR], LATER, LIMIT)
    assert (second.failing_since, second.consecutive_failures, second.last_failure_at) == (NOW, 3, LATER)
    assert (second.last_status, second.last_error, second.last_success_at) == (500, "answered 500", None)
    assert second.version == 1, "health does not count as a change"


def test_one_success_among_failures_ends_the_failing_but_the_failure_is_shown() -> None:
    failing = ENDPOINT.after_calls([ERROR], NOW, LIMIT)
    mixed = failing.after_calls([OK, NO_ANSWER, OK], LATER, LIMIT)
    assert (mixed.failing_since, mixed.consecutive_failures) == (None, 0)
    assert (mixed.last_success_at, mixed.last_failure_at) == (LATER, LATER)
    assert (mixed.last_status, mixed.last_error) == (None, "no answer within 15 s")


def test_a_success_is_shown_by_its_status() -> None:
    healthy = ENDPOINT.after_calls([OK], NOW, LIMIT)
    assert (healthy.last_status, healthy.last_error, healthy.last_success_at) == (200, None, NOW)


def test_an_endpoint_is_switched_off_from_the_limit_on() -> None:
    failing = ENDPOINT.after_calls([ERROR], NOW, LIMIT)
    assert failing.after_calls([ERROR], NOW + LIMIT - timedelta(seconds=1), LIMIT).enabled
    disabled = failing.after_calls([ERROR], NOW + LIMIT, LIMIT)
    assert (disabled.enabled, disabled.disabled_reason, disabled.version) == (False, "failing_for_too_long", 2)


def test_an_endpoint_that_is_gone_is_switched_off_though_another_call_succeeded() -> None:
    disabled = ENDPOINT.after_calls([OK, GONE], NOW, LIMIT)
    assert (disabled.enabled, disabled.disabled_reason, disabled.disabled_at) == (False, "endpoint_gone", NOW)


def test_an_endpoint_that_was_switched_off_meanwhile_keeps_its_reason() -> None:
    disabled = ENDPOINT.changed(enabled=False, now=NOW).after_calls([GONE], LATER, LIMIT)
    assert (disabled.disabled_reason, disabled.disabled_at, disabled.version) == ("by_request", NOW, 2)
    assert disabled.last_status == 410


@pytest.mark.parametrize(("status", "accepted"), [(200, True), (204, True), (302, False), (404, False), (None, False)])
def test_only_statuses_of_success_accept_a_message(status: int | None, accepted: bool) -> None:
    assert WebhookResponse(status, None, 0.1).accepted is accepted


def test_a_subscription_without_types_is_for_all_of_them() -> None:
    assert WebhookSubscription("e1", ()).wants("OrderPlaced")
    assert WebhookSubscription("e1", ("OrderPlaced",)).wants("OrderPlaced")
    assert not WebhookSubscription("e1", ("OrderPlaced",)).wants("OrderShipped")
