"""Mail by SMTP: a few connections that stay open, each sending its share of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib
import structlog

from notification_service.application.records import Handover, Mail, MailResult

log = structlog.get_logger(__name__)

_DONE = MailResult(Handover.DONE)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. ``timeout``: seconds for each command."""

    host: str
    port: int
    sender: str
    starttls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30


class SmtpMailer:
    """Keeps up to ``connections`` sessions; a session that fails is thrown away, its rest is tried again later."""

    def __init__(self, server: MailServer, connections: int = 4) -> None:
        self._server = server
        self._connections = connections
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, mails: Sequence[Mail]) -> list[MailResult]:
        """One result for each mail, in order."""
        results = [MailResult(Handover.TRY_AGAIN, "not_attempted")] * len(mails)
        waiting = iter(range(len(mails)))

        async def work() -> None:
            session: aiosmtplib.SMTP | None = None
            for index in waiting:
                try:
                    message = self._message(mails[index])
                except ValueError:
                    # One that cannot be put into a message must not stop the others of its batch.
                    results[index] = MailResult(Handover.TRY_AGAIN, "not_a_message")
                    continue
                try:
                    session = session or await self._open()
                    results[index] = await _send(session, message)
                except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                    results[index] = MailResult(Handover.TRY_AGAIN, _reason(error))
                    log.warning("mail_session_failed", error_type=type(error).__name__)
                    if session is None:
                        # The server cannot be reached: no use in asking once for each mail.
                        for rest in waiting:
                            results[rest] = results[index]
                        return
                    session.close()
                    session = None
            if session is not None:
                self._idle.append(session)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._connections, len(mails))):
                group.create_task(work())
        return results

    async def close(self) -> None:
        """End all sessions."""
        while self._idle:
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await self._idle.pop().quit(timeout=2)

    async def _open(self) -> aiosmtplib.SMTP:
        while self._idle:
            session = self._idle.pop()
            try:
                await session.noop(timeout=2)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                # The server has hung up on an idle session, as servers do.
                session.close()
            else:
                return session
        server = self._server
        session = aiosmtplib.SMTP(
            hostname=server.host, port=server.port, timeout=server.timeout, start_tls=server.starttls, use_tls=False
        )
        try:
            await session.connect()
            if server.username is not None:
                await session.login(server.username, server.password or "")
        except BaseException:
            session.close()
            raise
        return session

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = mail.recipient
        message["Subject"] = mail.subject
        message["Message-ID"] = mail.message_id
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = mail.locale
        message["X-Backorder-Notification"] = mail.notification_id
        message["X-Backorder-Template"] = mail.template
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


async def _send(session: aiosmtplib.SMTP, message: EmailMessage) -> MailResult:
    try:
        await session.send_message(message)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _refused(error.recipients[0].code)
    except aiosmtplib.SMTPSenderRefused as error:
        # Our own address is refused: somebody has to put that right, the customer is not to blame.
        return MailResult(Handover.TRY_AGAIN, f"smtp_sender_{error.code}")
    except aiosmtplib.SMTPNotSupported:
        return MailResult(Handover.REFUSED, "smtp_utf8_unsupported")
    except aiosmtplib.SMTPServerDisconnected:
        raise
    except aiosmtplib.SMTPResponseException as error:
        await session.rset()
        return _refused(error.code)
    return _DONE


def _refused(code: int) -> MailResult:
    """5xx is for good; anything else may pass."""
    return MailResult(Handover.REFUSED if 500 <= code < 600 else Handover.TRY_AGAIN, f"smtp_{code}")


def _reason(error: BaseException) -> str:
    """What went wrong, without the server's words: they may hold the address."""
    code = getattr(error, "code", None)
    return f"smtp_{code}" if isinstance(code, int) and code > 0 else f"smtp_{type(error).__name__}"
