"""Calls the HTTP API of the running system with bounded concurrency; retries use the same idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import orjson

_RETRIED = frozenset({429, 502, 503, 504})
_ATTEMPTS = 8
_FIRST_DELAY = 0.1
_PAGE = 500


class CallFailed(RuntimeError):
    """The API refused a call, or could not be reached (`status` 0); the message says which call and why."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        errors = "; ".join(f"{error.get('pointer')}: {error.get('detail')}" for error in problem.get("errors", [])[:5])
        detail = problem.get("detail") or problem.get("title") or "no explanation"
        super().__init__(f"{method} {path} was answered with {status}: {detail}" + (f" ({errors})" if errors else ""))
        self.status = status
        self.code = str(problem.get("code", ""))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs of the services, such as `http://127.0.0.1:8001`."""

    order: str
    inventory: str
    allocation: str
    notification: str


class Api:
    """A client for the four services; at most `concurrency` calls run at once."""

    def __init__(
        self,
        addresses: Addresses,
        key: str,
        *,
        concurrency: int,
        timeout: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.addresses = addresses
        self.calls = 0
        # One HTTP client per slot: a shared pool would search all of its connections on every call.
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        tls = httpx.create_ssl_context(trust_env=False)
        self._clients = [
            httpx.AsyncClient(
                headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
                timeout=timeout,
                transport=transport,
                verify=tls,
                trust_env=False,  # the services are local or near: never use a proxy from the environment
            )
            for _ in range(concurrency)
        ]
        for client in self._clients:
            self._free.put_nowait(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.aclose()

    async def create(self, url: str, body: object, *, key: str, prefer: str | None = None) -> dict[str, Any]:
        """POST with an idempotency key, so that a retry after a lost response creates nothing twice."""
        headers = {"Idempotency-Key": f'"{key}"', **({"Prefer": prefer} if prefer else {})}
        answer = await self._send("POST", url, body, headers)
        document: dict[str, Any] = orjson.loads(answer.content)
        return document

    async def put(self, url: str, body: object) -> None:
        """PUT a whole document."""
        await self._send("PUT", url, body, {})

    async def read(self, url: str) -> tuple[dict[str, Any], str]:
        """GET a document; returns it with its ETag, empty if it has none."""
        answer = await self._send("GET", url, None, {})
        document: dict[str, Any] = orjson.loads(answer.content)
        return document, answer.headers.get("ETag", "")

    async def change(self, url: str, body: object, *, etag: str) -> dict[str, Any]:
        """PATCH a document unless it changed since its ETag was read; returns the changed document."""
        answer = await self._send("PATCH", url, body, {"If-Match": etag})
        document: dict[str, Any] = orjson.loads(answer.content)
        return document

    async def pages(self, url: str, parameters: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """The items of a list, from all of its pages."""
        cursor: str | None = None
        while True:
            query = {**parameters, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            answer = await self._send("GET", str(httpx.URL(url, params=query)), None, {})
            page = orjson.loads(answer.content)
            for item in page["data"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def _send(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> httpx.Response:
        content = None if body is None else orjson.dumps(body)
        sent = {**headers, "Content-Type": "application/json"} if content is not None else dict(headers)
        delay, attempt = _FIRST_DELAY, 0
        while True:
            attempt += 1
            try:
                answer = await self._call(method, url, content, sent)
            except httpx.TransportError as error:
                if attempt >= _ATTEMPTS:
                    raise CallFailed(method, url, 0, {"detail": f"{type(error).__name__}: {error}"}) from error
            else:
                if answer.is_success:
                    return answer
                problem = _problem(answer)
                in_flight = answer.status_code == 409 and "Retry-After" in answer.headers
                if attempt >= _ATTEMPTS or not (answer.status_code in _RETRIED or in_flight):
                    raise CallFailed(method, answer.request.url.path, answer.status_code, problem)
                delay = max(delay, float(answer.headers.get("Retry-After", 0)))
            await asyncio.sleep(delay)
            delay = min(5.0, delay * 2)

    async def _call(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> httpx.Response:
        client = await self._free.get()
        try:
            self.calls += 1
            return await client.request(method, url, content=content, headers=headers)
        finally:
            self._free.put_nowait(client)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {"detail": answer.text[:200]}
    return problem if isinstance(problem, dict) else {}


def in_path(name: str) -> str:
    """A name quoted as one path segment: SKUs may contain spaces and slashes."""
    return quote(name, safe="")
