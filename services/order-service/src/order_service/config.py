"""Settings of the order service, from the environment with prefix ``ORDER_``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from service_kit.runtime.settings import ServiceSettings


class OrderSettings(ServiceSettings):
    """What the service needs beside the settings every service has.

    ``tracking_secret`` signs tracking links; ``tracking_old_secrets`` still open links made before it
    changed. Without a secret no links are given out.
    """

    model_config = SettingsConfigDict(env_prefix="ORDER_", extra="ignore", env_ignore_empty=True)

    service_name: ClassVar[str] = "order"

    tracking_old_secrets: list[str] = Field(default_factory=list, repr=False)
    tracking_link_days: int = Field(default=90, ge=1, le=3650)
    """Days that a tracking link opens its order unless its maker says fewer."""
    stream_seconds: int = Field(default=600, ge=1)
    """Longest life of an event stream; the client resumes, and its key is checked again."""
    longest_wait: float = Field(default=30.0, gt=0)
    """Most seconds that ``Prefer: wait`` holds an answer back."""
