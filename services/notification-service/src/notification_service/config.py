"""The notification service's settings: environment variables with the prefix ``NOTIFICATION_``."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from notification_service.domain.mail_addresses import usable_address
from notification_service.domain.messages import MessageTiming
from service_kit.runtime.settings import ServiceSettings


class NotificationSettings(ServiceSettings):
    """Which mail server is used, how long changes are collected into one message, how webhooks are delivered."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_", extra="ignore", env_ignore_empty=True)

    service_name: ClassVar[str] = "notification"

    hold_seconds: float = Field(default=60, ge=0, description="A message is due so long after its first change")
    settle_seconds: float = Field(
        default=120, ge=0, description="A deallocation is told no sooner than so long after the latest event"
    )
    longest_hold_seconds: float = Field(default=900, ge=0, description="No message is held longer; at least the hold")
    contact_wait_hours: float = Field(default=24, ge=0, description="How long a notification waits for its contact")
    sweep_seconds: float = Field(default=0.5, gt=0, description="Pause between two searches for due work")

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=1025, ge=1, le=65535)
    smtp_starttls: bool = Field(default=False, description="Demand an upgrade to TLS (usually port 587)")
    smtp_tls: bool = Field(default=False, description="TLS from the first byte (usually port 465)")
    smtp_ca_path: str | None = Field(default=None, description="Certificates to trust, where not the system's")
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_timeout_seconds: float = Field(default=30, gt=0)
    mail_from: str = "Backorder <orders@backorder.example>"
    mail_batch: int = Field(default=50, ge=1, le=5000, description="Notifications claimed at once")
    mail_lease_seconds: float = Field(
        default=300,
        gt=0,
        description="A notification claimed but never recorded is sent again after this time",
    )
    mail_connections: int = Field(default=4, ge=1, le=100, description="SMTP connections kept open")

    webhook_timeout_seconds: float = Field(default=15, gt=0, le=15)
    webhook_concurrency: int = Field(default=8, ge=1, le=100, description="Requests to one endpoint at a time")
    webhook_secret_overlap_hours: float = Field(default=24, ge=0, description="How long a replaced secret still signs")
    webhook_disable_after_days: float = Field(
        default=5, gt=0, description="Failing for so long switches an endpoint off"
    )
    webhook_secret_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Encrypts the secrets of endpoints; without it they are stored as they are",
    )
    webhook_old_secret_keys: list[SecretStr] = Field(
        default_factory=list, description="Keys used before; secrets encrypted with them are encrypted anew"
    )
    webhook_retention_days: float = Field(default=30, gt=0, description="How long finished webhooks are kept")
    webhook_delays_seconds: list[float] = Field(
        default_factory=list, description="Delays between attempts; empty means the standard schedule"
    )

    @property
    def webhook_keys(self) -> list[str]:
        """The keys that encrypt and decrypt the secrets of endpoints, the current one first."""
        current = [self.webhook_secret_key] if self.webhook_secret_key else []
        return [key.get_secret_value() for key in (*current, *self.webhook_old_secret_keys)]

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if not value.isprintable() or not usable_address(parseaddr(value)[1]):
            raise ValueError("must be an address, such as Shop <orders@shop.example>")
        return value

    @model_validator(mode="after")
    def _no_login_in_the_clear(self) -> Self:
        if self.smtp_starttls and self.smtp_tls:
            raise ValueError("choose smtp_starttls or smtp_tls, not both")
        if self.smtp_username is not None and not (self.smtp_starttls or self.smtp_tls):
            raise ValueError("smtp_username needs smtp_starttls or smtp_tls: a password is not sent in the clear")
        return self

    @model_validator(mode="after")
    def _no_old_keys_alone(self) -> Self:
        if self.webhook_old_secret_keys and self.webhook_secret_key is None:
            raise ValueError(
                "NOTIFICATION_WEBHOOK_OLD_SECRET_KEYS is set and NOTIFICATION_WEBHOOK_SECRET_KEY is not: set the key"
                " that encrypts from now on"
            )
        return self

    @model_validator(mode="after")
    def _window_within_longest_hold(self) -> Self:
        if self.hold_seconds > self.longest_hold_seconds:
            raise ValueError(
                f"NOTIFICATION_HOLD_SECONDS is {self.hold_seconds:g}, longer than NOTIFICATION_LONGEST_HOLD_SECONDS,"
                f" which is {self.longest_hold_seconds:g}: raise the longest hold or lower the hold"
            )
        return self

    @property
    def message_timing(self) -> MessageTiming:
        """How long changes of an order are collected into one message."""
        return MessageTiming(
            timedelta(seconds=self.hold_seconds),
            timedelta(seconds=self.settle_seconds),
            timedelta(seconds=self.longest_hold_seconds),
        )
