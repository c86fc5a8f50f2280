"""What a service consists of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service_kit.http.api import Api
from service_kit.runtime.health import Health

if TYPE_CHECKING:
    from service_kit.messaging.subscription import Subscription
    from service_kit.persistence.database import Database
    from service_kit.runtime.settings import ServiceSettings

BackgroundTask = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event that it is given is set."""


@dataclass
class Service:
    """A service, wired: what ``entrypoints.service.build`` returns and ``service_kit.hosting.running.run`` runs.

    The worker runs ``subscription`` and ``background``; each of ``background`` must return soon after the event that
    it is given is set, and is started again if it fails. ``migrations`` is the package that holds the service's
    migrations, ``<name>_service`` if empty.
    """

    name: str
    settings: ServiceSettings
    database: Database
    api: Api = field(default_factory=Api)
    subscription: Subscription[Any] | None = None
    background: Sequence[BackgroundTask] = ()
    migrations: str = ""
    version: str = "0.1.0"
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.migrations = self.migrations or f"{self.name}_service"
