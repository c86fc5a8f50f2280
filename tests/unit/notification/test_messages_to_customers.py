"""What customers get: once, true, in one message, in their language."""

import itertools
import random
from datetime import timedelta

from tests.scenario import LineAnswer
from tests.unit.notification.events import JULY, JUNE

from event_contracts import NotificationOutcome
from notification_service.application.notifications.compose_due_notifications import (
    compose_due_notifications,
    find_due_orders,
)
from notification_service.domain.notifications import NotificationState
from service_kit.commands.execute import execute, read


async def test_an_order_on_backorder_is_announced_once_with_its_date(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed())
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    [mail] = mailer.mails
    assert (mail.template, mail.recipient) == ("placed_on_backorder", "c1@example.com")
    assert "R-o1" in mail.subject
    assert "3 June 2026" in mail.text
    assert "3 June 2026" in mail.html
    await scenario.compose_and_send()
    assert len(mailer.mails) == 1


async def test_changes_of_an_order_within_the_window_become_one_message(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed("o1", *[("lamp", 5)] * 3))
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    assert await scenario.compose(timedelta(seconds=30)) == 0
    await scenario.apply(
        scenario.answered(LineAnswer(line=2, allocated=5), name="OrderAllocated"),
        scenario.answered(LineAnswer(line=3, waiting=5, promise=JULY)),
    )
    assert await scenario.compose(timedelta(seconds=31)) == 1
    await scenario.send()
    assert mailer.templates() == ["placed_on_backorder"]
    [notification] = await scenario.all_notifications()
    sections = notification.template_data["sections"]
    assert [(change["kind"], change["line_id"]) for section in sections for change in section["changes"]] == [
        ("placed_on_backorder", "o1-1"),
        ("placed_on_backorder", "o1-3"),
        ("allocated", "o1-2"),
    ]


async def test_each_template_is_sent_for_its_change(scenario, mailer):
    await scenario.put_contact()
    history = [
        [scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE))],
        [scenario.answered(LineAnswer(waiting=5, promise=JULY), name="PromiseRevised")],
        [scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated")],
        [scenario.answered(LineAnswer(waiting=5, promise=JULY), name="AllocationReleased")],
        [scenario.answered(LineAnswer(waiting=3, declined=2, promise=JULY), name="OrderDeclined")],
        [scenario.cancel(scenario.orders["o1"]), scenario.answered(LineAnswer(), name="AllocationReleased")],
    ]
    for events in history:
        await scenario.apply(*events)
        await scenario.compose_and_send()
    assert mailer.templates() == [
        "placed_on_backorder",
        "date_moved",
        "allocated",
        "taken_back",
        "declined",
        "cancelled",
    ]


async def test_a_customer_reads_why_units_were_declined(scenario, mailer):
    await scenario.put_contact()
    declined = LineAnswer(
        declined=5,
        reason="declined: expected 2026-07-01, later than acceptable 2026-06-03",
        reason_code="promised_too_late",
        reason_parameters={"expected": "2026-07-01", "acceptable": "2026-06-03"},
    )
    await scenario.apply(scenario.placed(), scenario.answered(declined, name="OrderDeclined"))
    await scenario.compose_and_send()
    [mail] = mailer.mails
    assert "We do not expect this item before 1 July 2026" in mail.text
    assert "the latest date that suits you is 3 June 2026." in mail.text
    [notification] = await scenario.all_notifications()
    [change] = notification.template_data["sections"][0]["changes"]
    assert (change["reason"], change["reason_code"]) == (declined.reason, declined.reason_code)


async def test_the_reason_is_that_of_the_newest_decision(scenario, mailer):
    await scenario.put_contact()
    whole = LineAnswer(waiting=5, reason="waits: order ships complete", reason_code="ships_complete")
    held = LineAnswer(
        waiting=5, reason="held back for tier gold: 2 kept", reason_code="held_back", reason_parameters={"kept": 2}
    )
    await scenario.apply(scenario.placed(), scenario.answered(whole), scenario.answered(held))
    await scenario.compose_and_send()
    assert "waits until everything is here" not in mailer.mails[0].text
    await scenario.apply(scenario.placed("o2"), scenario.answered(held, order_id="o2"))
    await scenario.apply(scenario.answered(whole, order_id="o2"))
    await scenario.compose_and_send()
    assert "waits until everything is here" in mailer.mails[1].text


async def test_duplicate_shuffled_and_replayed_events_send_nothing_twice(scenario, mailer):
    await scenario.put_contact()
    history = [
        scenario.placed(),
        scenario.answered(LineAnswer(waiting=5, promise=JUNE)),
        scenario.answered(LineAnswer(allocated=2, waiting=3, promise=JUNE), name="BackorderAllocated"),
        scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"),
    ]
    for event in history:
        await scenario.apply(event)
        await scenario.compose_and_send()
    assert mailer.templates() == ["placed_on_backorder", "allocated", "allocated"]
    chance = random.Random(7)
    for _ in range(5):
        replay = history * 2
        chance.shuffle(replay)
        for start in range(0, len(replay), 3):
            await scenario.apply(*itertools.islice(replay, start, start + 3))
            await scenario.compose_and_send()
    assert len(mailer.mails) == 3


async def test_the_latest_state_is_announced_whatever_the_order_of_arrival(scenario, mailer):
    await scenario.put_contact()
    placed = scenario.placed()
    waiting = scenario.answered(LineAnswer(waiting=5, promise=JUNE))
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.apply(waiting)
    await scenario.compose_and_send()
    assert mailer.mails == []
    await scenario.apply(placed)
    await scenario.compose_and_send()
    assert mailer.templates() == ["allocated"]


async def test_a_take_back_undone_within_the_settling_time_is_never_mentioned(scenario, mailer):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(allocated=5), name="OrderAllocated"))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JUNE), name="AllocationReleased"))
    assert await scenario.compose(timedelta(seconds=90)) == 0
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.compose_and_send()
    assert mailer.templates() == ["allocated"]


async def test_items_have_their_newest_name_in_the_contacts_language(scenario, mailer):
    await scenario.put_contact(locale="de-DE")
    old, new = scenario.sku("lamp", name="Old name"), scenario.sku("lamp", name="Lampe")
    await scenario.apply(new)
    await scenario.apply(old)
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    assert "5 × Lampe: voraussichtlich 3. Juni 2026" in mailer.mails[0].text


async def test_of_two_names_in_one_batch_the_newer_one_counts(scenario, mailer):
    await scenario.put_contact()
    old, new = scenario.sku("lamp", name="Old name"), scenario.sku("lamp", name="New name")
    await scenario.apply(new, old, scenario.placed(), scenario.answered(LineAnswer(waiting=5)))
    await scenario.compose_and_send()
    assert "5 × New name" in mailer.mails[0].text


async def test_an_order_without_a_contact_id_has_no_messages(scenario, mailer):
    await scenario.apply(scenario.placed(contact_id=None), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    assert mailer.mails == []
    assert await scenario.all_notifications() == []


async def test_a_sent_notification_is_published_without_personal_data(scenario, units):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    [event] = units.outbox
    [notification] = await scenario.all_notifications()
    assert (event.name, event.key, event.sequence) == ("NotificationSent", "o1", 1)
    assert isinstance(event.payload, NotificationOutcome)
    assert event.payload.notification_id == notification.notification_id
    assert event.payload.contact_id == "c1"
    assert "example.com" not in event.value().decode()
    assert notification.state is NotificationState.SENT


async def test_notification_events_of_an_order_are_numbered(scenario, units):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.compose_and_send()
    assert [(event.key, event.sequence) for event in units.outbox] == [("o1", 1), ("o1", 2)]


async def test_composing_takes_as_many_orders_as_it_is_told_to(scenario, units, clock):
    await scenario.put_contact()
    for number in range(3):
        await scenario.apply(
            scenario.placed(f"o{number}"), scenario.answered(LineAnswer(waiting=5), order_id=f"o{number}")
        )
    clock.advance(timedelta(hours=1))
    composed = []
    for _ in range(3):
        due = await read(units, find_due_orders, (), 2)
        composed.append(await execute(units, compose_due_notifications, due))
    assert composed == [2, 1, 0]
