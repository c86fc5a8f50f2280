"""A mail as the bytes that are handed to a mail server, built and checked before any connection is used.

The standard library's ``EmailMessage`` parses what is assigned to a header: text that looks like an RFC 2047 encoded
word is decoded, line breaks inside it included, so that an order's reference could add headers and text of its own.
Headers are therefore written here, from the literal value, and the library only encodes the two bodies.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.header import decode_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime, parseaddr

from notification_service.application.ports.mail import Mail
from notification_service.domain.mail_addresses import ENCODED_WORD, usable_address

_PLAIN = re.compile(r"[\x20-\x7e]+")
_TOKEN = re.compile(r"[!-~]{1,200}")
_LONGEST_LINE = 76
_WORD_BYTES = 39
"""Bytes of text in one encoded word: with 52 characters of base64, 12 around them and a header's name, a line stays
within the 76 characters of RFC 2047."""

_BODY_POLICY = policy.SMTP.clone(cte_type="7bit")


class UnbuildableMail(ValueError):
    """The mail cannot be written as a message; trying again would not help. The text holds no personal data."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A complete message and who it goes from and to. ``smtputf8``: an address is not ASCII (RFC 6531)."""

    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def smtputf8(self) -> bool:
        """Whether the mail server must support addresses that are not ASCII."""
        return not (self.sender.isascii() and self.recipient.isascii())


def build_envelope(mail: Mail, sender: str, now: datetime) -> Envelope:
    """The message of ``mail``, sent by ``sender``, such as ``Shop <orders@shop.example>``, at ``now``.

    Raises UnbuildableMail for a mail that has no faithful form: a value that cannot be encoded, an address that is
    none, or a result that does not read back as the values it was made of.
    """
    try:
        name, address = parseaddr(sender)
        headers = {
            "From": f"{_phrase(name)} <{_address(address)}>" if name else _address(address),
            "To": _address(mail.recipient),
            "Subject": _text(mail.subject),
            "Message-ID": _token(mail.message_id),
            "Date": format_datetime(now),
            "Auto-Submitted": "auto-generated",
            "Content-Language": _token(mail.locale),
            "X-Backorder-Notification": _token(mail.notification_id),
            "X-Backorder-Template": _token(mail.template),
        }
        content = "".join(f"{header}: {value}\r\n" for header, value in headers.items()).encode() + _bodies(mail)
        _check(content, list(headers), mail)
    except UnbuildableMail:
        raise
    except (ValueError, LookupError) as error:
        raise UnbuildableMail(f"the mail cannot be encoded ({type(error).__name__})") from None
    return Envelope(address, mail.recipient, content)


def _address(address: str) -> str:
    if not usable_address(address):
        raise UnbuildableMail("the address cannot be used")
    return address


def _token(value: str) -> str:
    """A value that is a name of ours, never a sentence."""
    if _TOKEN.fullmatch(value) is None or ENCODED_WORD in value:
        raise UnbuildableMail("a header of ours is not a plain name")
    return value


def _phrase(name: str) -> str:
    """A display name; quoted where its characters have a meaning of their own."""
    if _PLAIN.fullmatch(name) and ENCODED_WORD not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return _text(name)


def _text(value: str) -> str:
    """A sentence as a header's value, which reads back as exactly ``value``."""
    short = len(value) <= _LONGEST_LINE - len("Subject: ") and value == value.strip()
    if short and _PLAIN.fullmatch(value) and ENCODED_WORD not in value:
        return value
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in _words(value))


def _words(value: str) -> list[bytes]:
    """``value`` in pieces of UTF-8 that each fit into an encoded word (RFC 2047); no character is divided."""
    words, word = [], b""
    for character in value:
        encoded = character.encode()
        if len(word) + len(encoded) > _WORD_BYTES:
            words.append(word)
            word = b""
        word += encoded
    return [*words, word]


def _bodies(mail: Mail) -> bytes:
    """The plain text and the HTML as ``multipart/alternative``, with the headers that describe it."""
    if "\0" in mail.text or "\0" in mail.html:
        raise UnbuildableMail("the text contains U+0000")
    body = EmailMessage(policy=_BODY_POLICY)
    body.set_content(mail.text)
    body.add_alternative(mail.html, subtype="html")
    return body.as_bytes()


def _check(content: bytes, names: list[str], mail: Mail) -> None:
    """Read the headers back: there must be those that were written and no other, with the value that was meant."""
    read = BytesHeaderParser(policy=policy.compat32).parsebytes(content)
    found = [name for name in read if not name.lower().startswith(("mime-", "content-t"))]
    if found != names or read.defects:
        raise UnbuildableMail("the headers do not read back")
    subject = "".join(
        part.decode(charset or "ascii") if isinstance(part, bytes) else part
        for part, charset in decode_header(read["Subject"])
    )
    if subject != mail.subject:
        raise UnbuildableMail("the subject does not read back")
