"""Sending notifications: retries, failures, crashes, several workers."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE
from tests.unit.notification.scenario import MAIL_RULES

from notification_service.adapters.smtp_mailer import MailServer, SmtpMailer
from notification_service.adapters.template_renderer import TemplateRenderer
from notification_service.application.notifications import record_mail_attempts
from notification_service.application.notifications.finish_notifications import finish_notifications
from notification_service.application.notifications.send_due_notifications import send_due_notifications
from notification_service.application.ports.mail import MailOutcome, MailResult
from notification_service.domain.notifications import NotificationState

DEFERRED = MailResult(MailOutcome.TRY_AGAIN, "smtp_451")
REJECTED = MailResult(MailOutcome.REJECTED, "smtp_550")


async def orders_on_backorder(scenario, count=1):
    """So many orders with a notification that is due."""
    await scenario.put_contact()
    for number in range(1, count + 1):
        await scenario.apply(
            scenario.placed(f"o{number}"), scenario.answered(LineAnswer(waiting=5, promise=JUNE), order_id=f"o{number}")
        )
    await scenario.compose()


async def test_a_rejected_mail_ends_in_a_failure_with_the_servers_reason(scenario, mailer, units):
    mailer.results["c1@example.com"] = REJECTED
    await orders_on_backorder(scenario)
    await scenario.send()
    [event] = units.outbox
    assert (event.name, event.payload.reason, event.payload.attempts) == ("NotificationFailed", "smtp_550", 1)
    [notification] = await scenario.all_notifications()
    assert (notification.state, notification.reason) == (NotificationState.FAILED, "smtp_550")


async def test_one_rejected_mail_does_not_stop_the_others(scenario, mailer, units):
    mailer.results["c2@example.com"] = REJECTED
    await scenario.put_contact("c2")
    await orders_on_backorder(scenario, 3)
    await scenario.apply(
        scenario.placed("o9", contact_id="c2"), scenario.answered(LineAnswer(waiting=5), order_id="o9")
    )
    await scenario.compose_and_send()
    assert len(mailer.mails) == 3
    assert sorted(event.name for event in units.outbox) == ["NotificationFailed"] + ["NotificationSent"] * 3


async def test_a_deferred_mail_is_tried_again_by_the_schedule(scenario, mailer, clock):
    mailer.results["c1@example.com"] = DEFERRED
    await orders_on_backorder(scenario)
    await scenario.send()
    [notification] = await scenario.all_notifications()
    assert (notification.state, notification.attempts) == (NotificationState.PENDING, 1)
    assert notification.reason == "smtp_451"
    assert await scenario.send() == 0
    mailer.results.clear()
    clock.advance(timedelta(minutes=1))
    await scenario.send()
    [notification] = await scenario.all_notifications()
    assert (notification.state, notification.attempts) == (NotificationState.SENT, 2)
    assert notification.reason is None


async def test_attempts_end_with_the_schedule(scenario, mailer, clock, units):
    mailer.results["c1@example.com"] = DEFERRED
    await orders_on_backorder(scenario)
    rules = replace(MAIL_RULES, delays=[timedelta(seconds=30), timedelta(seconds=60)])
    for _ in range(3):
        await scenario.send(rules)
        clock.advance(timedelta(minutes=5))
    [event] = units.outbox
    assert (event.name, event.payload.reason, event.payload.attempts) == ("NotificationFailed", "smtp_451", 3)


async def test_a_crash_between_sending_and_recording_repeats_the_mail_with_its_id(scenario, mailer, clock, units):
    await orders_on_backorder(scenario)

    class Dies:
        async def send(self, mails):
            await mailer.send(mails)
            raise RuntimeError("killed")

    scenario.mailer = Dies()
    with pytest.raises(RuntimeError, match="killed"):
        await scenario.send()
    scenario.mailer = mailer
    assert units.outbox == []
    assert await scenario.send() == 0, "the lease has not ended"
    clock.advance(timedelta(minutes=6))
    assert await scenario.send() == 1
    first, second = mailer.mails
    assert first.message_id == second.message_id
    assert [event.name for event in units.outbox] == ["NotificationSent"]


async def test_a_notification_is_recorded_once_though_two_workers_sent_it(scenario, mailer, clock, units):
    await orders_on_backorder(scenario)

    class OvertakenByAnotherWorker:
        async def send(self, mails):
            results = await mailer.send(mails)
            clock.advance(timedelta(minutes=6))
            scenario.mailer = mailer
            assert await scenario.send() == 1
            return results

    scenario.mailer = OvertakenByAnotherWorker()
    await scenario.send()
    assert len(mailer.mails) == 2
    assert [event.name for event in units.outbox] == ["NotificationSent"]


async def test_notifications_of_one_order_are_sent_in_the_order_of_their_creation(scenario, mailer):
    mailer.results["c1@example.com"] = DEFERRED
    await orders_on_backorder(scenario)
    await scenario.send()
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.compose(timedelta(minutes=2))
    mailer.results.clear()
    await scenario.send()
    await scenario.send()
    assert mailer.templates() == ["placed_on_backorder", "allocated"]


async def test_a_notification_that_cannot_be_rendered_is_tried_again_and_stops_no_other(scenario, mailer, units):
    await orders_on_backorder(scenario, 2)

    class FailsForTheFirst:
        def render(self, content):
            if content.template_data["reference"] == "R-o1":
                raise KeyError("a template that does not fit")
            return renderer.render(content)

    renderer = TemplateRenderer("shop.example")
    assert await send_due_notifications(units, FailsForTheFirst(), mailer, MAIL_RULES) == 2
    assert len(mailer.mails) == 1
    [broken] = await scenario.all_notifications("o1")
    assert (broken.state, broken.attempts, broken.reason) == (NotificationState.PENDING, 1, "rendering_failed")


@dataclass
class Wire:
    """The sessions of a mail server: what it was handed, as bytes."""

    handed: list[bytes] = field(default_factory=list)
    is_ehlo_or_helo_needed: bool = False

    async def sendmail(self, sender, recipients, content, *, mail_options):
        self.handed.append(content)

    def close(self):
        """Nothing is open."""


@pytest.fixture
def wire(monkeypatch):
    """The real mailer on a server in memory."""
    wire = Wire()

    async def opened(_):
        return wire

    monkeypatch.setattr(SmtpMailer, "_open", opened)
    return wire


async def test_a_mail_that_cannot_be_written_fails_at_once_and_alone(scenario, units, clock, wire):
    await scenario.put_contact("c9", email="=?utf-8?q?a=0d=0aBcc:_b?=@example.com")
    await scenario.apply(
        scenario.placed("o9", contact_id="c9"), scenario.answered(LineAnswer(waiting=5), order_id="o9")
    )
    await orders_on_backorder(scenario, 2)
    scenario.mailer = SmtpMailer(MailServer("mail.example", 25, "Shop <s@shop.example>"), 1)
    assert await scenario.send() == 3
    assert len(wire.handed) == 2
    assert sorted((e.name, e.payload.reason) for e in units.outbox) == [
        ("NotificationFailed", "cannot_be_built"),
        ("NotificationSent", None),
        ("NotificationSent", None),
    ]
    clock.advance(timedelta(days=3))
    assert await scenario.send() == 0, "nobody gets a second mail"


async def test_each_result_is_recorded_though_one_of_the_batch_cannot_be(scenario, units, mailer, clock, monkeypatch):
    await orders_on_backorder(scenario, 3)
    finish = finish_notifications

    async def refuses_the_text_of_the_second(uow, results):
        if any(result.mail and result.notification.order_id == "o2" for result in results):
            raise ValueError("not storable")
        await finish(uow, results)

    monkeypatch.setattr(record_mail_attempts, "finish_notifications", refuses_the_text_of_the_second)
    await scenario.send()
    assert [event.name for event in units.outbox] == ["NotificationSent"] * 3
    clock.advance(timedelta(days=1))
    assert await scenario.send() == 0
    assert len(mailer.mails) == 3


async def test_an_error_of_the_program_in_one_mail_is_the_result_of_that_mail_only(scenario, units, wire):
    await orders_on_backorder(scenario, 3)
    usual = wire.sendmail

    async def fails_for_the_second(sender, recipients, content, *, mail_options):
        if b"R-o2" in content:
            raise RuntimeError("a defect")
        await usual(sender, recipients, content, mail_options=mail_options)

    wire.sendmail = fails_for_the_second
    scenario.mailer = SmtpMailer(MailServer("mail.example", 25, "Shop <s@shop.example>"), 1)
    await scenario.send()
    assert [event.name for event in units.outbox] == ["NotificationSent"] * 2
    [failed] = await scenario.all_notifications("o2")
    assert (failed.state, failed.reason) == (NotificationState.PENDING, "smtp_RuntimeError")


async def test_texts_are_kept_with_a_sent_notification(scenario, mailer):
    await orders_on_backorder(scenario)
    await scenario.send()
    [listed] = await scenario.all_notifications()
    async with scenario.units.reading() as uow:
        sent = await uow.queries.notification(listed.notification_id)
    [mail] = mailer.mails
    assert (sent.recipient, sent.subject, sent.body_text, sent.body_html) == (
        mail.recipient,
        mail.subject,
        mail.text,
        mail.html,
    )


async def test_results_are_counted_once_they_are_committed(scenario, mailer):
    def count(outcome):
        value = REGISTRY.get_sample_value(
            "notifications_total", {"template": "placed_on_backorder", "outcome": outcome}
        )
        return value or 0

    before = count("sent"), count("failed")
    mailer.results["c2@example.com"] = REJECTED
    await scenario.put_contact("c2")
    await orders_on_backorder(scenario, 2)
    await scenario.apply(
        scenario.placed("o9", contact_id="c2"), scenario.answered(LineAnswer(waiting=5), order_id="o9")
    )
    await scenario.compose_and_send()
    assert (count("sent") - before[0], count("failed") - before[1]) == (2, 1)
