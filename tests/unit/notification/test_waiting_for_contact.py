"""Notifications whose contact is not known yet wait for it, are then brought up to date, or are given up."""

from datetime import timedelta

from prometheus_client import REGISTRY
from tests.scenario import LineAnswer
from tests.unit.notification.events import JULY, JUNE

from notification_service.application.contacts.erase_contact import erase_contact
from notification_service.application.notifications.give_up_waiting_notifications import (
    give_up_waiting_notifications,
)
from notification_service.domain.notifications import NotificationState
from service_kit.commands.execute import execute


async def states(scenario, order_id="o1"):
    """State and reason of the order's notifications, the newest first."""
    return [(found.state.value, found.reason) for found in await scenario.all_notifications(order_id)]


async def test_a_notification_without_contact_waits_a_day_and_then_fails(scenario, mailer, clock, units):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    assert mailer.mails == []
    assert await states(scenario) == [("waiting_for_contact", None)]
    clock.advance(timedelta(hours=23))
    await scenario.review_waiting()
    assert units.outbox == []
    clock.advance(timedelta(hours=1))
    assert await scenario.review_waiting() == 1
    [event] = units.outbox
    assert (event.name, event.payload.reason) == ("NotificationFailed", "no_contact")
    [notification] = await scenario.all_notifications()
    assert (notification.state, notification.reason, notification.attempts) == ("failed", "no_contact", 0)


async def test_a_contact_that_comes_within_the_day_gets_the_message(scenario, mailer):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.put_contact()
    await scenario.send()
    assert mailer.templates() == ["placed_on_backorder"]
    [notification] = await scenario.all_notifications()
    assert (notification.state, notification.attempts) == (NotificationState.SENT, 1)


async def test_another_contact_resumes_nothing(scenario):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.put_contact("c2")
    assert await states(scenario) == [("waiting_for_contact", None)]


async def test_a_contact_that_was_missed_by_a_race_is_found_by_the_review(scenario, mailer, clock, units):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose()
    async with units.begin() as uow:
        # As if the contact had been stored right after the claim looked for it.
        [claim] = await uow.notifications.claim_due(uow.now, uow.now, 10)
        await uow.notifications.wait_for_contact([claim.notification_id], uow.now + timedelta(days=1))
        await uow.commit()
    assert await scenario.review_waiting() == 1
    await scenario.send()
    assert len(mailer.mails) == 1


async def test_a_contact_that_comes_late_is_told_the_current_state_once(scenario, mailer, units):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JULY), name="PromiseRevised"))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.compose()
    await scenario.put_contact()
    await scenario.review_waiting()
    await scenario.send()
    await scenario.send()
    assert mailer.templates() == ["allocated"]
    assert await states(scenario) == [("sent", None), ("superseded", "overtaken"), ("superseded", "overtaken")]
    assert [event.name for event in units.outbox] == ["NotificationSent"]
    await scenario.compose_and_send()
    assert len(mailer.mails) == 1


async def test_a_date_that_moved_before_the_contact_came_is_told_as_the_only_one(scenario, mailer):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(waiting=5, promise=JULY), name="PromiseRevised"))
    await scenario.compose_and_send()
    await scenario.put_contact()
    await scenario.send()
    assert mailer.templates() == ["placed_on_backorder"]
    newest = (await scenario.all_notifications())[0]
    [change] = newest.template_data["sections"][0]["changes"]
    assert (change["promise_date"], change["previous_date"]) == ("2026-07-01", None)


async def test_changes_being_collected_when_the_contact_comes_are_told_with_what_waited(scenario, mailer):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.put_contact()
    await scenario.send()
    assert mailer.mails == []
    await scenario.compose_and_send()
    assert mailer.templates() == ["allocated"]
    assert await states(scenario) == [("sent", None), ("superseded", "overtaken")]


async def test_a_notification_to_a_contact_that_the_order_no_longer_names_is_sent_as_it_is(scenario, mailer):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    await scenario.apply(scenario.amended(contact_id="c2"))
    await scenario.put_contact("c1")
    await scenario.send()
    assert [(mail.recipient, mail.template) for mail in mailer.mails] == [("c1@example.com", "placed_on_backorder")]


async def test_erasing_a_contact_fails_what_has_not_been_sent_to_it(scenario, mailer, units):
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose()
    await execute(units, erase_contact, "c1")
    await scenario.send()
    assert mailer.mails == []
    assert await states(scenario) == [("failed", "contact_erased")]
    [event] = units.outbox
    assert (event.name, event.payload.reason) == ("NotificationFailed", "contact_erased")


async def test_notifications_that_fail_without_being_sent_are_counted(scenario, units):
    def failed():
        labels = {"template": "placed_on_backorder", "outcome": "failed"}
        return REGISTRY.get_sample_value("notifications_total", labels) or 0

    before = failed()
    await scenario.put_contact()
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose()
    await execute(units, erase_contact, "c1")
    assert failed() - before == 1


async def test_a_notification_is_given_up_in_batches(scenario, clock, units):
    for number in range(3):
        await scenario.apply(
            scenario.placed(f"o{number}"), scenario.answered(LineAnswer(waiting=5), order_id=f"o{number}")
        )
    await scenario.compose_and_send()
    clock.advance(timedelta(days=1))
    assert [await execute(units, give_up_waiting_notifications, 2) for _ in range(3)] == [2, 1, 0]
