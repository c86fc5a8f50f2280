"""The OpenAPI 3.1 document: what FastAPI derives, completed by problems, security and examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service_kit.http.api import HttpService
from service_kit.http.authentication import SECURITY_SCHEME
from service_kit.http.openapi_examples import add_request_examples
from service_kit.http.responses import PROBLEM_MEDIA_TYPE

_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457). `code` is stable and for programs; the words are for people.",
    "type": "object",
    "required": ["type", "title", "status", "instance", "code", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string"},
        "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer into the body"},
                    "parameter": {"type": "string", "description": "Name of a path, query or header parameter"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "urn:backorder:problem:validation_failed",
            "title": "The body is not valid",
            "status": 422,
            "detail": "1 place(s) of the body are not valid.",
            "instance": "/v1/orders",
            "code": "validation_failed",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "errors": [{"pointer": "/lines/0/quantity", "detail": "Input should be greater than or equal to 1"}],
        }
    ],
}

_MEANINGS = {
    "400": ("BadRequest", "A parameter, a header or the syntax of the body is wrong"),
    "401": ("Unauthenticated", "No valid key"),
    "403": ("Forbidden", "The key lacks a scope"),
    "404": ("NotFound", "No such resource, or not the caller's"),
    "409": ("Conflict", "Not in the current state, or the same request is under way"),
    "412": ("PreconditionFailed", "The resource has changed"),
    "413": ("BodyTooLarge", "The body is too large"),
    "415": ("UnsupportedMediaType", "The body is not application/json"),
    "422": ("ValidationFailed", "The body is not valid; every bad place is listed"),
    "428": ("PreconditionRequired", "If-Match is required"),
    "429": ("RateLimited", "Too many requests"),
    "500": ("InternalError", "The service failed"),
    "503": ("Unavailable", "Temporarily not possible; repeat the request"),
}

_WITH_BODY = frozenset({"post", "put", "patch"})


def install_openapi(app: FastAPI, service: HttpService) -> None:
    """Make ``app.openapi()`` return the completed document, which is built once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, service)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, service: HttpService) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=None,
        description=app.description or app.title,
        routes=app.routes,
        servers=[{"url": service.settings.public_url or f"http://127.0.0.1:{service.settings.port}"}],
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components.setdefault("securitySchemes", {})
    used: set[str] = set()
    for path, method, operation in _operations(document):
        used |= _complete(path, method, operation)
    add_request_examples(document)
    components["responses"] = {_MEANINGS[status][0]: _response(status) for status in sorted(used)}
    document["tags"] = _tags(document, service)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    """Document the problems that an operation may answer with; returns their statuses."""
    operation.setdefault("security", [])
    for parameter in operation.get("parameters", ()):
        # Headers whose absence is answered with a problem of its own (400, 428) are optional for FastAPI only.
        if str(parameter.get("description", "")).startswith("Required."):
            parameter["required"] = True
    responses: dict[str, Any] = operation.setdefault("responses", {})
    statuses = _statuses(path, method, operation)
    # In order: a set of strings is iterated differently by every process.
    for status in sorted(statuses):
        declared = responses.get(status, {}).get("content", {})
        if not any(media.startswith(("application/problem", "application/health")) for media in declared):
            responses[status] = {"$ref": f"#/components/responses/{_MEANINGS[status][0]}"}
    if "422" not in statuses:
        responses.pop("422", None)
    return {status for status in statuses if "$ref" in responses[status]}


def _statuses(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    if not path.startswith("/v1"):
        return {status for status in operation["responses"] if status in _MEANINGS and status >= "5"}
    statuses = {"400", "429", "500", "503"}
    if {SECURITY_SCHEME} & {name for entry in operation["security"] for name in entry}:
        statuses |= {"401", "403"}
    if "{" in path or method in _WITH_BODY:
        statuses.add("404")
    if "requestBody" in operation:
        statuses |= {"413", "415", "422"}
    if method in _WITH_BODY | {"delete"}:
        statuses.add("409")
    for parameter in operation.get("parameters", ()):
        if parameter["name"].lower() == "if-match":
            statuses |= {"412", "428"} if parameter["required"] else {"412"}
    return statuses | {status for status in operation["responses"] if status in _MEANINGS and status != "422"}


def _response(status: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _MEANINGS[status][1],
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in ("429", "503"):
        response["headers"] = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    if status == "401":
        response["headers"] = {"WWW-Authenticate": {"description": "The challenge", "schema": {"type": "string"}}}
    return response


def _tags(document: dict[str, Any], service: HttpService) -> list[dict[str, str]]:
    described = {"operations": "Health, metrics and contracts, for those who run the service", **service.api.tags}
    used = {tag for _, _, operation in _operations(document) for tag in operation.get("tags", [])}
    return [{"name": tag, "description": described.get(tag, tag.capitalize())} for tag in sorted(used)]
