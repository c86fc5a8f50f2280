"""From events to mails, through the database and the mail server."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.scenario import LineAnswer
from tests.statements_seen import statements_of
from tests.unit.notification.events import JULY, JUNE
from tests.unit.notification.scenario import MAIL_RULES

from notification_service.invariants import INVARIANTS
from service_kit.testing.invariants import assert_invariants


async def test_an_order_on_backorder_is_announced_once_with_its_date(world):
    await world.contact()
    await world.apply(world.placed())
    await world.apply(world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose_and_send()
    assert world.catcher.templates() == ["placed_on_backorder"]
    [mail] = world.catcher.messages
    assert mail["To"] == "c1@example.com"
    assert "R-o1" in mail["Subject"]
    assert "3 June 2026" in mail.get_body(("plain",)).get_content()
    assert "3 June 2026" in mail.get_body(("html",)).get_content()
    await world.compose_and_send()
    assert len(world.catcher.messages) == 1


async def test_what_is_reserved_of_a_preorder_is_told_with_its_day_until_it_leaves(world):
    await world.contact()
    await world.apply(world.placed())
    await world.apply(world.answered(LineAnswer(allocated=5, promise=JUNE), name="OrderAllocated"))
    await world.compose_and_send()
    assert world.catcher.templates() == ["allocated"]
    [told] = await world.rows("SELECT told_promise_date FROM watched_line")
    assert told.told_promise_date == JUNE
    await assert_invariants(world.database, INVARIANTS)
    await world.apply(world.ship(world.orders["o1"], 1, 5))
    [told] = await world.rows("SELECT told_promise_date FROM watched_line")
    assert told.told_promise_date is None


async def test_changes_of_an_order_within_the_window_become_one_message(world):
    await world.contact()
    await world.apply(world.placed("o1", *[("lamp", 5)] * 3))
    await world.apply(world.answered(LineAnswer(waiting=5, promise=JUNE)))
    assert await world.compose(timedelta(seconds=30)) == 0
    await world.apply(
        world.answered(LineAnswer(line=2, allocated=5), name="OrderAllocated"),
        world.answered(LineAnswer(line=3, waiting=5, promise=JULY)),
    )
    assert await world.compose(timedelta(seconds=31)) == 1
    await world.send()
    assert world.catcher.templates() == ["placed_on_backorder"]
    [notification] = await world.notifications()
    assert [(change["kind"], change["line_id"]) for change in notification["changes"]] == [
        ("placed_on_backorder", "o1-1"),
        ("placed_on_backorder", "o1-3"),
        ("allocated", "o1-2"),
    ]


async def test_several_workers_at_once_send_each_notification_once(world):
    await world.contact()
    for number in range(20):
        await world.apply(
            world.placed(f"o{number}"), world.answered(LineAnswer(waiting=5, promise=JUNE), order_id=f"o{number}")
        )
    world.clock.advance(timedelta(hours=1))
    await asyncio.gather(*(world.compose(timedelta()) for _ in range(4)))
    await asyncio.gather(*(world.send(replace(MAIL_RULES, batch=3)) for _ in range(12)))
    assert len(world.catcher.messages) == 20
    assert len({mail["Message-ID"] for mail in world.catcher.messages}) == 20


async def test_a_contact_that_comes_late_is_told_the_current_state_once(world):
    await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose_and_send()
    await world.apply(world.answered(LineAnswer(waiting=5, promise=JULY), name="PromiseRevised"))
    await world.compose_and_send()
    await world.apply(world.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await world.compose()
    await world.contact()
    await world.review_waiting()
    await world.send()
    await world.send()
    assert world.catcher.templates() == ["allocated"]
    assert [(n["state"], n["reason"]) for n in await world.notifications()] == [
        ("sent", None),
        ("superseded", "overtaken"),
        ("superseded", "overtaken"),
    ]
    assert [event.name for event in await world.published()] == ["NotificationSent"]
    await world.compose_and_send()
    assert len(world.catcher.messages) == 1


async def test_changes_being_collected_when_the_contact_comes_are_told_with_what_waited(world):
    await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose_and_send()
    await world.apply(world.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await world.contact()
    await world.send()
    assert world.catcher.templates() == []
    await world.compose_and_send()
    assert world.catcher.templates() == ["allocated"]
    [_, superseded] = await world.notifications()
    assert superseded["state"] == "superseded"
    assert (await world.post(f"/v1/notifications/{superseded['notification_id']}/resend")).status_code == 409


async def test_a_batch_of_events_costs_a_fixed_number_of_statements(world):
    async def cost(*names):
        placed = [world.placed(name) for name in names]
        async with statements_of(world.database) as statements:
            await world.apply(*placed)
            await world.apply(*[world.answered(LineAnswer(waiting=5, promise=JUNE), order_id=name) for name in names])
        return len(statements)

    assert await cost("o0") == await cost(*[f"o{number}" for number in range(1, 31)]) > 0
