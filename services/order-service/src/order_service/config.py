"""Settings of the order service, from the environment with prefix ``ORDER_``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from service_kit.runtime.settings import ServiceSettings


class OrderSettings(ServiceSettings):
    """Settings in addition to those that every service has.

    ``tracking_secret`` signs tracking links; without it none can be made. ``tracking_old_secrets`` still open the links
    that were made before the secret changed.
    """

    model_config = SettingsConfigDict(env_prefix="ORDER_", extra="ignore", env_ignore_empty=True)

    service_name: ClassVar[str] = "order"

    tracking_old_secrets: list[str] = Field(default_factory=list, repr=False)
    tracking_link_days: int = Field(default=90, ge=1, le=3650)
    """Days that a tracking link opens its order if the request does not name a number."""
    stream_seconds: int = Field(default=600, ge=1)
    """Seconds after which an event stream ends; the client resumes it, and its key is checked again."""
    law_seconds: float = Field(default=1.0, gt=0)
    """Pause between two searches for orders that the law has to be asked about."""
    refund_days: int = Field(default=14, ge=1, le=90)
    """Days in which a refund must have been sent, where no law says how many: in the EU, the UK, and under no law."""
    billing_cycle_days: int = Field(default=28, ge=1, le=92)
    """Days of a billing cycle of the seller's own credit, in which a refund to it is due in the United States."""
    payment_seconds: float = Field(default=1.0, gt=0)
    """Pause between two searches for payments that are due, and for events that payment providers sent."""
    longest_wait: float = Field(default=30.0, gt=0)
    """Most seconds that ``Prefer: wait`` delays a response."""
