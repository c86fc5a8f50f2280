"""CORS, at no cost for callers that are no browsers."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from service_kit.http.responses import answer_headers

_VARY = (b"vary", b"Origin")


class CrossOrigin(CORSMiddleware):
    """Starlette's, for requests that name an origin. Others only learn that it would matter (``Vary``)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Outermost of ours; ``Observation`` within sends the header."""
        if scope["type"] == "http" and not any(name == b"origin" for name, _ in scope["headers"]):
            answer_headers(scope).append(_VARY)
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
