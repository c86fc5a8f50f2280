"""The sample service as a process of its own, with a client for its public port and the address of its ops port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from service_kit.testing.eventually import eventually

PROGRAM = Path(__file__).parent / "programs" / "sample_service.py"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass
class Running:
    process: subprocess.Popen[str]
    client: httpx.AsyncClient
    log: Path
    port: int
    ops_port: int

    @property
    def ops(self) -> str:
        return f"http://127.0.0.1:{self.ops_port}"

    def output(self) -> str:
        return self.log.read_text()

    def memory(self) -> float:
        """MiB that the process has in memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    async def ended(self, within: float = 60) -> int:
        await eventually(lambda: self.process.poll() is not None, within, reason=self.output())
        return self.process.returncode


def begin(environment: dict[str, str], secret: str, log: Path, port: int, ops_port: int) -> Running:
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM)], env={**os.environ, **environment}, stdout=file, stderr=file, text=True
        )
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {secret}"}, timeout=20
    )
    return Running(process, client, log, port, ops_port)


async def ready(running: Running) -> None:
    async def answers() -> bool:
        assert running.process.poll() is None, running.output()
        try:
            return (await running.client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    await eventually(answers, 60)


async def said(running: Running, word: str) -> None:
    await eventually(lambda: word in running.output(), 60, reason=word)
