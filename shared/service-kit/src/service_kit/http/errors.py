"""Everything that goes wrong inside the application, as problems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from service_kit.commands.errors import (
    CommandNotCarriedOut,
    IdempotencyKeyInFlight,
    IdempotencyKeyReused,
    OutcomeUnknown,
)
from service_kit.commands.expected_version import VersionMismatch
from service_kit.http.authorized_body import RefusedUnread
from service_kit.http.body_limit import BodyTooLarge, body_too_large
from service_kit.http.problems import (
    FieldError,
    Problem,
    bad_request,
    for_status,
    precondition_failed,
    unavailable,
    unprocessable,
)
from service_kit.http.responses import ProblemResponse

_MAX_ERRORS = 1000
_UNSTORABLE_TEXT = frozenset({"22021", "22P05"})
"""character_not_in_repertoire, untranslatable_character: U+0000 in a place that no model looked at."""


_NO_OBJECT = frozenset({"missing", "model_type", "model_attributes_type", "dict_type"})
"""Pydantic's names of a body that is not there or no object."""
_KINDS = {
    "string_type": ("text",),
    "int_type": ("a number",),
    "int_parsing": ("a number",),
    "int_from_float": ("a number",),
    "float_type": ("a number",),
    "float_parsing": ("a number",),
    "bool_type": ("true", "false"),
    "bool_parsing": ("true", "false"),
    "none_required": ("null",),
    "list_type": ("an array",),
    "dict_type": ("an object",),
    "model_type": ("an object",),
    "model_attributes_type": ("an object",),
}
"""Pydantic's errors of a value of another type, and what it should have been."""


ProblemOf = Callable[[Any], Problem]
"""Puts an error of the domain or the application as a problem."""

ProblemTable = Mapping[type[Exception], ProblemOf]
"""What the errors of a service are answered with; an error's nearest class in the table counts."""


def add_problem_handlers(app: FastAPI, table: ProblemTable) -> None:
    """Answer every error of routing, parsing, validation and endpoints, and those of ``table``, with a problem."""
    for kind, handler in _handlers().items():
        app.add_exception_handler(kind, handler)
    for kind, problem_of in (_OF_COMMANDS | dict(table)).items():
        app.add_exception_handler(kind, _answering(problem_of))


async def answer_to(request: Request, error: Exception) -> Response:
    """The problem that an endpoint's ``error`` is answered with; raises the error where it is none of the known."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if (handler := handlers.get(kind)) is not None:
            response: Response = await handler(request, error)
            return response
    raise error


def _answering(problem_of: ProblemOf) -> Callable[[Request, Any], Awaitable[Response]]:
    async def answer(request: Request, error: Any) -> Response:
        return ProblemResponse(problem_of(error), request.scope)

    return answer


def key_reused() -> Problem:
    """422: the key was used for another request: another body, or another order or place in the path."""
    return Problem(
        422,
        "idempotency_key_reused",
        "Idempotency-Key was used for another request",
        "A key stands for one request: its path and its body. Use a new key for this one.",
    )


def key_in_flight() -> Problem:
    """409: the same key is being worked on elsewhere at this moment."""
    return Problem(
        409,
        "idempotency_key_in_flight",
        "The same request is under way",
        "Repeat the request after Retry-After to get its answer.",
        headers={"Retry-After": "1"},
    )


_OF_COMMANDS: dict[type[Exception], ProblemOf] = {
    IdempotencyKeyReused: lambda _: key_reused(),
    IdempotencyKeyInFlight: lambda _: key_in_flight(),
    CommandNotCarriedOut: lambda _: unavailable(),
    VersionMismatch: lambda _: precondition_failed(),
    OutcomeUnknown: lambda _: unavailable("outcome_unknown", "Whether the request was carried out is not known."),
}


@cache
def _handlers() -> Mapping[type[Exception], Callable[[Request, Any], Awaitable[Response]]]:
    return {
        Problem: _on_problem,
        RequestValidationError: _on_invalid,
        HTTPException: _on_http,
        DBAPIError: _on_database,
        asyncpg.DataError: _on_database,
    }


async def _on_problem(request: Request, error: Problem) -> Response:
    return ProblemResponse(error, request.scope)


async def _on_http(request: Request, error: HTTPException) -> Response:
    if isinstance(error, RefusedUnread):
        return ProblemResponse(error.problem, request.scope)
    if isinstance(error, BodyTooLarge):
        return ProblemResponse(body_too_large(error.limit), request.scope)
    details = {
        400: "The body cannot be read.",
        404: "No route serves this path.",
        405: "The path does not know this method.",
    }
    problem = for_status(error.status_code, details.get(error.status_code), error.headers)
    if error.status_code == 405:
        problem.headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return ProblemResponse(problem, request.scope)


def _methods_of(request: Request) -> set[str]:
    """The methods of every route of this path; the router itself names those of one route only."""
    return {
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    }


async def _on_database(request: Request, error: DBAPIError | asyncpg.DataError) -> Response:
    reported = error.orig if isinstance(error, DBAPIError) else error
    if getattr(reported, "sqlstate", None) in _UNSTORABLE_TEXT:
        return ProblemResponse(bad_request("invalid_character", "The character U+0000 is not allowed."), request.scope)
    raise error


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    return ProblemResponse(_problem_of(error.errors(), error.body, request.headers), request.scope)


def _problem_of(errors: Sequence[Mapping[str, Any]], body: Any, headers: Mapping[str, str]) -> Problem:
    if any(error["type"] == "json_invalid" for error in errors):
        return bad_request("malformed_json", "The body is not JSON.")
    if any(tuple(error["loc"]) == ("body",) for error in errors) and not _is_json(headers.get("content-type")):
        return Problem(415, "unsupported_media_type", "Unsupported media type", "Send the body as application/json.")
    parameters = [error for error in errors if error["loc"][0] != "body"]
    if parameters:
        found = [_parameter_error(error) for error in parameters]
        names = ", ".join(dict.fromkeys(str(error.parameter) for error in found))
        return bad_request("invalid_parameter", f"Not valid: {names}.", errors=found)
    if any(tuple(error["loc"]) == ("body",) and error["type"] in _NO_OBJECT for error in errors):
        # FastAPI takes null for a body that is missing.
        sent = body is not None or headers.get("content-length", "0") != "0"
        words = "A JSON object is required." if sent else "A JSON body is required."
        return unprocessable([FieldError("", words)], words)
    return unprocessable(_field_errors(errors[:_MAX_ERRORS], body))


def _is_json(content_type: str | None) -> bool:
    # No content type at all is taken for JSON.
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _parameter_error(error: Mapping[str, Any]) -> FieldError:
    location = error["loc"]
    name = str(location[1]) if len(location) > 1 else str(location[0])
    return FieldError("", _words(error), parameter=name[:100])


def _field_errors(errors: Sequence[Mapping[str, Any]], body: Any) -> list[FieldError]:
    """One error for each place: the alternatives of a union, which all failed there, are told together."""
    places: dict[str, list[Mapping[str, Any]]] = {}
    for error in errors:
        place = _place(error, body)
        if error["type"] == "unstorable_text":
            place.append(str(error["ctx"]["field"]))
        places.setdefault(json_pointer(place), []).append(error)
    return [FieldError(pointer, _words_of(found)) for pointer, found in places.items()]


def _place(error: Mapping[str, Any], body: Any) -> list[str]:
    """Where the error is in what the caller sent: pydantic's path without the names of a union's alternatives."""
    path = error["loc"][1:]
    missing = error["type"] == "missing"
    place: list[str] = []
    here = body
    for depth, part in enumerate(path, start=1):
        # What the error is about has been reached: the rest names alternatives. A missing field is about its object.
        if here is error.get("input") and not missing:
            break
        inside = part in here if isinstance(here, dict) else isinstance(here, list) and part in range(len(here))
        if inside:
            here = here[part]
        # A field that was left out, and whose default does not fit the others, is not in the document either.
        elif not (isinstance(here, dict) and depth == len(path) and part != "[key]"):
            continue
        place.append(str(part))
    return place


def _words_of(errors: Sequence[Mapping[str, Any]]) -> str:
    kinds = [_KINDS.get(error["type"]) for error in errors]
    if len(errors) > 1 and None not in kinds:
        *others, last = dict.fromkeys(kind for kinds_ in kinds if kinds_ for kind in kinds_)
        return f"Must be {', '.join(others)} or {last}" if others else f"Must be {last}"
    # An alternative of the right type says which of its rules is broken; the others only that they are others.
    telling = [error for error, kind in zip(errors, kinds, strict=True) if kind is None] or errors
    return "; or: ".join(dict.fromkeys(_words(error) for error in telling))


def json_pointer(parts: Sequence[str]) -> str:
    """The JSON Pointer (RFC 6901) of a path into a document."""
    return "".join("/" + part[:100].replace("~", "~0").replace("/", "~1") for part in parts)


def _words(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "This field is not known here"
    if error["type"] == "missing":
        return "This field is required"
    if error["type"] in ("model_type", "model_attributes_type"):
        return "Must be an object"
    words = str(error["msg"])
    # Unions and parsers may quote what they were given; everything else of pydantic's names the rule only.
    given = error.get("input")
    if isinstance(given, str) and len(given) > 3 and given in words:
        return "The value is not valid"
    return words.removeprefix("Value error, ")
