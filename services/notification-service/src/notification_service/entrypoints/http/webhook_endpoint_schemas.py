"""Bodies of ``/v1/webhook-endpoints``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from event_contracts import EVENT_TYPES
from notification_service.application.ports.queries import EndpointOverview, WebhookDelivery
from notification_service.domain.webhook_endpoints import WebhookEndpoint, WebhookResponse
from service_kit.http.fields import TIDY
from service_kit.http.models import RequestModel, ResponseModel


def _known_event(value: str) -> str:
    if value not in EVENT_TYPES:
        raise PydanticCustomError("event_type", "Not the name of a public event such as OrderPlaced")
    return value


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


EventName = Annotated[
    str, AfterValidator(_known_event), WithJsonSchema({"type": "string", "enum": sorted(EVENT_TYPES)})
]
EventNames = Annotated[list[EventName], Field(max_length=100), AfterValidator(_once)]
Url = Annotated[
    str,
    TIDY,
    Field(
        min_length=1,
        max_length=2000,
        description="https only",
        examples=["https://shop.example.com/backorder"],
        json_schema_extra={"format": "uri"},
    ),
]
Description = Annotated[str, Field(max_length=500, examples=["Warehouse system"])]


class EndpointBody(RequestModel):
    """A new endpoint."""

    url: Url
    event_types: EventNames = Field(
        default_factory=list,
        description="Names of the events wanted; empty means all",
        examples=[["BackorderAllocated", "PromiseRevised"]],
    )
    description: Description = ""


class EndpointPatch(RequestModel):
    """What to change; fields that are left out stay as they are."""

    url: Url | None = None
    event_types: EventNames | None = None
    description: Description | None = None
    enabled: bool | None = Field(default=None, description="true switches an endpoint on again")


class HealthView(ResponseModel):
    """How the calls of an endpoint go."""

    state: Literal["untried", "healthy", "failing", "disabled"]
    consecutive_failures: int
    failing_since: datetime | None = Field(description="The first failure since the last success")
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_status: int | None = Field(description="HTTP status of the last answer", examples=[200])
    last_error: str | None = Field(examples=["no answer within 15 s"])
    pending: int = Field(description="Deliveries waiting, counted up to 10000")


class EndpointView(ResponseModel):
    """An endpoint. Its secret is shown only when it is created or rotated."""

    endpoint_id: str
    url: str = Field(examples=["https://shop.example.com/backorder"])
    event_types: list[str]
    description: str
    enabled: bool
    disabled_reason: str | None = Field(
        description="by_request, endpoint_gone (it answered 410) or failing_for_too_long"
    )
    disabled_at: datetime | None
    created_at: datetime
    version: int
    health: HealthView


class CreatedEndpointView(EndpointView):
    """A new endpoint with its secret."""

    secret: str | None = Field(
        description="Signing secret, shown only here; null where this answer repeats an earlier one",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class RotatedView(ResponseModel):
    """A new secret. Until `previous_valid_until` messages are signed with the old one, too."""

    endpoint_id: str
    secret: str = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    previous_valid_until: datetime


class TestView(ResponseModel):
    """How the endpoint responded to a test message."""

    delivered: bool
    status: int | None = Field(description="HTTP status of the answer", examples=[204])
    error: str | None
    duration_ms: int = Field(examples=[38])
    message_id: str


class DeliveryView(ResponseModel):
    """One event on its way to an endpoint."""

    event_id: str
    event_type: str = Field(examples=["BackorderAllocated"])
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None


def _health(endpoint: WebhookEndpoint, pending: int) -> HealthView:
    state: Literal["untried", "healthy", "failing", "disabled"] = "untried"
    if not endpoint.enabled:
        state = "disabled"
    elif endpoint.failing_since is not None:
        state = "failing"
    elif endpoint.last_success_at is not None:
        state = "healthy"
    return HealthView(
        state=state,
        consecutive_failures=endpoint.consecutive_failures,
        failing_since=endpoint.failing_since,
        last_success_at=endpoint.last_success_at,
        last_failure_at=endpoint.last_failure_at,
        last_status=endpoint.last_status,
        last_error=endpoint.last_error,
        pending=pending,
    )


def endpoint_view(overview: EndpointOverview) -> EndpointView:
    """An endpoint as it is shown."""
    endpoint = overview.endpoint
    return EndpointView(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        event_types=list(endpoint.event_types),
        description=endpoint.description,
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled_reason,
        disabled_at=endpoint.disabled_at,
        created_at=endpoint.created_at,
        version=endpoint.version,
        health=_health(endpoint, overview.pending),
    )


def created_view(overview: EndpointOverview, secret: str | None) -> CreatedEndpointView:
    """A new endpoint, with its secret in the first answer only."""
    return CreatedEndpointView(**dict(endpoint_view(overview)), secret=secret)


def test_view(response: WebhookResponse, message_id: str) -> TestView:
    """The result of a test."""
    return TestView(
        delivered=response.accepted,
        status=response.status,
        error=response.error,
        duration_ms=round(response.seconds * 1000),
        message_id=message_id,
    )


def delivery_view(delivery: WebhookDelivery) -> DeliveryView:
    """A delivery as it is shown."""
    return DeliveryView.model_validate(delivery, from_attributes=True)
