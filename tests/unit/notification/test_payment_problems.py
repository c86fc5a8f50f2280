"""Messages about payments that need their customer: one for each problem, sent at once, with link and end."""

from datetime import UTC, datetime

import pytest
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE

from event_contracts import Event, PaymentAction, PaymentStatus, new_event
from event_contracts.sources import ORDER_SOURCE
from notification_service.application.ports.mail import MailOutcome, MailResult
from notification_service.domain.notifications import NotificationState

LINK = "https://bank.example/confirm/a1"
UNTIL = datetime(2026, 1, 7, 9, tzinfo=UTC)
CONFIRM = PaymentAction(kind="authenticate", attempt_id="a1", url=LINK, until=UNTIL)
DECLINED = PaymentAction(kind="replace_method", attempt_id="a1", until=UNTIL)


def payment(action: PaymentAction | None, version: int = 2, order_id: str = "o1") -> Event:
    """The payment of an order, as the order service tells it."""
    status = PaymentStatus(
        payment_id=f"p-{order_id}", order_id=order_id, version=version, provider="stripe", currency="EUR", due=1000,
        held=0, captured=0, refunded=0, refund_due=0, state="declined", action=action, occurred_at=UNTIL,
    )  # fmt: skip
    return new_event("PaymentUpdated", status, source=ORDER_SOURCE, sequence=version)


def told(mailer):
    return [mail for mail in mailer.mails if mail.template == "payment_problem"]


@pytest.mark.parametrize(
    ("action", "locale", "says"),
    [
        (CONFIRM, "en-GB", ["asks you to confirm", LINK, "7 January 2026", "is cancelled"]),
        (CONFIRM, "de-DE", ["zu bestätigen", LINK, "7. Januar 2026", "wird storniert"]),
        (DECLINED, "en-GB", ["has declined", "another card", "7 January 2026", "is cancelled"]),
        (DECLINED, "de-DE", ["abgelehnt", "andere Karte", "7. Januar 2026", "wird storniert"]),
    ],
)
async def test_the_customer_is_told_what_to_do_until_when_and_what_follows(scenario, mailer, action, locale, says):
    await scenario.put_contact(locale=locale)
    await scenario.apply(scenario.placed(), payment(action))
    await scenario.send()
    [mail] = told(mailer)
    for text in (mail.text, mail.html):
        assert [words for words in says if words not in text] == []
        assert (LINK in text) == (action is CONFIRM)
    assert "R-o1" in mail.subject


async def test_a_problem_is_told_once_however_often_the_bank_is_asked_and_the_next_one_again(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), payment(DECLINED), payment(DECLINED, 3))
    await scenario.send()
    await scenario.apply(payment(DECLINED, 4), payment(DECLINED))
    await scenario.send()
    assert len(told(mailer)) == 1
    await scenario.apply(payment(DECLINED.model_copy(update={"attempt_id": "a7"}), 9))
    await scenario.send()
    assert len(told(mailer)) == 2


async def test_what_is_paid_or_replaced_before_the_message_left_is_not_told(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), payment(CONFIRM))
    await scenario.apply(payment(DECLINED, 3))
    await scenario.apply(payment(CONFIRM, 2))
    await scenario.send()
    [mail] = told(mailer)
    assert "has declined" in mail.text
    await scenario.apply(scenario.placed("o2"), payment(CONFIRM, order_id="o2"))
    await scenario.apply(payment(None, 3, order_id="o2"))
    await scenario.send()
    assert len(told(mailer)) == 1


async def test_it_is_not_held_back_by_another_message_that_cannot_be_sent(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    mailer.results["c1@example.com"] = MailResult(MailOutcome.TRY_AGAIN, "smtp_451")
    await scenario.compose_and_send()
    mailer.results.clear()
    await scenario.apply(payment(CONFIRM))
    await scenario.send()
    assert len(told(mailer)) == 1


async def test_it_waits_for_its_contact_and_an_order_without_one_has_none(scenario, mailer):
    await scenario.apply(scenario.placed(), payment(CONFIRM))
    await scenario.apply(scenario.placed("o2", contact_id=None), payment(CONFIRM, order_id="o2"))
    await scenario.send()
    [waiting] = await scenario.all_notifications()
    assert waiting.state is NotificationState.WAITING_FOR_CONTACT
    await scenario.put_contact()
    await scenario.review_waiting()
    await scenario.send()
    assert len(told(mailer)) == 1


async def test_an_action_that_there_are_no_words_for_is_not_told(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), payment(CONFIRM.model_copy(update={"kind": "sing"})))
    await scenario.send()
    assert told(mailer) == []
