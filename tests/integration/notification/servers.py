"""A mail server and a merchant's endpoint on real sockets, whose behaviour tests choose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailCatcher:
    """A mail server's handler that keeps what it gets; addresses in ``refuse`` are answered with their code."""

    messages: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    refuse_data: int | None = None
    sessions: set[int] = field(default_factory=set)

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options) -> str:  # noqa: N802
        code = self.refuse.get(address)
        if code is not None:
            return f"{code} <{address}> is not wanted here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        if self.refuse_data is not None:
            return f"{self.refuse_data} no"
        self.sessions.add(id(session))
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def templates(self) -> list[str]:
        return [message["X-Backorder-Template"] for message in self.messages]


@dataclass
class Sink:
    """A merchant's endpoint. ``mode`` is the status that it responds with, or how else it behaves.

    Calls of a path in ``hanging`` get no response; they end when ``release`` is set.
    """

    url: str = ""
    mode: str = "200"
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    hanging: set[str] = field(default_factory=set)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = {"path": lines[0].split(" ")[1]}
            headers |= {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
            body = (await reader.readexactly(int(headers["content-length"]))).decode()
            self.requests.append((headers, body))
            await self._respond(headers["path"], writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _respond(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path in self.hanging:
            await self.release.wait()
        elif self.mode == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        elif self.mode == "302":
            where = self.url.replace("/hook", "/elsewhere")
            writer.write(f"HTTP/1.1 302 Found\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n".encode())
        else:
            writer.write(f"HTTP/1.1 {self.mode} X\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
