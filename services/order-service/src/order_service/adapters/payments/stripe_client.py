"""The connection to Stripe: the official library over one pool of connections.

The library is imported with this module, which is imported only where Stripe is set up: it costs 13 MB and half a
second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
import stripe

STRIPE_URL = "https://api.stripe.com"

TIMEOUT = 30.0
"""Seconds for one request: banks take their time."""

stripe.enable_telemetry = False


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """Whose money it is.

    ``api_key`` is a secret key, or a restricted one with the rights of docs/stripe.md. ``webhook_secrets`` are those
    of the webhook's signatures: several while they are being exchanged. ``url`` is Stripe's, or the simulator's.
    ``return_url`` is where a bank sends the customer who has authenticated.
    """

    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    url: str = STRIPE_URL
    return_url: str = "https://stripe.com"

    @property
    def is_live(self) -> bool:
        """Whether real money moves."""
        return self.api_key.startswith(("sk_live_", "rk_live_"))


class PooledClient(stripe.HTTPClient):
    """The library's requests over a client of ours, which tests can put another transport into.

    A response is what reached us from Stripe. Everything else that may go wrong is a connection error, after which
    nobody knows what became of the request.
    """

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: object = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request of the library."""
        content = post_data.encode() if isinstance(post_data, str) else None
        try:
            response = await self._client.request(method, url, headers=dict(headers), content=content)
        except (httpx.HTTPError, OSError) as error:
            why = f"{type(error).__name__} at {httpx.URL(url).host}"
            raise stripe.APIConnectionError(why) from error  # type: ignore[no-untyped-call]
        return response.content, response.status_code, response.headers

    async def sleep_async(self, secs: float) -> None:
        """Pause between two tries of the library."""
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        """Let the connections go."""
        await self._client.aclose()


def open_client(
    account: StripeAccount, transport: httpx.AsyncBaseTransport | None = None
) -> tuple[stripe.StripeClient, PooledClient]:
    """A client of the account, and what it sends its requests with."""
    pool = PooledClient(httpx.AsyncClient(timeout=TIMEOUT, transport=transport))
    url = account.url.rstrip("/")
    # The worker tries again itself, with pauses that are stored.
    client = stripe.StripeClient(account.api_key, base_addresses={"api": url}, http_client=pool, max_network_retries=0)
    return client, pool
