"""Every service's application as the service itself builds it; a new service is picked up by its folder."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import structlog

from service_kit.hosting.service import Service
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.runtime.settings import ServiceSettings

_NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"
_SERVICES = sorted(
    folder.name.removesuffix("-service")
    for folder in (Path(__file__).parents[2] / "services").glob("*-service")
    if list(folder.glob("src/*/entrypoints/service.py"))
)


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Pretty tracebacks take seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, plain])


@pytest.fixture(scope="session", params=_SERVICES)
def service_name(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def keyring(tmp_path_factory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys") / "keyring.json")


@pytest.fixture(scope="session")
def full_key(keyring) -> str:
    return keyring.create_key("all scopes", sorted(SCOPES))[0]


@pytest.fixture(scope="session")
def build_service(keyring) -> Callable[..., Service]:
    """``build_service("order", database_url=...)``: what the service's ``build`` makes of these settings."""

    def build(name: str, **settings) -> Service:
        config = import_module(f"{name}_service.config")
        [kind] = [
            one
            for _, one in inspect.getmembers(config, inspect.isclass)
            if issubclass(one, ServiceSettings) and one is not ServiceSettings
        ]
        given = {
            "database_url": _NOWHERE,
            "kafka_bootstrap": "127.0.0.1:1",
            "keyring_path": keyring._path,
            "tracking_secret": "a-secret-of-the-tests-0123456789",
            "rate_limit": "",
            "anonymous_rate_limit": "",
        }
        return import_module(f"{name}_service.entrypoints.service").build(kind(**given | settings))

    return build


@pytest.fixture(scope="session")
def app(build_service, service_name):
    return create_app(build_service(service_name))


@pytest.fixture(scope="session")
def document(app) -> dict[str, Any]:
    return app.openapi()
