"""The short way of a plain request: what FastAPI would do for it, prepared once and done in one place.

FastAPI matches a route twice, opens three exit stacks, copies the tree of dependencies' values and wraps
``send`` again and again: more than the work itself for a request that places an order. Routes that need
none of it are planned here when the first request comes. Only what goes well takes the short way. Where a
dependency refuses, a parameter or a body does not fit, the request goes the long way, which is FastAPI's
own, from the start: so every problem is worded in one place. Dependencies therefore have no effects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from operator import attrgetter
from re import Pattern
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi._compat import field_annotation_is_sequence
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import (
    _get_param_aliases,
    _get_param_model,
    _is_json_field,
    request_params_to_args,
)
from fastapi.exceptions import ResponseValidationError
from fastapi.params import Form
from fastapi.responses import JSONResponse
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.utils import is_body_allowed_for_status_code
from starlette.convertors import Convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.http.errors import answer_to

_RESET_CONTENT = 205
"""Of the statuses without a body, the one that says so by its length."""

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 20
"""Digits, made alike, of which a number may be larger than 64 bits hold."""


class NotPlain(Exception):
    """The route needs something that only FastAPI does."""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Parameters from one place of the request.

    Of those that are one value under one name, FastAPI would find out so for every request.
    """

    given: Callable[[Request], Any]
    single: Sequence[tuple[str, Any]]
    """The name in the request, and FastAPI's field."""
    others: Sequence[Any]
    """FastAPI's fields."""

    def put_into(self, values: dict[str, Any], request: Request) -> bool:
        """False where one is not valid."""
        given = self.given(request)
        for name, field in self.single:
            value = given.get(name)
            if value is None and (field.field_info.is_required() or field.field_info.validate_default):
                return False
            if value is None:
                values[field.name] = field.get_default()
                continue
            values[field.name], errors = field.validate(value, values, loc=(name,))
            if errors:
                return False
        if self.others:
            found, errors = request_params_to_args(self.others, given)
            if errors:
                return False
            values.update(found)
        return True


def _parameters(fields: Sequence[Any], given: Callable[[Request], Any]) -> _Parameters:
    single, others = [], []
    for field in fields:
        names = {name for _, name in _get_param_aliases(field)}
        plain = not field_annotation_is_sequence(field.field_info.annotation) and not _is_json_field(field)
        if len(names) == 1 and plain and _get_param_model(field) is None:
            single.append((names.pop(), field))
        else:
            others.append(field)
    return _Parameters(given, single, others)


@dataclass(frozen=True, slots=True)
class _Step:
    """A dependency or the endpoint, and where each of its arguments comes from."""

    call: Callable[..., Awaitable[Any]]
    earlier: Sequence[tuple[str, int]]
    """Arguments that are results of earlier steps, by their number."""
    parameters: Sequence[_Parameters]
    request: str | None
    response: str | None

    def arguments(self, request: Request, response: Response, results: Sequence[Any]) -> dict[str, Any] | None:
        """None where a parameter is not valid."""
        values = {name: results[number] for name, number in self.earlier}
        for parameters in self.parameters:
            if not parameters.put_into(values, request):
                return None
        if self.request is not None:
            values[self.request] = request
        if self.response is not None:
            values[self.response] = response
        return values


@dataclass(frozen=True, slots=True)
class Plan:
    """How requests of one route are answered."""

    route: Any
    dependencies: Sequence[_Step]
    endpoint: _Step
    body: Any
    """FastAPI's field of the body; None where the route takes none."""
    answer: Any
    """FastAPI's field of what is answered."""
    status: int
    by_alias: bool

    async def arguments(self, request: Request, response: Response, sent: bytes | None) -> dict[str, Any] | None:
        """What the endpoint is called with; None where anything is amiss."""
        results: list[Any] = []
        for step in self.dependencies:
            values = step.arguments(request, response, results)
            if values is None:
                return None
            results.append(await step.call(**values))
        arguments = self.endpoint.arguments(request, response, results)
        if arguments is not None and self.body is not None:
            if _LONG_NUMBER in (sent or b"").translate(_DIGITS):
                # orjson makes fractions of whole numbers that 64 bits do not hold.
                return None
            document = orjson.loads(sent or b"null")
            # FastAPI takes null for a body that is missing.
            if document is None:
                return None
            arguments[self.body.name], errors = self.body.validate(document, {}, loc=("body",))
            if errors:
                return None
        return arguments

    def encoded(self, result: Any) -> bytes:
        """The answer's JSON. ResponseValidationError where the endpoint answers what it did not declare."""
        value, errors = self.answer.validate(result, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors=errors, body=result)
        encoded: bytes = self.answer.serialize_json(value, by_alias=self.by_alias)
        return encoded


class FastPath:
    """Pure ASGI middleware, the innermost: answers plain requests itself and leaves the others to FastAPI."""

    def __init__(self, app: ASGIApp, *, owner: FastAPI) -> None:
        self._app = app
        self._owner = owner
        self._routes = _Routes(owner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plan, path_params = self._plan(scope)
        if plan is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["path_params"] = plan.route, path_params
        received: list[Message] = []
        again = _again(received, receive)
        request = Request(scope, again)
        response = Response(status_code=204)  # without a body, and so without headers of one
        response.status_code = plan.status
        try:
            sent = b"" if plan.body is None else await _read(receive, received)
            arguments = await plan.arguments(request, response, sent)
        except Exception:
            # Whoever refused is asked again on the long way, where this becomes an answer.
            arguments = None
        if arguments is None:
            await self._app(scope, again, send)
        else:
            await _answer(plan, arguments, request, response, send)

    def _plan(self, scope: Scope) -> tuple[Plan | None, dict[str, Any]]:
        # Spans and metrics of OpenTelemetry are named after the route, which they learn on the long way only.
        if scope["type"] != "http" or scope.get("fastapi.telemetry") is not None or scope.get("root_path"):
            return None, {}
        plan, path_params = self._routes.find(scope["method"], scope["path"])
        if plan is not None and (self._owner.dependency_overrides or not (plan.body is None or _is_json(scope))):
            return None, {}
        return plan, path_params


async def _answer(plan: Plan, arguments: dict[str, Any], request: Request, response: Response, send: Send) -> None:
    try:
        result = await plan.endpoint.call(**arguments)
        body = b"" if isinstance(result, Response) else plan.encoded(result)
    except Exception as error:
        result = await answer_to(request, error)
    if isinstance(result, Response):
        await result(request.scope, request.receive, send)
        return
    headers = [(b"content-type", b"application/json"), *response.raw_headers]
    if not is_body_allowed_for_status_code(response.status_code):
        body = b""
    if body or response.status_code == _RESET_CONTENT:
        headers.insert(0, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _read(receive: Receive, received: list[Message]) -> bytes:
    """The body; every message that was received is kept in ``received``."""
    while True:
        message = await receive()
        received.append(message)
        if message["type"] != "http.request":
            raise ClientDisconnect
        if not message.get("more_body", False):
            break
    return b"".join(message.get("body", b"") for message in received)


def _again(received: list[Message], receive: Receive) -> Receive:
    """Gives what was received already, then what comes."""

    async def receive_again() -> Message:
        return received.pop(0) if received else await receive()

    return receive_again


def _is_json(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-type":
            return bool(value == b"application/json" or value.startswith(b"application/json;"))
    return True


class _Routes:
    """Which plan a request has; the first route that matches counts, as in FastAPI."""

    def __init__(self, owner: FastAPI) -> None:
        self._exact: dict[tuple[str, str], Plan | None] = {}
        self._patterns: dict[str, list[tuple[Pattern[str], Mapping[str, Convertor[Any]], Plan | None]]] = {}
        for context in iter_route_contexts(owner.routes):
            plan = _plan_of(context)
            for method in context.methods or ():
                patterns = self._patterns.setdefault(method, [])
                if context.param_convertors:
                    patterns.append((context.path_regex, context.param_convertors, plan))
                elif not any(pattern.match(str(context.path)) for pattern, _, _ in patterns):
                    self._exact.setdefault((method, str(context.path)), plan)

    def find(self, method: str, path: str) -> tuple[Plan | None, dict[str, Any]]:
        """The plan and the path's parameters; no plan where the request goes the long way."""
        if (method, path) in self._exact:
            return self._exact[method, path], {}
        for pattern, convertors, plan in self._patterns.get(method, ()):
            if found := pattern.match(path):
                return plan, {name: convertors[name].convert(value) for name, value in found.groupdict().items()}
        return None, {}


def plain_routes(owner: FastAPI) -> set[tuple[str, str]]:
    """Method and path, as declared, of the routes that have a short way."""
    contexts = iter_route_contexts(owner.routes)
    return {(method, str(each.path)) for each in contexts if _plan_of(each) for method in each.methods or ()}


def _plan_of(context: RouteContext) -> Plan | None:
    """None where the route is not plain."""
    try:
        return _planned(context)
    except NotPlain:
        return None


def _planned(context: RouteContext) -> Plan:
    dependant: Dependant | None = getattr(context, "dependant", None)
    answer = getattr(context, "response_field", None)
    usual_answer = (
        answer is not None
        and isinstance(context.response_class, DefaultPlaceholder)
        and context.response_class.value is JSONResponse
        and context.status_code not in (204, 205, 304)
        and not (context.response_model_include or context.response_model_exclude)
        and not (context.response_model_exclude_unset or context.response_model_exclude_defaults)
        and not context.response_model_exclude_none
        and context.max_body_size is None
    )
    if dependant is None or not usual_answer:
        raise NotPlain
    steps: list[_Step] = []
    endpoint = _step(dependant, steps, {})
    return Plan(
        route=context.original_route,
        dependencies=steps,
        endpoint=endpoint,
        body=_body(dependant),
        answer=answer,
        status=context.status_code or 200,
        by_alias=context.response_model_by_alias,
    )


def _body(dependant: Dependant) -> Any:
    if not dependant.body_params:
        return None
    (field, *others) = dependant.body_params
    if others or isinstance(field.field_info, Form) or getattr(field.field_info, "embed", None):
        raise NotPlain
    return field


_GIVEN: Sequence[tuple[str, Callable[[Request], Any]]] = (
    ("path_params", attrgetter("path_params")),
    ("query_params", attrgetter("query_params")),
    ("header_params", attrgetter("headers")),
    ("cookie_params", attrgetter("cookies")),
)


def _step(dependant: Dependant, steps: list[_Step], places: dict[int, int]) -> _Step:
    """The step of ``dependant``, those of its dependencies put into ``steps`` before it."""
    earlier = []
    for needed in dependant.dependencies:
        place = places.get(id(needed.call))
        if place is None:
            if needed.body_params or not needed.use_cache or needed.concurrency is not None:
                raise NotPlain
            steps.append(_step(needed, steps, places))
            place = places[id(needed.call)] = len(steps) - 1
        if needed.name is not None:
            earlier.append((needed.name, place))
    call = dependant.call
    special = (
        dependant.websocket_param_name
        or dependant.http_connection_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
    )
    if call is None or special or not (iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)):
        raise NotPlain
    return _Step(
        call,
        earlier,
        [_parameters(fields, given) for name, given in _GIVEN if (fields := getattr(dependant, name))],
        dependant.request_param_name,
        dependant.response_param_name,
    )
