"""No byte of a body is read for a caller who may not call the route.

FastAPI reads and parses the body before it looks at any dependency, the one that demands scopes included: whoever has
no key could make it parse a megabyte of nested arrays, and would learn from the answer what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import isfunction
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.http.authentication import Requirement, authorized
from service_kit.http.problems import Problem


class RefusedUnread(HTTPException):
    """The caller may not call the route. It is an HTTPException because FastAPI passes only those on from the body."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status)
        self.problem = problem


class AuthorizedBody:
    """Pure ASGI middleware: the first look at a body demands what the route demands; see :func:`authorized`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requirements: dict[int, tuple[Requirement, ...]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        checked = False

        async def allowed() -> Message:
            nonlocal checked
            if not checked:
                self._check(scope)
                checked = True
            return await receive()

        await self._app(scope, allowed, send)

    def _check(self, scope: Scope) -> None:
        route = scope.get("route")
        if not isinstance(route, APIRoute):
            # The fast path, whose readers demand the same before they read.
            return
        for requirement in self._of(route):
            try:
                authorized(scope, *requirement.needed, bound=requirement.bound)
            except Problem as refusal:
                raise RefusedUnread(refusal) from None

    def _of(self, route: APIRoute) -> tuple[Requirement, ...]:
        found = self._requirements.get(id(route))
        if found is None:
            of_router = (demand for dependency in route.dependencies for demand in _demands(dependency))
            found = self._requirements[id(route)] = (*of_router, *_demands_of(route.endpoint))
        return found


def _demands_of(function: Callable[..., Any]) -> Iterator[Requirement]:
    """The requirements among the parameters of an endpoint or dependency, and of those that it depends on."""
    for annotation in get_type_hints(function, include_extras=True).values():
        for marker in getattr(annotation, "__metadata__", ()):
            yield from _demands(marker)


def _demands(marker: object) -> Iterator[Requirement]:
    """The requirements of one ``Depends`` or ``Security``; none of anything else."""
    dependency = getattr(marker, "dependency", None)
    if isinstance(dependency, Requirement):
        yield dependency
    elif isfunction(dependency):
        yield from _demands_of(dependency)
