"""The fast path: a plain request for a hot route is answered without FastAPI's routing and dependency injection.

FastAPI's own work for a request (two route matches, three exit stacks, solving the tree of dependencies) costs more
processor time than placing an order does. A hot route therefore has a second, hand-written way to its endpoint, built
on the public API of Starlette and pydantic only. It is a shortcut and never a second set of rules: whenever a request
is not plain (no valid key, a missing header, a body that does not validate), FastAPI's own route takes it from the
beginning and words the problem.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.http.errors import answer_to
from service_kit.http.problems import Problem

Call = Callable[[Response], Awaitable[BaseModel | Response]]
"""Calls the endpoint, which may set headers and the status of the response that it is given."""

Reader = Callable[[Request], Awaitable[Call]]
"""Reads a request and returns the call of the endpoint that it asks for; raises if the request is not plain."""

Model = TypeVar("Model", bound=BaseModel)


class NotPlain(Exception):
    """The request needs FastAPI's own route."""


_REFUSALS = (NotPlain, Problem, ValidationError, HTTPException, ClientDisconnect)
"""What a reader may raise to leave the request to FastAPI. Any other exception is a failure of the service."""

_WITHOUT_BODY = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A route that FastAPI serves as well, and how a plain request for it is read.

    ``path`` is the whole path and has no parameters. ``status`` is that of a success. ``read`` must have no effects,
    because a request that it refuses is read again by FastAPI.
    """

    method: str
    path: str
    status: int
    read: Reader


class HotRouter(APIRouter):
    """A router that has a fast path to some of its routes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hot_routes: list[HotRoute] = []

    def fast_path(self, method: str, path: str, *, status: int = 200) -> Callable[[Reader], Reader]:
        """Register the decorated reader for the route of ``method`` and ``path``, given as to ``router.post``."""

        def register(read: Reader) -> Reader:
            self.hot_routes.append(HotRoute(method, self.prefix + path, status, read))
            return read

        return register


async def json_body(request: Request, model: type[Model]) -> Model:
    """The body as ``model``. Raises NotPlain or ValidationError where FastAPI would have to look at it."""
    content_type = request.headers.get("content-type", "application/json")
    if content_type != "application/json" and not content_type.startswith("application/json;"):
        raise NotPlain
    body = await request.body()
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError:
        # It is not JSON, or only the standard library's parser, which FastAPI uses, reads its encoding.
        raise NotPlain from None
    # Validated in Python mode, as FastAPI does: pydantic's JSON mode takes some values that Python mode refuses.
    return model.model_validate(document)


class FastPath:
    """Pure ASGI middleware, the innermost one: answers plain requests for hot routes, passes all others on."""

    def __init__(self, app: ASGIApp, *, routers: Iterable[APIRouter]) -> None:
        self._app = app
        hot = [route for router in routers if isinstance(router, HotRouter) for route in router.hot_routes]
        self._routes = {(route.method, route.path): route for route in hot}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None or scope.get("root_path") or scope["app"].dependency_overrides:
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # metrics and logs name the request after it
        received = _Received(receive)
        request = Request(scope, received)
        try:
            call = await route.read(request)
        except _REFUSALS:
            await self._app(scope, received.again(), send)
            return
        response = await _response(route, call, request)
        await response(scope, received, send)


async def _response(route: HotRoute, call: Call, request: Request) -> Response:
    response = Response(status_code=204)  # without a body, and so without the headers of one
    response.status_code = route.status
    try:
        result = await call(response)
    except Exception as error:
        return await answer_to(request, error)
    if isinstance(result, Response):
        return result
    content = b"" if response.status_code in _WITHOUT_BODY else result.model_dump_json(by_alias=True).encode()
    answer = Response(content, response.status_code, media_type="application/json")
    answer.raw_headers.extend(response.raw_headers)
    return answer


class _Received:
    """``receive`` that remembers its messages, so that FastAPI can read the request again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def __call__(self) -> Message:
        message = await self._receive()
        self._messages.append(message)
        return message

    def again(self) -> Receive:
        """Gives the remembered messages, then those that come."""
        messages = iter(self._messages)

        async def receive() -> Message:
            return next(messages, None) or await self._receive()

        return receive
