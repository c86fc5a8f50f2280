"""Requests a minute for each caller, counted in memory, told in every answer."""

from __future__ import annotations

from dataclasses import dataclass
from time import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.auth import Principal
from service_kit.business_time import IMPORT_SCOPE
from service_kit.http.authentication import Authenticator
from service_kit.http.responses import ProblemResponse
from service_kit.problems import Problem

UNCOUNTED = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands in its window, as the ``RateLimit`` headers say it."""

    policy: str
    allowed: bool
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/"""
        name = self.policy.split(";", 1)[0]
        standing = f"{name};r={self.remaining};t={self.reset_seconds}"
        return [(b"ratelimit-policy", self.policy.encode()), (b"ratelimit", standing.encode())]


class RateLimiter:
    """One policy: so many requests in each fixed window, counted for each caller in this process."""

    def __init__(self, name: str, rate: str) -> None:
        """``rate`` as in ``"600/minute"``; ValueError for anything else."""
        self._item: RateLimitItem = parse(rate)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._policy = f'"{name}";q={self._item.amount};w={self._item.get_expiry()}'

    def hit(self, caller: str) -> Standing:
        """Count one request of ``caller``."""
        allowed = self._limiter.hit(self._item, caller)
        window = self._limiter.get_window_stats(self._item, caller)
        reset = max(1, round(window.reset_time - time() + 0.5))
        return Standing(self._policy, allowed, max(0, window.remaining), reset)


def too_many_requests(standing: Standing) -> Problem:
    """429 with the seconds until the window ends."""
    return Problem(
        429,
        "rate_limited",
        "Too many requests",
        f"The next request is taken in {standing.reset_seconds} s.",
        headers={"Retry-After": str(standing.reset_seconds)},
    )


class Admission:
    """Pure ASGI middleware: finds the principal, counts the request, refuses it when there were too many.

    Keys with the scope ``import`` are not counted: a bulk import is meant to go as fast as it can.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        known: RateLimiter | None,
        anonymous: RateLimiter | None,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._known = known
        self._anonymous = anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
            return
        principal = self._authenticator.principal(scope)
        scope["state"]["principal"] = principal
        standing = self._standing(principal, scope)
        if standing is None:
            await self._app(scope, receive, send)
            return
        headers = standing.headers()

        async def send_with_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        if standing.allowed:
            await self._app(scope, receive, send_with_standing)
        else:
            await ProblemResponse(too_many_requests(standing), scope)(scope, receive, send_with_standing)

    def _standing(self, principal: Principal | None, scope: Scope) -> Standing | None:
        if principal is None:
            client = scope.get("client")
            return None if self._anonymous is None else self._anonymous.hit(client[0] if client else "unknown")
        if self._known is None or principal.may(IMPORT_SCOPE):
            return None
        return self._known.hit(principal.key_id)
