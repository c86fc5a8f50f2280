"""What a service offers over HTTP, and what of the service its application needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fastapi import APIRouter

    from service_kit.http.api_keys import Principal
    from service_kit.http.errors import ProblemTable
    from service_kit.messaging.subscription import Subscription
    from service_kit.persistence.database import Database
    from service_kit.runtime.health import Health
    from service_kit.runtime.settings import ServiceSettings


@dataclass(frozen=True)
class Api:
    """The HTTP side of a service: its routes, how they are documented, and what differs from other services.

    ``large_body_paths`` are paths as their routes declare them, such as ``/v1/orders``, whose bodies may be
    ``large_body_limit`` bytes long (1 MiB by default). ``verify_token`` recognises bearer tokens other than API keys,
    such as tracking links: it returns the caller, or None for a token that it does not know. Such a token may also
    be the query parameter ``token`` of a GET. ``tags`` describes the groups of routes in the OpenAPI document.
    """

    routers: Sequence[APIRouter] = ()
    title: str = ""
    """Of the OpenAPI document; ``Backorder <name>`` if empty."""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    large_body_paths: frozenset[str] = frozenset()
    verify_token: Callable[[str], Principal | None] | None = None
    problems: ProblemTable = field(default_factory=dict)
    """What the errors of the service's domain and application are answered with."""
    application: object = None
    """The wired application that the routes' dependencies use; they find it as ``request.app.state.application``."""


class HttpService(Protocol):
    """The part of a service (``service_kit.hosting.service.Service``) that its HTTP application needs."""

    @property
    def name(self) -> str:
        """Such as ``order``; labels the service's metrics and names its consumer group."""
        ...

    @property
    def settings(self) -> ServiceSettings:
        """Limits, keyring, CORS and address."""
        ...

    @property
    def version(self) -> str:
        """Of the service, as the OpenAPI document shows it."""
        ...

    @property
    def api(self) -> Api:
        """The service's own routes."""
        ...

    @property
    def database(self) -> Database:
        """Readiness checks it."""
        ...

    @property
    def migrations(self) -> str:
        """The package whose newest migration the database must have for the service to be ready."""
        ...

    @property
    def subscription(self) -> Subscription[Any] | None:
        """Where there is one, ``/v1/parked-keys`` is served for it."""
        ...

    @property
    def health(self) -> Health:
        """What the health endpoints report."""
        ...
