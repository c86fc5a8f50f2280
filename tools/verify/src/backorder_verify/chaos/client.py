"""An HTTP client that never gives up: an answer that was lost is asked for again with the same key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import orjson

from backorder_verify.chaos.told import Told

_TIMEOUT = 6.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 1.5


class Refused(Exception):
    """The system said no for a reason of its own, such as 409 or 412."""


class PatientClient:
    """Sends to any replica that serves the service, a repeat to any other, until a definite answer comes."""

    def __init__(
        self,
        urls: Callable[[str], Sequence[str]],
        key: str,
        told: Told,
        pick: random.Random,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._urls, self._told, self._pick = urls, told, pick
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            verify=httpx.create_ssl_context(trust_env=False),
            trust_env=False,
            transport=transport,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=5),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def send(
        self,
        what: str,
        service: str,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, Any], str]:
        """The document answered and its ETag. Raises Refused; counts `what` where an answer was lost."""
        content = None if body is None else orjson.dumps(body)
        sent = dict(headers or {}) | ({"Content-Type": "application/json"} if content is not None else {})
        pause, lost = _FIRST_PAUSE, False
        while True:
            url = self._pick.choice(self._urls(service)) + path
            try:
                answer = await self._http.request(method, url, content=content, headers=sent)
            except httpx.TransportError:
                answer = None
            if answer is not None and not _to_be_repeated(answer):
                return self._definite(what, answer, resent=lost)
            if not lost and method != "GET":
                self._told.resent[what] += 1
            lost = True
            await asyncio.sleep(pause * self._pick.uniform(0.7, 1.3))
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _definite(self, what: str, answer: httpx.Response, *, resent: bool) -> tuple[dict[str, Any], str]:
        document: dict[str, Any] = orjson.loads(answer.content)
        if answer.is_success:
            return document, answer.headers.get("ETag", "")
        code = str(document.get("code", answer.status_code))
        if answer.status_code not in (409, 412) or code == "reference_taken":
            again = " when sent again" if resent else ""
            self._told.wrong.append(f"{what}{again}: {answer.status_code} {code} {document.get('detail', '')}")
        raise Refused(code)


def _to_be_repeated(answer: httpx.Response) -> bool:
    in_flight = answer.status_code == 409 and "Retry-After" in answer.headers
    return answer.status_code >= 500 or answer.status_code == 429 or in_flight
