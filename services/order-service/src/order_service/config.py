"""Settings of the order service, from the environment with prefix ``ORDER_``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from service_kit.runtime.settings import ServiceSettings


def _none_if_not_set(value: object) -> object:
    """A secret's file is there before there is a secret, and says so; an empty one counts as none too."""
    return None if isinstance(value, str) and value.strip() in ("", "not-set") else value


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
    stripe_api_key: Annotated[str | None, BeforeValidator(_none_if_not_set)] = Field(
        default=None, repr=False, pattern=r"^[sr]k_(test|live)_\S+$"
    )
    """Secret or restricted key of the Stripe account that takes payments; None: there is no provider ``stripe``."""
    stripe_webhook_secret: Annotated[str | None, BeforeValidator(_none_if_not_set)] = Field(default=None, repr=False)
    """Secret of the webhook's signatures; without it no event of Stripe is believed, and payments are only polled."""
    stripe_old_webhook_secrets: list[str] = Field(default_factory=list, repr=False)
    """Secrets of before, while Stripe signs with both."""
    stripe_url: str = Field(default="https://api.stripe.com", pattern=r"^https?://[^/]+/?$")
    """Another address than Stripe's is that of the simulator."""
    payment_return_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where a bank sends the customer who has authenticated; None: to this service's own address."""
    longest_wait: float = Field(default=30.0, gt=0)
    """Most seconds that ``Prefer: wait`` delays a response."""

    @model_validator(mode="after")
    def _real_money_moves_encrypted(self) -> Self:
        """Refuse a key for real money where requests are not encrypted: at the simulator, or by mistake."""
        if self.stripe_api_key and "_live_" in self.stripe_api_key and not self.stripe_url.startswith("https://"):
            raise ValueError(
                "stripe_url must begin with https:// for a live stripe_api_key; the simulator takes test keys"
            )
        return self
