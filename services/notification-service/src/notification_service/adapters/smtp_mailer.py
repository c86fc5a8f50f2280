"""Sending mail by SMTP, over a few connections that are kept open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiosmtplib
import structlog

from notification_service.adapters.mail_message import Envelope, build_envelope
from notification_service.application.ports.mail import CANNOT_BE_BUILT, Mail, MailOutcome, MailResult

log = structlog.get_logger(__name__)

_ACCEPTED = MailResult(MailOutcome.ACCEPTED)


class LoginWithoutTls(ValueError):
    """A user name is set for a mail server that is spoken to in the clear."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server that mails are handed to. ``timeout`` is the seconds that each SMTP command may take.

    ``starttls`` demands an upgrade to TLS, ``tls`` means TLS from the first byte; certificates are verified, against
    those of ``ca_path`` where it is given. Raises LoginWithoutTls for a user name without either.
    """

    host: str
    port: int
    sender: str
    starttls: bool = False
    tls: bool = False
    ca_path: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30

    def __post_init__(self) -> None:
        if self.username is not None and not (self.starttls or self.tls):
            raise LoginWithoutTls("logging in needs starttls or tls: the password would be readable on the way")


class SmtpMailer:
    """Sends a batch over up to ``connections`` sessions, which are kept open for the next one.

    A session that fails is closed. Mails are not sent a second time within a batch: they get the result "try again".
    Each mail is built before it is offered to a server, and whatever happens to one is its own result only.
    """

    def __init__(self, server: MailServer, connections: int = 4) -> None:
        self._server = server
        self._connections = connections
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, mails: Sequence[Mail]) -> list[MailResult]:
        """See Mailer."""
        results = [MailResult(MailOutcome.TRY_AGAIN, "not_attempted")] * len(mails)
        envelopes = self._build(mails, results)
        waiting = iter(envelopes)

        async def work() -> None:
            session: aiosmtplib.SMTP | None = None
            for index, envelope in waiting:
                try:
                    session = session or await self._open()
                    results[index] = await _send(session, envelope)
                except Exception as error:
                    results[index] = MailResult(MailOutcome.TRY_AGAIN, _reason(error))
                    log.warning("mail_session_failed", error_type=type(error).__name__)
                    if session is None:
                        # The server cannot be reached: trying again for each mail would only take time.
                        for rest, _ in waiting:
                            results[rest] = results[index]
                        return
                    session.close()
                    session = None
            if session is not None:
                self._idle.append(session)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._connections, len(envelopes))):
                group.create_task(work())
        return results

    def _build(self, mails: Sequence[Mail], results: list[MailResult]) -> list[tuple[int, Envelope]]:
        """The messages of those that have one, each with its place; the others get their result at once."""
        envelopes = []
        now = datetime.now(UTC)
        for index, mail in enumerate(mails):
            try:
                envelopes.append((index, build_envelope(mail, self._server.sender, now)))
            except Exception as error:
                results[index] = MailResult(MailOutcome.REJECTED, CANNOT_BE_BUILT)
                log.error("mail_cannot_be_built", notification_id=mail.notification_id, error_type=type(error).__name__)
        return envelopes

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
            hostname=server.host,
            port=server.port,
            timeout=server.timeout,
            start_tls=server.starttls,
            use_tls=server.tls,
            cert_bundle=server.ca_path,
        )
        try:
            await session.connect()
            if server.username is not None:
                await session.login(server.username, server.password or "")
        except BaseException:
            session.close()
            raise
        return session


async def _send(session: aiosmtplib.SMTP, envelope: Envelope) -> MailResult:
    if envelope.smtputf8:
        if session.is_ehlo_or_helo_needed:
            await session.ehlo()
        if not session.supports_extension("smtputf8"):
            return MailResult(MailOutcome.REJECTED, "smtp_utf8_unsupported")
    options = ["SMTPUTF8", "BODY=8BITMIME"] if envelope.smtputf8 else []
    try:
        await session.sendmail(envelope.sender, [envelope.recipient], envelope.content, mail_options=options)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _rejected(error.recipients[0].code)
    except aiosmtplib.SMTPSenderRefused as error:
        # The sender's address is refused, which is no fault of the recipient: it can be corrected in the settings.
        return MailResult(MailOutcome.TRY_AGAIN, f"smtp_sender_{error.code}")
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
