"""Inventory's settings: ``INVENTORY_*`` in the environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from service_kit.runtime.settings import ServiceSettings


class InventorySettings(ServiceSettings):
    """The settings that every service has; inventory adds none."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", extra="ignore", env_ignore_empty=True)

    service_name: ClassVar[str] = "inventory"
