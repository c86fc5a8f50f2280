"""Endpoints for operators, the same in every service: health, metrics, contracts."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from event_contracts.publish import asyncapi_text
from service_kit.runtime.health import Health

_HEALTH_MEDIA_TYPE = "application/health+json"
_HEALTH_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["status", "serviceId"],
    "properties": {
        "status": {"type": "string", "enum": ["pass", "warn", "fail"]},
        "serviceId": {"type": "string"},
        "checks": {
            "type": "object",
            "description": "What failed, or what somebody has to look at",
            "additionalProperties": {"type": "array"},
        },
    },
}
_HEALTH: dict[int | str, dict[str, Any]] = {
    200: {"description": "Yes", "content": {_HEALTH_MEDIA_TYPE: {"schema": _HEALTH_SCHEMA}}},
    503: {"description": "No", "content": {_HEALTH_MEDIA_TYPE: {"schema": _HEALTH_SCHEMA}}},
}


class _HealthResponse(Response):
    media_type = _HEALTH_MEDIA_TYPE


def _answer(
    service: str, failures: dict[str, str], warnings: dict[str, str] | None = None, *, details: bool
) -> Response:
    found = [("warn", warnings or {}), ("fail", failures)]
    status = next((status for status, checks in reversed(found) if checks), "pass")
    document: dict[str, Any] = {"status": status, "serviceId": service}
    if status != "pass" and details:
        document["checks"] = {
            name: [{"status": status, "output": output}] for status, checks in found for name, output in checks.items()
        }
    headers = {"Cache-Control": "no-store"}
    return _HealthResponse(orjson.dumps(document), status_code=503 if failures else 200, headers=headers)


def probes_router(service: str, health: Health, *, details: bool) -> APIRouter:
    """``/livez``, ``/readyz``, ``/startupz``; they need no key.

    Without ``details`` they say yes or no, and readiness is that of the last second, however many ask. With them, what
    fails is named, and each request checks it.
    """
    router = APIRouter(tags=["operations"])

    @router.get("/livez", response_class=_HealthResponse, responses=_HEALTH, summary="Is the process alive")
    async def livez() -> Response:
        silent = {part: f"silent for {seconds:.0f} s" for part, seconds in health.silent_parts().items()}
        return _answer(service, silent, details=details)

    @router.get("/readyz", response_class=_HealthResponse, responses=_HEALTH, summary="May requests come")
    async def readyz() -> Response:
        found = await (health.state() if details else health.recent_state())
        return _answer(service, found.failures, found.warnings, details=details)

    @router.get("/startupz", response_class=_HealthResponse, responses=_HEALTH, summary="Has the process started")
    async def startupz() -> Response:
        return _answer(service, {} if health.started else {"startup": "in progress"}, details=details)

    return router


def metrics_router() -> APIRouter:
    """``/metrics``, for the ops port only: metrics name routes, topics and how much the shop sells."""
    router = APIRouter(tags=["operations"])

    @router.get("/metrics", response_class=PlainTextResponse, summary="Metrics for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


def contracts_router() -> APIRouter:
    """``/asyncapi.json``; it needs no key."""
    router = APIRouter(tags=["operations"])

    @router.get("/asyncapi.json", response_class=JSONResponse, summary="The events, as AsyncAPI 3")
    async def asyncapi() -> Response:
        return Response(asyncapi_text(), media_type="application/json")

    return router
