"""Handing messages to a mail server: retries, refusals, crashes, many at once."""

import asyncio
from datetime import date, timedelta

import pytest

from notification_service.adapters.mail import MailServer, SmtpMailer
from notification_service.application.records import Handover, Mail
from service_kit.testing import eventually

JUNE = date(2026, 6, 3)


async def waiting_orders(world, placed, answered, count=1):
    await world.contact()
    events = []
    for number in range(1, count + 1):
        events += [placed(order_id=f"o{number}"), answered(order_id=f"o{number}", waiting=5, promise=JUNE)]
    await world.take(*events)
    await world.gather()


async def test_a_recipient_refused_for_good_ends_in_a_failure(world, placed, answered):
    world.catcher.refuse["c1@example.com"] = 550
    await waiting_orders(world, placed, answered)
    await world.deliver()
    [event] = await world.events()
    assert (event.name, event.payload.reason, event.payload.attempts) == ("NotificationFailed", "smtp_550", 1)
    [told] = await world.notifications()
    assert told["state"] == "failed"


async def test_one_refused_recipient_does_not_hold_up_the_others(world, placed, answered):
    world.catcher.refuse["c2@example.com"] = 550
    await world.contact("c2")
    await waiting_orders(world, placed, answered, 3)
    await world.take(placed(order_id="o9", contact_id="c2"), answered(order_id="o9", waiting=5, promise=JUNE))
    await world.gather()
    await world.deliver()
    assert len(world.catcher.messages) == 3
    assert sorted(e.name for e in await world.events()) == ["NotificationFailed"] + ["NotificationSent"] * 3


@pytest.mark.parametrize("where", ["recipient", "data"])
async def test_a_passing_refusal_is_tried_again_later(world, placed, answered, where):
    if where == "recipient":
        world.catcher.refuse["c1@example.com"] = 451
    else:
        world.catcher.refuse_data = 452
    await waiting_orders(world, placed, answered)
    await world.deliver()
    [told] = await world.notifications()
    assert (told["state"], told["attempts"]) == ("pending", 1)
    assert told["reason"] in {"smtp_451", "smtp_452"}
    assert await world.deliver() == 0
    world.catcher.refuse.clear()
    world.catcher.refuse_data = None
    world.clock.advance(timedelta(minutes=1))
    await world.deliver()
    [told] = await world.notifications()
    assert (told["state"], told["attempts"]) == ("sent", 2)


async def test_attempts_end_with_the_schedule(world, placed, answered):
    world.catcher.refuse["c1@example.com"] = 451
    await waiting_orders(world, placed, answered)
    for _ in range(3):
        await world.deliver(delays=[timedelta(seconds=30), timedelta(seconds=60)])
        world.clock.advance(timedelta(minutes=5))
    [event] = await world.events()
    assert (event.name, event.payload.reason, event.payload.attempts) == ("NotificationFailed", "smtp_451", 3)


async def test_a_mail_server_that_is_down_costs_one_attempt_and_loses_nothing(world, placed, answered, unused_tcp_port):
    await waiting_orders(world, placed, answered, 5)
    working, world.mailer = world.mailer, SmtpMailer(MailServer("127.0.0.1", unused_tcp_port, "s@shop.example"), 2)
    await world.deliver()
    assert await world.events() == []
    world.mailer = working
    world.clock.advance(timedelta(minutes=1))
    await world.deliver()
    assert len(world.catcher.messages) == 5


async def test_a_crash_between_sending_and_commit_repeats_the_message_with_its_id(world, placed, answered):
    await waiting_orders(world, placed, answered)

    class Dies:
        async def send(self, mails):
            await world_mailer.send(mails)
            raise RuntimeError("killed")

    world_mailer, world.mailer = world.mailer, Dies()
    with pytest.raises(RuntimeError, match="killed"):
        await world.deliver()
    world.mailer = world_mailer
    assert await world.events() == []
    assert await world.deliver() == 0, "the lease still runs"
    world.clock.advance(timedelta(minutes=6))
    assert await world.deliver() == 1
    first, second = world.catcher.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert [e.name for e in await world.events()] == ["NotificationSent"]


async def test_a_message_is_recorded_once_though_two_workers_sent_it(world, placed, answered):
    await waiting_orders(world, placed, answered)
    both_sent = asyncio.Barrier(2)

    class Slow:
        def __init__(self, inner):
            self.inner = inner

        async def send(self, mails):
            results = await self.inner.send(mails)
            await both_sent.wait()
            return results

    world.mailer = Slow(world.mailer)
    first = asyncio.create_task(world.deliver())
    await eventually(lambda: world.catcher.messages)
    world.clock.advance(timedelta(minutes=6))
    await world.deliver()
    await first
    assert [e.name for e in await world.events()] == ["NotificationSent"]


async def test_messages_of_one_order_go_out_in_the_order_they_were_made(world, placed, answered):
    world.catcher.refuse["c1@example.com"] = 451
    await waiting_orders(world, placed, answered)
    await world.deliver()
    await world.take(answered("BackorderAllocated", version=2, allocated=5))
    await world.gather(timedelta(minutes=2))
    world.catcher.refuse.clear()
    await world.deliver()
    await world.deliver()
    assert world.catcher.templates() == ["placed_on_backorder", "allocated"]


async def test_many_messages_share_a_few_connections(world, placed, answered):
    await waiting_orders(world, placed, answered, 300)
    await world.gather(timedelta())
    while await world.deliver():
        pass
    assert len(world.catcher.messages) == 300
    assert len(world.catcher.sessions) <= 4
    assert [e.name for e in await world.events()] == ["NotificationSent"] * 300


async def test_a_server_that_hung_up_while_idle_is_connected_to_again(world, placed, answered):
    await waiting_orders(world, placed, answered)
    await world.deliver()
    for session in world.mailer._idle:
        session.transport.abort()
    await world.take(answered("BackorderAllocated", version=2, allocated=5))
    assert await world.tell() == ["allocated"]


async def test_a_mail_that_cannot_be_written_does_not_stop_its_batch(world):
    def mail(number, recipient):
        name = f"n{number}"
        return Mail(name, "allocated", f"<{name}@shop.example>", recipient, "en", "Subject", "text", "<p>text</p>")

    results = await world.mailer.send([mail(1, "a@example.com"), mail(2, "a@example.com\nx"), mail(3, "b@example.com")])
    assert [result.handover for result in results] == [Handover.DONE, Handover.TRY_AGAIN, Handover.DONE]
    assert len(world.catcher.messages) == 2
