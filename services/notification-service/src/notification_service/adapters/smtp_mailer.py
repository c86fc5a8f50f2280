"""Sending mail by SMTP, over a few connections that are kept open."""

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

from notification_service.application.ports.mail import Mail, MailOutcome, MailResult

log = structlog.get_logger(__name__)

_ACCEPTED = MailResult(MailOutcome.ACCEPTED)


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server that mails are handed to. ``timeout`` is the seconds that each SMTP command may take."""

    host: str
    port: int
    sender: str
    starttls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30


class SmtpMailer:
    """Sends a batch over up to ``connections`` sessions, which are kept open for the next one.

    A session that fails is closed. Mails are not sent a second time within a batch: they get the result "try again".
    """

    def __init__(self, server: MailServer, connections: int = 4) -> None:
        self._server = server
        self._connections = connections
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, mails: Sequence[Mail]) -> list[MailResult]:
        """See Mailer."""
        results = [MailResult(MailOutcome.TRY_AGAIN, "not_attempted")] * len(mails)
        waiting = iter(range(len(mails)))

        async def work() -> None:
            session: aiosmtplib.SMTP | None = None
            for index in waiting:
                try:
                    message = self._message(mails[index])
                except ValueError:
                    # A mail that cannot be encoded must not stop the others of its batch.
                    results[index] = MailResult(MailOutcome.TRY_AGAIN, "not_a_message")
                    continue
                try:
                    session = session or await self._open()
                    results[index] = await _send(session, message)
                except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                    results[index] = MailResult(MailOutcome.TRY_AGAIN, _reason(error))
                    log.warning("mail_session_failed", error_type=type(error).__name__)
                    if session is None:
                        # The server cannot be reached: trying again for each mail would only take time.
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
        """See Mailer."""
        while self._idle:
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await self._idle.pop().quit(timeout=2)

    async def _open(self) -> aiosmtplib.SMTP:
        while self._idle:
            session = self._idle.pop()
            try:
                await session.noop(timeout=2)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                # Servers close sessions that are idle.
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
        return _rejected(error.recipients[0].code)
    except aiosmtplib.SMTPSenderRefused as error:
        # The sender's address is refused, which is no fault of the recipient: it can be corrected in the settings.
        return MailResult(MailOutcome.TRY_AGAIN, f"smtp_sender_{error.code}")
    except aiosmtplib.SMTPNotSupported:
        return MailResult(MailOutcome.REJECTED, "smtp_utf8_unsupported")
    except aiosmtplib.SMTPServerDisconnected:
        raise
    except aiosmtplib.SMTPResponseException as error:
        await session.rset()
        return _rejected(error.code)
    return _ACCEPTED


def _rejected(code: int) -> MailResult:
    """A 5xx reply is permanent; any other may pass."""
    return MailResult(MailOutcome.REJECTED if 500 <= code < 600 else MailOutcome.TRY_AGAIN, f"smtp_{code}")


def _reason(error: BaseException) -> str:
    """What went wrong, without the server's text, which may contain the address."""
    code = getattr(error, "code", None)
    return f"smtp_{code}" if isinstance(code, int) and code > 0 else f"smtp_{type(error).__name__}"
