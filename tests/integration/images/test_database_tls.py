"""Services speak to PostgreSQL over TLS only, and only to the server of their installation.

The PostgreSQL of this checkout is built without TLS, so a stand-in answers: it does what a server does until the client
has checked its certificate and sends the first message, and keeps that.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from service_kit.persistence.database import Database

ROOT = Path(__file__).resolve().parents[3]
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class StandIn:
    """A server with a certificate, or without TLS; ``first_message`` is what the client sent once it trusted it."""

    def __init__(self, certificate: Path | None) -> None:
        self.first_message = b""
        self._certificate = certificate

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            request = await reader.readexactly(8)
            if self._certificate is None or request != _SSL_REQUEST:
                self.first_message = b"" if request == _SSL_REQUEST else request
                writer.write(b"N")
                await writer.drain()
                self.first_message += await reader.read(1000)
            else:
                writer.write(b"S")
                await writer.drain()
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(self._certificate)
                await writer.start_tls(context)
                self.first_message = await reader.read(1000)
        writer.close()


def made(directory: Path) -> Path:
    """Secrets of an installation."""
    make = (sys.executable, ROOT / "deploy/docker/make-secrets", "--directory", directory)
    subprocess.run(make, check=True, capture_output=True)
    return directory


async def first_message(stand_in: StandIn, host: str) -> bytes:
    """What a service's database connection says to the stand-in."""
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = Database(f"postgresql+asyncpg://role:secret@{host}:{port}/backorder_order")
    try:
        with pytest.raises(Exception):  # noqa: B017 - it hangs up in every case, and says so in several ways
            async with database.begin():
                pass
    finally:
        await database.close()
        server.close()
    return stand_in.first_message


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a service's container, with the authority where it is here."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    environment = compose["services"]["order-api"]["environment"]
    secrets = made(tmp_path / "secrets")
    monkeypatch.setenv("PGSSLMODE", environment["PGSSLMODE"])
    monkeypatch.setenv("PGSSLROOTCERT", str(secrets / Path(environment["PGSSLROOTCERT"]).name))
    return secrets


async def test_the_server_of_the_installation_is_spoken_to(installation: Path) -> None:
    assert b"backorder_order" in await first_message(StandIn(installation / "postgres.pem"), "localhost")


async def test_a_server_without_tls_is_told_nothing(installation: Path) -> None:
    assert await first_message(StandIn(None), "localhost") == b""


async def test_a_server_of_another_authority_is_told_nothing(installation: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "other")
    assert await first_message(StandIn(other / "postgres.pem"), "localhost") == b""


async def test_a_server_with_a_certificate_for_another_name_is_told_nothing(installation: Path) -> None:
    assert await first_message(StandIn(installation / "postgres.pem"), "127.0.0.2") == b""
