"""An HTTP client that never gives up: it repeats a request whose response was lost, with the same key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import orjson

from backorder_verify.chaos.client_record import ClientRecord

_TIMEOUT = 6.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 1.5


class Refused(Exception):
    """The system refused the request for a legitimate reason, such as 409 or 412."""


class PatientClient:
    """Sends a request to any replica of a service and repeats it, at any other, until a definite response comes."""

    def __init__(
        self,
        urls: Callable[[str], Sequence[str]],
        key: str,
        record: ClientRecord,
        pick: random.Random,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._urls, self._record, self._pick = urls, record, pick
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            verify=httpx.create_ssl_context(trust_env=False),
            trust_env=False,
            transport=transport,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=5),
        )

    async def close(self) -> None:
        """Close every connection."""
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
        """The returned document and its ETag. Raises Refused; counts `what` in the record if a response was lost."""
        content = None if body is None else orjson.dumps(body)
        sent = dict(headers or {}) | ({"Content-Type": "application/json"} if content is not None else {})
        pause, lost = _FIRST_PAUSE, False
        while True:
            url = self._pick.choice(self._urls(service)) + path
            try:
                response = await self._http.request(method, url, content=content, headers=sent)
            except httpx.TransportError:
                response = None
            if response is not None and not _must_repeat(response):
                return self._definite(what, response, resent=lost)
            if not lost and method != "GET":
                self._record.resent[what] += 1
            lost = True
            await asyncio.sleep(pause * self._pick.uniform(0.7, 1.3))
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _definite(self, what: str, response: httpx.Response, *, resent: bool) -> tuple[dict[str, Any], str]:
        document: dict[str, Any] = orjson.loads(response.content)
        if response.is_success:
            return document, response.headers.get("ETag", "")
        code = str(document.get("code", response.status_code))
        if response.status_code not in (409, 412) or code == "reference_taken":
            again = " when sent again" if resent else ""
            self._record.wrong.append(f"{what}{again}: {response.status_code} {code} {document.get('detail', '')}")
        raise Refused(code)


def _must_repeat(response: httpx.Response) -> bool:
    in_flight = response.status_code == 409 and "Retry-After" in response.headers
    return response.status_code >= 500 or response.status_code == 429 or in_flight
