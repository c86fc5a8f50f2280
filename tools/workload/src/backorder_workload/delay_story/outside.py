"""What customers see and do outside the shop's systems: their mails, the pages that these link to, and their cards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from backorder_local.mail_catcher import caught_mails
from backorder_local.running import RunningSystem
from backorder_workload.delay_story.waiting import until
from backorder_workload.replay.story import StoryFailed

_LINK = re.compile(r"https?://\S+/page\?token=[\w.-]+")


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail that tells of a delay: its subject, what it says of silence, and where it can be answered."""

    subject: str
    silence: str
    link: str


class Outside:
    """A customer's browser, mailbox and bank. Only what customers can reach is used, and no key of the shop."""

    def __init__(self, system: RunningSystem, mails: Path) -> None:
        self._bank, self._bank_key = system.payment_simulator_url, system.payment_simulator_key
        self._mails = mails
        tls = httpx.create_ssl_context(trust_env=False)
        self._browser = httpx.AsyncClient(verify=tls, trust_env=False, timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._browser.aclose()

    async def fill_in_card(self, setup: str, card: str) -> None:
        """Fill in the form that stores a card at the payment provider; `card` is one of the simulator's test cards."""
        answer = await self._browser.post(
            f"{self._bank}/v1/setup_intents/{setup}/confirm",
            data={"payment_method": card},
            headers={"Authorization": f"Bearer {self._bank_key}"},
        )
        if answer.status_code != httpx.codes.OK:
            raise StoryFailed(
                "the payment simulator does not know the card's setup: start the system without ORDER_STRIPE_API_KEY"
                f" for the demo ({answer.status_code})"
            )

    async def notice(self, address: str) -> Notice:
        """The notice of a delay that was mailed to the address."""

        async def find() -> Notice | None:
            found = [_notice(mail) for _, mail in caught_mails(self._mails) if address in str(mail["X-Envelope-To"])]
            return next((notice for notice in reversed(found) if notice is not None), None)

        return await until(find, f"a notice of the delay is mailed to {address}")

    async def open_page(self, link: str) -> None:
        """Open the page of a notice, as programs do that look for harm in mails."""
        _check(await self._browser.get(link))

    async def answer(self, link: str, answer: str) -> None:
        """Press a button of the page: `wait` or `cancel`."""
        _check(await self._browser.post(link, data={"answer": answer}))


def _check(answer: httpx.Response) -> None:
    if answer.status_code != httpx.codes.OK:
        raise StoryFailed(f"the page of an offer was answered with {answer.status_code}: {answer.text[:300]}")


def _notice(mail: EmailMessage) -> Notice | None:
    body = mail.get_body(("plain",))
    text = "" if body is None else str(body.get_content())
    link = _LINK.search(text)
    if link is None:
        return None
    silence = next((line.strip() for line in text.splitlines() if line.startswith("If we do not hear")), "")
    return Notice(str(mail["Subject"]), silence, link.group())
