"""Bodies are measured as they arrive, and refused if too large before they are held in memory."""

from __future__ import annotations

from collections.abc import Iterable
from re import Pattern

from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.http.problems import Problem
from service_kit.http.responses import ProblemResponse


class BodyTooLarge(HTTPException):
    """Raised while the body is read. It is an HTTPException because FastAPI passes only those on from there."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


def body_too_large(limit: int) -> Problem:
    """413 with the limit in bytes."""
    return Problem(
        413,
        "body_too_large",
        "The body is too large",
        f"At most {limit} bytes are taken here; split the request.",
        extra={"limit_bytes": limit},
        headers={"Connection": "close"},
    )


class BodyLimit:
    """Pure ASGI middleware: ``limit`` bytes, or ``large_limit`` on ``large_paths`` (as routes declare them)."""

    def __init__(self, app: ASGIApp, *, limit: int, large_limit: int, large_paths: Iterable[str]) -> None:
        self._app = app
        self._limit = limit
        self._large_limit = large_limit
        paths = list(large_paths)
        self._plain = frozenset(path for path in paths if "{" not in path)
        self._patterns: list[Pattern[str]] = [compile_path(path)[0] for path in paths if "{" in path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        if _declared_length(scope) > limit:
            await ProblemResponse(body_too_large(limit), scope)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            # Reading on after a refusal raises again; it would otherwise wait for a message that never comes.
            message: Message = {} if taken > limit else await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise BodyTooLarge(limit)
            return message

        await self._app(scope, counted, send)

    def _limit_of(self, path: str) -> int:
        if path in self._plain or any(pattern.match(path) for pattern in self._patterns):
            return self._large_limit
        return self._limit


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
