"""A TCP proxy that behaves like a bad network: slow, and interrupted in the middle of a message."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress


class TcpProxy:
    """Forwards 127.0.0.1:``port`` to an address, until a test makes it misbehave. An async context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._bytes_left: int | None = None
        self.latency = 0.0
        """Seconds by which all data is delayed."""
        self.resets = 0
        """Connections that it has reset."""

    @property
    def port(self) -> int:
        """The port on which the proxy listens."""
        if self._server is None:
            raise RuntimeError("the proxy does not run")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def reset_after(self, count: int) -> None:
        """Let ``count`` more bytes through; then reset every connection, even in the middle of a message."""
        self._bytes_left = count

    async def __aenter__(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._reset_all()
        for pump in list(self._pumps):
            pump.cancel()
        if self._pumps:
            await asyncio.wait(self._pumps)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.ensure_future(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if self.latency:
                    await asyncio.sleep(self.latency)
                if self._bytes_left is not None:
                    data, self._bytes_left = data[: self._bytes_left], max(0, self._bytes_left - len(data))
                sink.write(data)
                await sink.drain()
                if self._bytes_left == 0:
                    self._bytes_left = None
                    self._reset_all()
        sink.close()
        self._writers.discard(sink)

    def _reset_all(self) -> None:
        writers, self._writers = self._writers, set()
        self.resets += len(writers) // 2
        for writer in writers:
            raw = writer.get_extra_info("socket")
            if raw is not None:
                with suppress(OSError):
                    # Without lingering, so that the peer sees a reset and not an orderly end.
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
