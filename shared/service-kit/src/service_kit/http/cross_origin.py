"""CORS, at no cost for callers that are not browsers."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from service_kit.http.responses import answer_headers

_VARY = (b"vary", b"Origin")


class CrossOrigin(CORSMiddleware):
    """Starlette's middleware, for requests that name an origin. Other responses only get ``Vary: Origin``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The outermost of the kit's middleware; ``Observation``, which comes next, sends the header."""
        if scope["type"] == "http" and not any(name == b"origin" for name, _ in scope["headers"]):
            answer_headers(scope).append(_VARY)
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
