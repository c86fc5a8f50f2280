"""Problems as responses, for endpoints and for middleware."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

import orjson
from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from service_kit.http.problems import Problem

PROBLEM_MEDIA_TYPE = "application/problem+json"


class ProblemResponse(Response):
    """A problem as ``application/problem+json``."""

    media_type = PROBLEM_MEDIA_TYPE

    def __init__(self, problem: Problem, scope: Mapping[str, Any]) -> None:
        document = problem.document(instance=instance_of(scope), trace_id=trace_id_of(scope))
        super().__init__(
            orjson.dumps(document, default=str),
            status_code=problem.status,
            headers={"Cache-Control": "no-store", **problem.headers},
        )


def instance_of(scope: Mapping[str, Any]) -> str:
    """The path of the request, without its query, which may contain a token."""
    return quote(scope.get("path", ""), safe="/:@!$&'()*+,;=-._~")


def set_location(headers: MutableHeaders, *parts: str) -> None:
    """Say where what was created is: ``/v1/`` and ``parts``, which may hold any characters a caller has chosen.

    A path without a host, so that it is the one that the client has called by whatever name.
    """
    headers["Location"] = "/v1/" + "/".join(quote(part, safe="-._~!$&'()*+,;=:@", errors="replace") for part in parts)


def state_of(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    """The per-request state that middleware and dependencies share."""
    state: dict[str, Any] = scope.setdefault("state", {})
    return state


def answer_headers(scope: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """The headers that middleware adds to any response; ``Observation`` sends them."""
    headers: list[tuple[bytes, bytes]] = state_of(scope).setdefault("answer_headers", [])
    return headers


def trace_id_of(scope: Mapping[str, Any]) -> str:
    """The trace id of the request, as it stands in logs and traces."""
    return str(scope.get("state", {}).get("trace_id", "0" * 32))
