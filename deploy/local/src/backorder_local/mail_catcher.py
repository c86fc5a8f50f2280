"""Catches every mail the local system sends and keeps it as a file; nothing leaves this machine.

python -m backorder_local.mail_catcher PORT DIRECTORY
"""

import asyncio
import signal
import sys
import time
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from backorder_local.ports import LOOPBACK


class KeepAsFile:
    """Stores each mail as `<time>-<number>.eml`, complete or not at all, with whom it was really for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """Keep the mail before it is accepted."""
        self._count += 1
        # Names sort by arrival, also across restarts within one microsecond.
        name = f"{time.time_ns() // 1000:016d}-{self._count:04d}.eml"
        recipients = ", ".join(envelope.rcpt_tos)
        content = envelope.original_content or b""
        draft = self._directory / f".{name}"
        draft.write_bytes(f"X-Envelope-To: {recipients}\r\n".encode() + content)
        draft.rename(self._directory / name)
        return "250 kept"


def caught_mails(directory: Path) -> list[tuple[str, EmailMessage]]:
    """The mails caught so far, oldest first, each with the name of its file."""
    parser = BytesParser(policy=modern)
    return [(path.name, parser.parsebytes(path.read_bytes())) for path in sorted(directory.glob("*.eml"))]


async def catch(port: int, directory: Path) -> None:
    """Listen until told to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    handler = KeepAsFile(directory)
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True, loop=loop), LOOPBACK, port)
    async with server:
        await stopping.wait()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(catch(int(sys.argv[1]), Path(sys.argv[2])))
