"""Limits the requests of each caller; every response says how many are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from service_kit.http.api_keys import KeyringError, Principal
from service_kit.http.authentication import Authenticator
from service_kit.http.business_time import IMPORT_SCOPE
from service_kit.http.problems import Problem, unavailable
from service_kit.http.responses import ProblemResponse, answer_headers

log = structlog.get_logger(__name__)

UNCOUNTED = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})


@dataclass(frozen=True, slots=True)
class RateStatus:
    """What is left to a caller of its window, as the ``RateLimit`` headers express it."""

    policy: str
    allowed: bool
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/"""
        name = self.policy.split(";", 1)[0]
        status = f"{name};r={self.remaining};t={self.reset_seconds}"
        return [(b"ratelimit-policy", self.policy.encode()), (b"ratelimit", status.encode())]


_CROWDED = 1000
"""With more callers than this, windows that are over are dropped."""


@dataclass(slots=True)
class _Window:
    ends: float
    count: int = 0


_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


class RateLimiter:
    """One policy: a number of requests in each fixed window, counted in this process for each caller.

    A caller's window begins with its first request. Requests are counted here because the storage of the package
    ``limits`` starts a thread a hundred times a second to forget what has expired, which took an eighth of the
    processor time of a busy service.
    """

    def __init__(self, name: str, rate: str, *, now: Callable[[], float] = monotonic) -> None:
        """``rate`` is written as in the settings, such as ``"600/minute"``; ``now`` returns seconds."""
        amount, _, period = rate.partition("/")
        self._amount, self._seconds = int(amount), _SECONDS[period]
        self._policy = f'"{name}";q={self._amount};w={self._seconds}'
        self._now = now
        self._windows: dict[str, _Window] = {}
        self._crowded = _CROWDED

    def hit(self, caller: str) -> RateStatus:
        """Count one request of ``caller``."""
        now = self._now()
        window = self._windows.get(caller)
        if window is None or now >= window.ends:
            window = self._windows[caller] = _Window(now + self._seconds)
            if len(self._windows) > self._crowded:
                self._forget(now)
        window.count += 1
        remaining = self._amount - window.count
        return RateStatus(self._policy, remaining >= 0, max(0, remaining), max(1, ceil(window.ends - now)))

    def __len__(self) -> int:
        """Callers whose windows are in memory, including windows that are over."""
        return len(self._windows)

    def _forget(self, now: float) -> None:
        """Drop windows that are over, and again once there are twice as many as now, so that each costs little."""
        self._windows = {caller: window for caller, window in self._windows.items() if now < window.ends}
        self._crowded = max(_CROWDED, 2 * len(self._windows))


def too_many_requests(status: RateStatus) -> Problem:
    """429, with the seconds until the window ends."""
    return Problem(
        429,
        "rate_limited",
        "Too many requests",
        f"The next request is taken in {status.reset_seconds} s.",
        headers={"Retry-After": str(status.reset_seconds)},
    )


def too_many_at_once(limit: int) -> Problem:
    """429 for a caller that has ``limit`` requests under way."""
    words = f"At most {limit} requests of one caller are worked on at the same time."
    return Problem(429, "too_many_at_once", "Too many requests at once", words, headers={"Retry-After": "1"})


class Admission:
    """ASGI middleware: finds the principal and counts the request; answers 429 if there were too many.

    Requests by keys with the scope ``import`` are not counted: a bulk import may be as fast as it can. Those under
    way at the same time are limited for everybody.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        known: RateLimiter | None,
        anonymous: RateLimiter | None,
        concurrency: int = 256,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._known = known
        self._anonymous = anonymous
        self._concurrency = concurrency
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
            return
        try:
            principal = self._authenticator.principal(scope)
        except (KeyringError, OSError) as error:
            log.error("keyring_unusable", error_type=type(error).__name__)
            await ProblemResponse(keys_unreadable(), scope)(scope, receive, send)
            return
        scope["state"]["principal"] = principal
        refusal = self._refusal(principal, scope)
        if refusal is not None:
            await ProblemResponse(refusal, scope)(scope, receive, send)
            return
        caller = caller_of(scope)
        self._under_way[caller] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[caller] -= 1
            if not self._under_way[caller]:
                del self._under_way[caller]

    def _refusal(self, principal: Principal | None, scope: Scope) -> Problem | None:
        status = self._status(principal, scope)
        if status is not None:
            answer_headers(scope).extend(status.headers())
            if not status.allowed:
                return too_many_requests(status)
        crowded = self._under_way[caller_of(scope)] >= self._concurrency
        return too_many_at_once(self._concurrency) if crowded else None

    def _status(self, principal: Principal | None, scope: Scope) -> RateStatus | None:
        if principal is None:
            return None if self._anonymous is None else self._anonymous.hit(caller_of(scope))
        if self._known is None or (principal.may(IMPORT_SCOPE) and not principal.bound):
            return None
        return self._known.hit(caller_of(scope))


def caller_of(scope: Scope) -> str:
    """Whose requests are counted together: a key, one tracking link's order, or an address without either."""
    principal: Principal | None = scope.get("state", {}).get("principal")
    if principal is None:
        client = scope.get("client")
        return client[0] if client else "unknown"
    return principal.key_id if principal.order_id is None else f"{principal.key_id}:{principal.order_id}"


def keys_unreadable() -> Problem:
    """503: who may call is not known, so nobody may."""
    return unavailable("keys_unreadable", "The keyring cannot be read. Tell whoever runs the service.", retry_after=5)
