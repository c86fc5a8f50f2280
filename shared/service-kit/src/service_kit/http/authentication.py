"""Who calls, found once for each request, and the dependency that demands scopes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from starlette.types import Scope

from service_kit.http.api_keys import KEY_PREFIX, Keyring, Principal
from service_kit.http.problems import Problem, forbidden

SECURITY_SCHEME = "bearer"
TOKEN_PARAMETER = "token"  # noqa: S105 - the name of a parameter
_CHALLENGE = 'Bearer realm="backorder"'

Verifier = Callable[[str], Principal | None]


def unauthenticated(detail: str, error: str | None = None) -> Problem:
    """401 with the challenge that RFC 6750 asks for."""
    challenge = _CHALLENGE if error is None else f'{_CHALLENGE}, error="{error}"'
    return Problem(401, "unauthenticated", "Authentication required", detail, headers={"WWW-Authenticate": challenge})


class Authenticator:
    """Finds the principal of a request from its bearer token or, on GET, its ``token`` parameter."""

    def __init__(self, keyring: Keyring, verify_token: Verifier | None) -> None:
        self._keyring = keyring
        self._verify_token = verify_token

    def principal(self, scope: Scope) -> Principal | None:
        """The caller, or None where nothing valid was presented."""
        secret = presented_secret(scope, query=self._verify_token is not None)
        if secret is None:
            return None
        if secret.startswith(KEY_PREFIX):
            key = self._keyring.find(secret)
            return None if key is None else key.principal()
        return None if self._verify_token is None else self._verify_token(secret)


def presented_secret(scope: Scope, *, query: bool) -> str | None:
    """What the request presents as its bearer token; the query is looked at only where ``query``."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None
    if query and scope["method"] == "GET" and scope["query_string"]:
        # EventSource cannot send headers; an API key is never taken from a URL, which ends up in logs.
        found: list[str] | None = parse_qs(scope["query_string"].decode("latin-1")).get(TOKEN_PARAMETER)
        if found and not found[0].startswith(KEY_PREFIX):
            return found[0]
    return None


class Binding(StrEnum):
    """Whose restricted callers a route serves, because it looks at nothing that is not theirs.

    The rows that such a caller reaches are limited in the SQL ``WHERE``, so that another's answer 404.
    """

    CUSTOMER = "customer"
    """A key bound to one customer: the route finds that customer's rows only, or shows nothing of any customer."""
    ORDER = "order"
    """A tracking link: the route finds its one order only."""


def authorized(scope: Scope, *scopes: str, bound: Collection[Binding] = ()) -> Principal:
    """The caller of the request, if it holds all ``scopes`` and, where it is restricted, ``bound`` names how.

    Problem 401 without a caller; 403 naming the missing scope, or saying that a bound caller is not served here.
    """
    principal: Principal | None = scope["state"].get("principal")
    if principal is None:
        if presented_secret(scope, query=True) is None:
            raise unauthenticated("Send an API key as `Authorization: Bearer bo_live_…`.")
        raise unauthenticated("The key is not known, has expired or was revoked.", "invalid_token")
    _check_binding(principal, bound)
    for needed in scopes:
        if not principal.may(needed):
            raise _missing_scope(needed)
    return principal


def _check_binding(principal: Principal, bound: Collection[Binding]) -> None:
    """Raise Problem 403 for a restricted caller that the route does not serve."""
    if beyond := principal.scopes_beyond_binding:
        raise forbidden(
            "bound_key_scopes",
            "The key is bound to one customer and has scopes that such a key may not have. Revoke it, and make one "
            f"without {', '.join(sorted(beyond))}.",
        )
    if principal.order_id is not None and Binding.ORDER not in bound:
        raise forbidden("tracking_link", "A tracking link opens its order and that order's events only.")
    if principal.customer_id is not None and Binding.CUSTOMER not in bound:
        raise forbidden(
            "bound_key", "The key is bound to one customer, and this is not about one customer's orders alone."
        )


class Requirement(HTTPBearer):
    """:func:`authorized` as a dependency that OpenAPI shows as a bearer token."""

    def __init__(self, scopes: tuple[str, ...], bound: Collection[Binding]) -> None:
        super().__init__(
            scheme_name=SECURITY_SCHEME,
            bearerFormat=f"{KEY_PREFIX}…",
            description="An API key made with `backorder keys create`.",
        )
        self.needed = scopes
        self.bound = frozenset(bound)

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]
        return authorized(request.scope, *self.needed, bound=self.bound)


def _missing_scope(scope: str) -> Problem:
    problem = forbidden("missing_scope", f"The key lacks the scope {scope!r}.", missing_scope=scope)
    problem.headers["WWW-Authenticate"] = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
    return problem


def require(*scopes: str, bound: Collection[Binding] = ()) -> Any:
    """A dependency that gives the caller: ``principal: Annotated[Principal, require("orders:write")]``.

    All ``scopes`` must be held. A caller that is bound to a customer or an order is refused unless ``bound`` says
    that the route restricts what it does to them. Declare it as the endpoint's first parameter, so that nothing else
    of the request is judged for callers who may not do it at all.
    """
    return Security(Requirement(scopes, bound), scopes=list(scopes))
