"""What a service consists of, and the one way to run it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service_kit.runtime.health import Health

if TYPE_CHECKING:
    import asyncio

    from fastapi import APIRouter

    from service_kit.http.api_keys import Principal
    from service_kit.http.problems import Problem
    from service_kit.messaging.subscription import Subscription
    from service_kit.persistence.database import Database
    from service_kit.runtime.settings import ServiceSettings


@dataclass
class Service:
    """A service, wired: what ``entrypoints.service.build`` returns and :func:`run` runs.

    ``background`` are tasks beside HTTP and Kafka (sweepers); each runs until the event it is given
    is set. ``large_body_paths`` are route paths as declared, such as ``/v1/orders``, whose bodies may
    have 1 MiB. ``verify_token`` knows bearer tokens other than API keys (tracking links): it
    returns who calls, or None; such a token may also come as the query parameter ``token`` of a GET.
    ``problems`` says what the errors of the domain and the application are answered with. ``wiring`` is what
    the dependencies of the endpoints use; they find it as ``request.app.state.wiring``.
    """

    name: str
    settings: ServiceSettings
    database: Database
    routers: Sequence[APIRouter] = ()
    subscription: Subscription[Any] | None = None
    background: Sequence[Callable[[asyncio.Event], Awaitable[None]]] = ()
    title: str = ""
    description: str = ""
    version: str = "0.1.0"
    large_body_paths: frozenset[str] = frozenset()
    verify_token: Callable[[str], Principal | None] | None = None
    migrations_module: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[type[Exception], Callable[[Any], Problem]] = field(default_factory=dict)
    wiring: object = None
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.title = self.title or f"Backorder {self.name}"

    @property
    def migrations(self) -> str:
        """The package that holds the service's migrations, such as ``order_service``."""
        return self.migrations_module or f"{self.name.removesuffix('_service')}_service"


def run(build: Callable[[], Service]) -> None:
    """Run the service until SIGTERM or SIGINT; ends the process with a status other than 0 when a part dies."""
    from service_kit.hosting.running import run as start  # noqa: PLC0415 - uvicorn is not wanted where a Service is only built

    start(build)
