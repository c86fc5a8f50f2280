"""A subscriber's endpoint on this machine, which now and then answers with an error and then takes what comes again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

_REFUSED_SHARE = 0.1
_LONGEST_HEAD = 64 * 1024


class WebhookSink:
    """Accepts webhooks over HTTP and remembers how often each event came. ``accepted``: event id → times."""

    def __init__(self, seed: int) -> None:
        self._pick = random.Random(f"sink:{seed}")
        self._server: asyncio.Server | None = None
        self.accepted: Counter[str] = Counter()
        self.refused = 0

    async def start(self) -> str:
        """Listen on a free port; the endpoint's URL."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST_HEAD)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://localhost:{port}/events"

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(headers.get("content-length", "0")))
            refused = self._pick.random() < _REFUSED_SHARE
            self.refused += refused
            if not refused:
                self.accepted[headers.get("webhook-id", "")] += 1
            status = b"503 Service Unavailable" if refused else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()
