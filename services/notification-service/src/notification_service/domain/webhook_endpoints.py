"""Merchants' webhook endpoints: what they subscribe to, and how the calls to them go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from notification_service.domain.retries import failing_too_long

_GONE = 410
"""HTTP status by which an endpoint says that it does not exist any more."""


class DisabledReason(StrEnum):
    """Why an endpoint is switched off."""

    BY_REQUEST = "by_request"
    ENDPOINT_GONE = "endpoint_gone"
    FAILING_FOR_TOO_LONG = "failing_for_too_long"


class WebhookEndpointNotFound(Exception):
    """There is no webhook endpoint ``endpoint_id``."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(endpoint_id)
        self.endpoint_id = endpoint_id


class VersionRequired(Exception):
    """An endpoint is changed only by a caller who says which version the change is based on."""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """How an endpoint responded to one call: its HTTP status, or None and in ``error`` why there was none.

    ``seconds`` is how long the call took.
    """

    status: int | None
    error: str | None
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the endpoint took the message: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class WebhookSubscription:
    """Which events an endpoint gets; without ``event_types`` those of every type."""

    endpoint_id: str
    event_types: tuple[str, ...]

    def wants(self, event_type: str) -> bool:
        """Whether events of this type are delivered to the endpoint."""
        return not self.event_types or event_type in self.event_types


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint and its health. Without ``event_types`` it gets events of every type.

    ``version`` counts changes of what the merchant sees as settings, not of the health. ``failing_since`` is the
    first failure since the last success.
    """

    endpoint_id: str
    url: str
    description: str
    event_types: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    created_at: datetime
    version: int
    failing_since: datetime | None = None
    consecutive_failures: int = 0
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None

    def changed(
        self,
        *,
        url: str | None = None,
        description: str | None = None,
        event_types: tuple[str, ...] | None = None,
        enabled: bool | None = None,
        now: datetime,
    ) -> WebhookEndpoint:
        """The endpoint with the settings given; None leaves one as it is. Without a difference it is the same.

        Switching an endpoint on again forgets its failures.
        """
        after = replace(
            self,
            url=self.url if url is None else url,
            description=self.description if description is None else description,
            event_types=self.event_types if event_types is None else event_types,
        )
        if enabled is True and not self.enabled:
            after = replace(
                after,
                enabled=True,
                disabled_reason=None,
                disabled_at=None,
                failing_since=None,
                consecutive_failures=0,
            )
        elif enabled is False and self.enabled:
            after = replace(after, enabled=False, disabled_reason=DisabledReason.BY_REQUEST.value, disabled_at=now)
        return self if after == self else replace(after, version=self.version + 1)

    def after_calls(
        self, responses: Sequence[WebhookResponse], now: datetime, disable_after: timedelta
    ) -> WebhookEndpoint:
        """The endpoint after calls made side by side, with its health.

        It is switched off where it said that it is gone, or has failed for ``disable_after`` without one success.
        """
        failures = [response for response in responses if not response.accepted]
        succeeded = len(failures) < len(responses)
        latest = failures[-1] if failures else responses[-1]
        failing_since = self.failing_since
        if succeeded:
            failing_since = None
        elif failures:
            failing_since = failing_since or now
        after = replace(
            self,
            consecutive_failures=0 if succeeded else self.consecutive_failures + len(failures),
            failing_since=failing_since,
            last_success_at=now if succeeded else self.last_success_at,
            last_failure_at=now if failures else self.last_failure_at,
            last_status=latest.status,
            last_error=latest.error,
        )
        if not self.enabled:
            return after
        if any(response.status == _GONE for response in responses):
            return after._switched_off(DisabledReason.ENDPOINT_GONE, now)
        if failing_too_long(failing_since, now, disable_after):
            return after._switched_off(DisabledReason.FAILING_FOR_TOO_LONG, now)
        return after

    def _switched_off(self, reason: DisabledReason, now: datetime) -> WebhookEndpoint:
        return replace(self, enabled=False, disabled_reason=reason.value, disabled_at=now, version=self.version + 1)
