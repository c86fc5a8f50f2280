"""Calling merchants' endpoints: signed, to a checked address, limited in time, without following redirects."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

import httpx
from standardwebhooks import Webhook

from notification_service.domain.webhook_endpoints import WebhookResponse
from notification_service.domain.webhook_targets import Target, TargetRefused, check_address, check_url

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system's resolver gives them; OSError where there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def signed_headers(message_id: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of the Standard Webhooks specification, with one signature for each of ``secrets``."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in secrets),
    }


class HttpWebhookSender:
    """Makes each call on a connection of its own.

    The host is resolved once, all of its addresses are checked, and the connection goes to one of them: a second
    look-up could give another address (DNS rebinding). Certificates are verified for the host's name. Proxies named
    in the environment are not used, since they would resolve the name again. A call takes ``timeout`` seconds at most.
    """

    def __init__(self, *, timeout: float = 15, allow_localhost: bool = False, resolver: Resolve = resolve) -> None:
        self._timeout = timeout
        self._allow_localhost = allow_localhost
        self._resolve = resolver
        self._tls = httpx.create_ssl_context(trust_env=False)

    async def send(self, url: str, message_id: str, body: str, secrets: Sequence[str]) -> WebhookResponse:
        """See WebhookSender. The body of a response is not read."""
        if not secrets:
            return WebhookResponse(None, "no secret to sign with can be read", 0)
        started = time.monotonic()
        status, error = None, None
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(url, message_id, body, secrets)
        except TargetRefused as refused:
            error = f"address refused: {refused.reason}"
        except (TimeoutError, httpx.TimeoutException):
            error = f"no answer within {self._timeout:g} s"
        except (OSError, UnicodeError, httpx.HTTPError, httpx.InvalidURL) as failure:
            error = _words(failure)
        if status is not None and not 200 <= status < 300:
            error = "redirects are not followed" if 300 <= status < 400 else f"answered {status}"
        return WebhookResponse(status, error, time.monotonic() - started)

    async def _post(self, url: str, message_id: str, body: str, secrets: Sequence[str]) -> int:
        target = check_url(url, allow_localhost=self._allow_localhost)
        address = await self._address(target)
        original = httpx.URL(url)
        pinned = original.copy_with(host=address)
        headers = {
            **signed_headers(message_id, body, secrets, datetime.now(UTC)),
            "host": original.netloc.decode("ascii"),
            "content-type": "application/json",
            "user-agent": "Backorder-Webhooks/1.0",
        }
        extensions = {} if _is_literal(target.host) else {"sni_hostname": original.raw_host.decode("ascii")}
        async with (
            httpx.AsyncClient(
                verify=self._tls, timeout=self._timeout, follow_redirects=False, trust_env=False
            ) as client,
            # The body of the response is not used and may be endless.
            client.stream("POST", pinned, content=body.encode(), headers=headers, extensions=extensions) as response,
        ):
            return response.status_code

    async def _address(self, target: Target) -> str:
        addresses = [target.host] if _is_literal(target.host) else await self._resolve(target.host, target.port)
        if not addresses:
            raise OSError("no address")
        for address in addresses:
            check_address(address, allow_localhost=self._allow_localhost)
        return addresses[0]


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _words(failure: Exception) -> str:
    if isinstance(failure, socket.gaierror):
        return "the host cannot be resolved"
    if isinstance(failure, httpx.ConnectError):
        return "no connection"
    return f"the connection failed ({type(failure).__name__})"
