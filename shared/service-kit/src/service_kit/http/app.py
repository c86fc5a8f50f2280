"""The application factory: the same kind of HTTP application for every service."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text

from service_kit.http.api import HttpService
from service_kit.http.api_keys import Keyring
from service_kit.http.authentication import Authenticator
from service_kit.http.authorized_body import AuthorizedBody
from service_kit.http.body_limit import BodyLimit
from service_kit.http.cross_origin import CrossOrigin
from service_kit.http.errors import add_problem_handlers
from service_kit.http.fast_path import FastPath
from service_kit.http.observation import Observation
from service_kit.http.openapi import install_openapi
from service_kit.http.operations import contracts_router, metrics_router, probes_router
from service_kit.http.parked_keys import parked_keys_router
from service_kit.http.parked_work import parked_work_router
from service_kit.http.rate_limit import Admission, RateLimiter
from service_kit.http.streaming import StreamSlots
from service_kit.messaging.parking import ParkingLot
from service_kit.persistence.migration_check import migrations_at_head
from service_kit.persistence.parked_work import ParkedWork
from service_kit.persistence.worker_troubles import MOST_COUNTED, WorkerTroubles
from service_kit.runtime.health import NotReady

EXPOSED_HEADERS = (
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)
"""The response headers that scripts of other origins may read."""


def create_app(service: HttpService) -> FastAPI:
    """The FastAPI application of ``service``: its own routes, and everything that all services have in common."""
    app = FastAPI(
        title=service.api.title or f"Backorder {service.name}",
        version=service.version,
        description=service.api.description,
        docs_url=None,
        redoc_url=None,
        # A redirect would name the host that the request claims to be for, and drop the body of a POST.
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        # JSON without a content type is accepted: keys are sent in a header, so no form can forge a request.
        strict_content_type=False,
        separate_input_output_schemas=False,
        # Spans and metrics once providers exist (telemetry.py), without the messages of errors, which quote input.
        telemetry={"logs": False, "operation_spans": False, "exclude": _is_operation},
    )
    app.state.health, app.state.application = service.health, service.api.application
    app.state.authenticator = Authenticator(Keyring(service.settings.keyring_path), service.api.verify_token)
    app.state.streams = StreamSlots(service.settings.caller_streams)
    add_problem_handlers(app, service.api.problems)
    _add_middleware(app, service)
    for router in (*service.api.routers, *_shared_routers(service)):
        app.include_router(router)
    _add_readiness(service)
    install_openapi(app, service)
    return app


def create_ops_app(service: HttpService) -> FastAPI:
    """The application of the ops port: health with what fails, and the metrics; no key, so for a private network."""
    app = FastAPI(title=f"Backorder {service.name} operations", docs_url=None, redoc_url=None, openapi_url=None)
    add_problem_handlers(app, {})
    app.include_router(probes_router(service.name, service.health, details=True))
    app.include_router(metrics_router())
    _add_readiness(service)
    return app


def _add_middleware(app: FastAPI, service: HttpService) -> None:
    """Add the kit's middleware, the innermost first."""
    settings = service.settings
    if not settings.otlp_endpoint:
        # FastAPI names spans and metrics of OpenTelemetry after the route, which only its own router tells it.
        app.add_middleware(FastPath, routers=service.api.routers)
    app.add_middleware(AuthorizedBody)
    app.add_middleware(
        BodyLimit,
        limit=settings.body_limit,
        large_limit=settings.large_body_limit,
        large_paths=service.api.large_body_paths,
    )
    app.add_middleware(
        Admission,
        authenticator=app.state.authenticator,
        known=_limiter("key", settings.rate_limit),
        anonymous=_limiter("address", settings.anonymous_rate_limit),
        concurrency=settings.caller_concurrency,
    )
    app.add_middleware(Observation, service=service.name, stopping=service.health.stopping)
    if settings.cors_origins:
        app.add_middleware(
            CrossOrigin,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer"],
            expose_headers=EXPOSED_HEADERS,
            max_age=3600,
        )


def _limiter(name: str, rate: str) -> RateLimiter | None:
    return None if rate in ("", "unlimited") else RateLimiter(name, rate)


def _shared_routers(service: HttpService) -> list[APIRouter]:
    # A worker has no public API: its port is one for those who run it, unless they have another.
    private = service.settings.role == "worker" and service.settings.ops_port is None
    routers = [
        probes_router(service.name, service.health, details=private),
        contracts_router(),
        parked_work_router(ParkedWork(service.database)),
    ]
    if private:
        routers.append(metrics_router())
    if service.subscription is not None:
        routers.append(parked_keys_router(ParkingLot(service.database, service.name, service.subscription.handle)))
    return routers


def _add_readiness(service: HttpService) -> None:
    async def database() -> None:
        async with service.database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def migrations() -> None:
        if not await migrations_at_head(service.migrations, service.database):
            raise NotReady("the database is not at this version's migration")

    troubles = WorkerTroubles(service.database)

    async def workers() -> None:
        if found := (await troubles.read()).workers:
            raise NotReady("; ".join(found))

    async def parked() -> None:
        found = await troubles.read()
        if found.parked_keys or found.parked_items:
            keys, items = (f"{n} or more" if n == MOST_COUNTED else n for n in found[:2])
            raise NotReady(f"{keys} keys (GET /v1/parked-keys) and {items} items (GET /v1/parked-work) are set aside")

    service.health.notices.setdefault("workers", workers)
    service.health.notices.setdefault("parked", parked)
    service.health.checks.setdefault("database", database)
    service.health.checks.setdefault("migrations", migrations)


def _operation_id(route: APIRoute) -> str:
    """The endpoint function's name, which stays when paths and tags change and is readable in generated clients."""
    return route.name


def _is_operation(scope: object) -> bool:
    return isinstance(scope, dict) and scope.get("path") in ("/livez", "/readyz", "/startupz", "/metrics")
