"""How the story of a delay reads: amounts, days, and what a mail says."""

from datetime import date
from email.message import EmailMessage
from pathlib import Path

import pytest

from backorder_local.running import RunningSystem
from backorder_workload.delay_story import waiting
from backorder_workload.delay_story.outside import Outside
from backorder_workload.delay_story.waiting import until
from backorder_workload.delay_story.wording import day, dollars, last_day
from backorder_workload.replay.story import StoryFailed

LINK = "http://127.0.0.1:8001/v1/orders/o1/offers/f1/page?token=.eJx-signed_by.us"
SYSTEM = RunningSystem(
    data_dir="",
    service_urls={},
    api_key="",
    kafka_bootstrap="",
    admin_url="",
    database_urls={},
    owner_urls={},
    smtp_port=0,
)


def keep(directory: Path, number: int, *, to: str, text: str) -> None:
    mail = EmailMessage()
    mail["X-Envelope-To"], mail["Subject"] = to, f"mail {number}"
    mail.set_content(text)
    (directory / f"{number:04}.eml").write_bytes(mail.as_bytes())


@pytest.mark.parametrize(("cents", "text"), [(8840, "$88.40"), (5, "$0.05"), (100, "$1.00")])
def test_amounts_have_two_decimals(cents, text):
    assert dollars(cents) == text


@pytest.mark.parametrize(
    ("end", "last"),
    [("2026-11-06T05:00:00Z", date(2026, 11, 5)), ("2026-07-01T04:00:00Z", date(2026, 6, 30))],
    ids=["winter", "summer"],
)
def test_a_deadline_at_midnight_belongs_to_the_day_that_it_ends(end, last):
    assert last_day(end, "America/New_York") == last
    assert day(last) in ("5 Nov", "30 Jun")


async def test_the_newest_notice_to_a_customer_is_read_with_its_link(tmp_path):
    silence = "If we do not hear from you by June 30, these items are cancelled."
    keep(tmp_path, 1, to="ada@customers.test", text="You wait.")
    keep(tmp_path, 2, to="ada@customers.test", text=f"{silence}\n\nWait or cancel here\n{LINK}\n")
    keep(tmp_path, 3, to="ben@customers.test", text=f"Another one\n{LINK}x\n")
    keep(tmp_path, 4, to="ada@customers.test", text="Reserved for you.")
    async with Outside(SYSTEM, tmp_path) as outside:
        notice = await outside.notice("ada@customers.test")
    assert (notice.subject, notice.silence, notice.link) == ("mail 2", silence, LINK)


async def test_what_does_not_happen_is_named(monkeypatch):
    monkeypatch.setattr(waiting, "_PAUSE", 0.001)

    async def nothing() -> None:
        return None

    with pytest.raises(StoryFailed, match="Ada has paid"):
        await until(nothing, "Ada has paid", within=0.01)
