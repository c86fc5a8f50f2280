"""Mail: rendering notifications and handing them to a mail server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a mail is sent to, in which language and time zone."""

    email: str = field(repr=False)
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class MailContent:
    """What a mail is rendered from."""

    notification_id: str
    template: str
    template_data: Mapping[str, Any]
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Mail:
    """A rendered message, ready to be sent. ``message_id`` is the same at every attempt."""

    notification_id: str
    template: str
    message_id: str
    recipient: str = field(repr=False)
    locale: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


class MailOutcome(StrEnum):
    """What became of one attempt to hand a mail to the mail server."""

    ACCEPTED = "accepted"
    TRY_AGAIN = "try_again"
    REJECTED = "rejected"


CANNOT_BE_BUILT = "cannot_be_built"
"""The reason of a mail that no message can be written of: a value that cannot be encoded, an address that is none."""


@dataclass(frozen=True, slots=True)
class MailResult:
    """The mail server's answer; ``reason`` holds no personal data and is empty for an accepted mail."""

    outcome: MailOutcome
    reason: str = ""


class Renderer(Protocol):
    """Puts the data of a notification into words."""

    def render(self, content: MailContent) -> Mail:
        """The mail in the language and time zone of its contact. Raises where a template does not fit the data."""
        ...


class Mailer(Protocol):
    """Hands mails to a mail server."""

    async def send(self, mails: Sequence[Mail]) -> list[MailResult]:
        """One result for each mail, in order. Never raises for what a server or the network does."""
        ...

    async def close(self) -> None:
        """End open sessions with the mail server."""
        ...
