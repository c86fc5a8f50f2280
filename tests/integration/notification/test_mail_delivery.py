"""Handing mails to a mail server: refusals, outages, several workers, many mails at once."""

import asyncio
from datetime import timedelta

import pytest
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE

from notification_service.adapters.smtp_mailer import MailServer, SmtpMailer
from notification_service.application.ports.mail import Mail, MailOutcome
from service_kit.testing import eventually


async def orders_on_backorder(world, count=1):
    await world.contact()
    events = []
    for number in range(1, count + 1):
        events += [
            world.placed(f"o{number}"),
            world.answered(LineAnswer(waiting=5, promise=JUNE), order_id=f"o{number}"),
        ]
    await world.apply(*events)
    await world.compose()


async def test_a_recipient_refused_for_good_ends_in_a_failure(world):
    world.catcher.refuse["c1@example.com"] = 550
    await orders_on_backorder(world)
    await world.send()
    [event] = await world.published()
    assert (event.name, event.payload.reason, event.payload.attempts) == ("NotificationFailed", "smtp_550", 1)
    [notification] = await world.notifications()
    assert notification["state"] == "failed"


async def test_one_refused_recipient_does_not_hold_up_the_others(world):
    world.catcher.refuse["c2@example.com"] = 550
    await world.contact("c2")
    await orders_on_backorder(world, 3)
    await world.apply(
        world.placed("o9", contact_id="c2"), world.answered(LineAnswer(waiting=5, promise=JUNE), order_id="o9")
    )
    await world.compose()
    await world.send()
    assert len(world.catcher.messages) == 3
    assert sorted(e.name for e in await world.published()) == ["NotificationFailed"] + ["NotificationSent"] * 3


@pytest.mark.parametrize("where", ["recipient", "data"])
async def test_a_temporary_refusal_is_tried_again_later(world, where):
    if where == "recipient":
        world.catcher.refuse["c1@example.com"] = 451
    else:
        world.catcher.refuse_data = 452
    await orders_on_backorder(world)
    await world.send()
    [notification] = await world.notifications()
    assert (notification["state"], notification["attempts"]) == ("pending", 1)
    assert notification["reason"] in {"smtp_451", "smtp_452"}
    assert await world.send() == 0
    world.catcher.refuse.clear()
    world.catcher.refuse_data = None
    world.clock.advance(timedelta(minutes=1))
    await world.send()
    [notification] = await world.notifications()
    assert (notification["state"], notification["attempts"]) == ("sent", 2)


async def test_a_mail_server_that_is_down_costs_one_attempt_and_loses_nothing(world, unused_tcp_port):
    await orders_on_backorder(world, 5)
    working, world.mailer = world.mailer, SmtpMailer(MailServer("127.0.0.1", unused_tcp_port, "s@shop.example"), 2)
    await world.send()
    assert await world.published() == []
    world.mailer = working
    world.clock.advance(timedelta(minutes=1))
    await world.send()
    assert len(world.catcher.messages) == 5


async def test_a_message_is_recorded_once_though_two_workers_sent_it(world):
    await orders_on_backorder(world)
    both_sent = asyncio.Barrier(2)

    class Slow:
        def __init__(self, inner):
            self.inner = inner

        async def send(self, mails):
            results = await self.inner.send(mails)
            await both_sent.wait()
            return results

    world.mailer = Slow(world.mailer)
    first = asyncio.create_task(world.send())
    await eventually(lambda: world.catcher.messages)
    world.clock.advance(timedelta(minutes=6))
    await world.send()
    await first
    assert [e.name for e in await world.published()] == ["NotificationSent"]


async def test_many_messages_share_a_few_connections(world):
    await orders_on_backorder(world, 300)
    await world.compose(timedelta())
    while await world.send():
        pass
    assert len(world.catcher.messages) == 300
    assert len(world.catcher.sessions) <= 4
    assert [e.name for e in await world.published()] == ["NotificationSent"] * 300


async def test_a_server_that_hung_up_while_idle_is_connected_to_again(world):
    await orders_on_backorder(world)
    await world.send()
    for session in world.mailer._idle:
        session.transport.abort()
    await world.apply(world.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await world.compose_and_send()
    assert world.catcher.templates() == ["placed_on_backorder", "allocated"]


async def test_a_mail_that_cannot_be_encoded_does_not_stop_its_batch(world):
    def mail(number, recipient):
        name = f"n{number}"
        return Mail(name, "allocated", f"<{name}@shop.example>", recipient, "en", "Subject", "text", "<p>text</p>")

    results = await world.mailer.send([mail(1, "a@example.com"), mail(2, "a@example.com\nx"), mail(3, "b@example.com")])
    assert [result.outcome for result in results] == [
        MailOutcome.ACCEPTED,
        MailOutcome.REJECTED,
        MailOutcome.ACCEPTED,
    ]
    assert len(world.catcher.messages) == 2


@pytest.mark.parametrize(
    "reference", ["=?utf-8?q?I1=0d=0aReply-To:_x?=", "=?utf-8?q?=ff=fe?=", "=?utf-8?b?DQpCY2M6IHg=?="]
)
async def test_a_reference_that_is_an_encoded_word_reaches_the_customer_as_it_is_and_once(world, reference):
    await world.contact()
    await world.apply(
        world.placed("o1", reference=reference),
        world.answered(LineAnswer(waiting=5, promise=JUNE), order_id="o1"),
        world.placed("o2"),
        world.answered(LineAnswer(waiting=5, promise=JUNE), order_id="o2"),
    )
    await world.compose()
    await world.send()
    world.clock.advance(timedelta(hours=1))
    await world.send()
    assert len(world.catcher.messages) == 2
    [message] = [message for message in world.catcher.messages if "=?" in message["Subject"]]
    assert reference in message["Subject"]
    assert message["Reply-To"] is None
    assert message["Bcc"] is None
    assert [e.name for e in await world.published()] == ["NotificationSent"] * 2
