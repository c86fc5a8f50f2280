"""Endpoints that every service has for those who run it: health, metrics, contracts."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from event_contracts.publish import asyncapi_text
from service_kit.health import Health

_HEALTH_MEDIA_TYPE = "application/health+json"
_FAILED: dict[int | str, dict[str, Any]] = {503: {"description": "Not so", "content": {_HEALTH_MEDIA_TYPE: {}}}}


class _HealthResponse(Response):
    media_type = _HEALTH_MEDIA_TYPE


def _answer(service: str, failures: dict[str, str]) -> Response:
    document: dict[str, Any] = {"status": "fail" if failures else "pass", "serviceId": service}
    if failures:
        document["checks"] = {name: [{"status": "fail", "output": output}] for name, output in failures.items()}
    headers = {"Cache-Control": "no-store"}
    return _HealthResponse(orjson.dumps(document), status_code=503 if failures else 200, headers=headers)


def operations_router(service: str, health: Health) -> APIRouter:
    """``/livez``, ``/readyz``, ``/startupz``, ``/metrics`` and ``/asyncapi.json``, open to all."""
    router = APIRouter(tags=["operations"])

    @router.get("/livez", response_class=_HealthResponse, responses=_FAILED, summary="Is the process alive")
    async def livez() -> Response:
        silent = {part: f"silent for {seconds:.0f} s" for part, seconds in health.silent_parts().items()}
        return _answer(service, silent)

    @router.get("/readyz", response_class=_HealthResponse, responses=_FAILED, summary="May requests come")
    async def readyz() -> Response:
        return _answer(service, await health.failures())

    @router.get("/startupz", response_class=_HealthResponse, responses=_FAILED, summary="Has the process started")
    async def startupz() -> Response:
        return _answer(service, {} if health.started else {"startup": "in progress"})

    @router.get("/metrics", response_class=Response, summary="Metrics for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @router.get("/asyncapi.json", response_class=Response, summary="The events, as AsyncAPI 3")
    async def asyncapi() -> Response:
        return Response(asyncapi_text(), media_type="application/json")

    return router
