"""Notices of delays: one for each offer, sent at once, saying what silence means, and reported with the text's hash."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from tests.scenario import LineAnswer
from tests.unit.notification.events import JULY, JUNE
from tests.unit.notification.in_memory_stores import in_memory_units
from tests.unit.notification.scenario import MAIL_RULES, Scenario

from event_contracts import DelayedLine, DelayOffer, Event, NotificationOutcome, new_event
from event_contracts.sources import ORDER_SOURCE
from notification_service.application.ports.mail import MailOutcome, MailResult
from notification_service.domain.delay_notices import OfferVersion, offers_that_are_over
from notification_service.domain.notifications import NotificationState
from service_kit.runtime.business_clock import BusinessClock

LINK = "https://orders.example/v1/orders/o1/offers/f1/page?token=signed"
RESPOND_BY = datetime(2026, 7, 1, 4, tzinfo=UTC)


def offered(
    silence: str = "cancellation",
    to: date | None = date(2026, 7, 31),
    *,
    offer_id: str = "f1",
    version: int = 1,
    state: str = "offered",
    line_id: str = "o1-1",
    made_at: datetime = datetime(2026, 1, 5, tzinfo=UTC),
) -> Event:
    """An offer of a delay as the order service tells it."""
    offer = DelayOffer(
        order_id="o1",
        offer_id=offer_id,
        version=version,
        number=1,
        kind="delay",
        lines=(DelayedLine(line_id=line_id, sku="lamp", from_date=date(2026, 5, 31), to_date=to),),
        silence_means=silence,
        respond_by=None if silence == "nothing" else RESPOND_BY,
        time_zone="America/New_York",
        state=state,
        made_at=made_at,
        reply_url=LINK,
    )
    return new_event("DelayOffered", offer, source=ORDER_SOURCE, sequence=version)


def notices(mailer):
    return [mail for mail in mailer.mails if mail.template == "delay_notice"]


@pytest.mark.parametrize(
    ("silence", "to", "says"),
    [
        ("consent", date(2026, 6, 30), "we take it that you accept the delay"),
        ("cancellation", date(2026, 7, 31), "these items are cancelled and your money is returned, unless"),
        ("cancellation", None, "you may still cancel at any time before the items are sent"),
        ("nothing", date(2026, 7, 31), "your rights stay as they are"),
    ],
)
async def test_a_notice_says_what_silence_means_and_how_to_answer(scenario, mailer, silence, to, says):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), offered(silence, to))
    await scenario.send()
    [mail] = notices(mailer)
    for text in (mail.text, mail.html):
        assert says in text
        assert LINK in text
        assert "back to you in full" in text
    if silence != "nothing":
        assert "30 June 2026" in mail.text, "the end of the day in the order's zone, not in the contact's"
    assert "R-o1" in mail.subject


async def test_a_notice_is_in_the_contacts_language(scenario, mailer):
    await scenario.put_contact(locale="de-DE")
    await scenario.apply(scenario.placed(), offered())
    await scenario.send()
    [mail] = notices(mailer)
    assert "Sie können diese Artikel stornieren" in mail.text
    assert "Recht zu stornieren" in mail.subject


async def test_what_was_sent_is_reported_with_the_offer_and_the_hash_of_the_text(scenario, mailer, units):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), offered())
    await scenario.send()
    [event] = units.outbox
    [mail] = notices(mailer)
    assert (event.name, event.payload.offer_ids) == ("NotificationSent", ("f1",))
    assert event.payload.content_hash == sha256(mail.text.encode()).hexdigest()


@pytest.mark.parametrize("follows", [True, False])
async def test_a_notice_is_dated_by_the_clock_that_dates_its_offer(clock, mailer, sender, *, follows):
    """The law compares the two: replayed offers whose notices were dated today would all be cancelled as too late."""
    wall, made_at = clock.now(), clock.now() - timedelta(days=60)
    units = in_memory_units(clock, BusinessClock(clock, follow_events=follows))
    scenario = Scenario(clock, units, mailer, sender)
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), offered(made_at=made_at))
    await scenario.send()
    [event] = units.outbox
    assert isinstance(event.payload, NotificationOutcome)
    assert event.payload.occurred_at == (made_at if follows else wall)
    assert event.time == wall, "when the event was made is no business time"


async def test_an_offer_is_told_once_however_often_its_event_comes(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), offered(), offered())
    await scenario.send()
    await scenario.apply(offered())
    await scenario.send()
    assert len(notices(mailer)) == 1


@pytest.mark.parametrize("state", ["superseded", "sent", "refused", "consented", "lapsed"])
async def test_an_offer_that_is_over_is_not_told(scenario, mailer, state):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), offered())
    await scenario.apply(offered(state=state, version=2))
    await scenario.apply(scenario.placed("o2"), offered(offer_id="f2"), offered(offer_id="f2", state=state, version=2))
    await scenario.apply(offered(offer_id="f2"))
    await scenario.send()
    assert notices(mailer) == []


async def test_a_notice_is_not_held_back_by_another_message_that_cannot_be_sent(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    mailer.results["c1@example.com"] = MailResult(MailOutcome.TRY_AGAIN, "smtp_451")
    await scenario.compose_and_send()
    mailer.results.clear()
    await scenario.apply(offered())
    await scenario.send(replace(MAIL_RULES, batch=1))
    assert len(notices(mailer)) == 1


async def test_a_notice_waits_for_its_contact_and_is_then_sent_as_it_is(scenario, mailer):
    await scenario.apply(scenario.placed(), offered())
    await scenario.send()
    [waiting] = await scenario.all_notifications()
    assert waiting.state is NotificationState.WAITING_FOR_CONTACT
    await scenario.put_contact()
    await scenario.review_waiting()
    await scenario.send()
    assert len(notices(mailer)) == 1


async def test_a_date_that_a_notice_tells_is_not_told_again_by_a_message_that_asks_for_nothing(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JULY)))
    await scenario.apply(offered(to=JULY))
    await scenario.compose_and_send()
    await scenario.send()
    assert mailer.templates() == ["placed_on_backorder", "delay_notice"]


async def test_a_notice_of_another_date_hides_no_message_of_the_one_that_stands(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JULY)), offered(to=date(2026, 6, 20)))
    await scenario.compose_and_send()
    await scenario.send()
    assert mailer.templates() == ["placed_on_backorder", "delay_notice", "date_moved"]


async def test_what_else_happened_to_the_line_is_still_told(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JULY)), offered(to=JULY))
    await scenario.compose_and_send()
    await scenario.send()
    assert sorted(mailer.templates()) == ["delay_notice", "placed_on_backorder"]


@pytest.mark.parametrize(
    ("locale", "words"), [("en", "Unless we have asked you something"), ("de", "Falls wir Sie nicht")]
)
async def test_no_message_says_that_silence_is_fine_where_an_offer_says_that_it_cancels(
    scenario, mailer, locale, words
):
    await scenario.put_contact(locale=locale)
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JULY)), offered(to=JULY))
    await scenario.compose_and_send()
    await scenario.send()
    [message] = [mail for mail in mailer.mails if mail.template == "placed_on_backorder"]
    assert words in message.text
    assert words in message.html


async def test_an_order_without_a_contact_has_no_notice(scenario, mailer):
    await scenario.apply(scenario.placed(contact_id=None), offered())
    await scenario.send()
    assert await scenario.all_notifications() == []


def test_the_newest_version_says_whether_an_offer_is_over():
    told = [OfferVersion("a", 2, "superseded"), OfferVersion("a", 1, "offered"), OfferVersion("b", 1, "offered")]
    assert offers_that_are_over(told) == offers_that_are_over(reversed(told)) == ["a"]
