"""Sending notifications again, and who may see them."""

import pytest
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE

from notification_service.application.contacts.erase_contact import erase_contact
from notification_service.application.notifications.read_notifications import (
    Viewer,
    get_notification,
    list_notifications,
)
from notification_service.application.notifications.resend_notifications import (
    ResendNotification,
    resend_notifications,
)
from notification_service.application.ports.mail import MailOutcome, MailResult
from notification_service.domain.notifications import (
    NotificationNotFound,
    NotificationNotYetSent,
    NotificationSuperseded,
    RecipientUnknown,
)
from service_kit.commands.execute import execute, read


async def on_backorder(scenario, order_id="o1", **order):
    """A customer is told that an order is on backorder."""
    await scenario.apply(
        scenario.placed(order_id, **order), scenario.answered(LineAnswer(waiting=5, promise=JUNE), order_id=order_id)
    )
    await scenario.compose_and_send()


async def resend(scenario, original, as_id="copy"):
    [result] = await execute(scenario.units, resend_notifications, [ResendNotification(as_id, original)])
    return result


async def test_a_resend_says_the_same_in_the_contacts_current_language(scenario, mailer):
    await scenario.put_contact()
    await on_backorder(scenario)
    [original] = await scenario.all_notifications()
    await scenario.put_contact(locale="de-DE")
    assert await resend(scenario, original.notification_id) == "copy"
    await scenario.send()
    english, german = mailer.mails
    assert english.message_id != german.message_id
    assert "Ihre Bestellung" in german.subject
    copy = next(found for found in await scenario.all_notifications() if found.notification_id == "copy")
    assert copy.resend_of == original.notification_id
    assert (copy.template_data, copy.cause) == (original.template_data, original.cause)


async def test_a_notification_can_be_sent_again_more_than_once(scenario, mailer):
    await scenario.put_contact()
    await on_backorder(scenario)
    [original] = await scenario.all_notifications()
    commands = [ResendNotification(f"copy{number}", original.notification_id) for number in (1, 2)]
    assert await execute(scenario.units, resend_notifications, commands) == ["copy1", "copy2"]
    await scenario.send()
    await scenario.send()
    assert len(mailer.mails) == 3


async def test_a_failed_notification_can_be_sent_again_once_its_cause_is_gone(scenario, mailer):
    await scenario.put_contact()
    mailer.results["c1@example.com"] = MailResult(MailOutcome.REJECTED, "smtp_550")
    await on_backorder(scenario)
    [failed] = await scenario.all_notifications()
    mailer.results.clear()
    await resend(scenario, failed.notification_id, "zzz")
    await scenario.send()
    assert [found.state for found in await scenario.all_notifications()] == ["sent", "failed"]


async def test_a_notification_that_is_on_its_way_is_not_sent_again(scenario):
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose()
    [pending] = await scenario.all_notifications()
    refusal = await resend(scenario, pending.notification_id)
    assert (type(refusal), refusal.state) == (NotificationNotYetSent, "pending")
    await scenario.send()
    refusal = await resend(scenario, pending.notification_id)
    assert (type(refusal), refusal.state) == (NotificationNotYetSent, "waiting_for_contact")


async def test_a_superseded_notification_is_not_sent_again(scenario):
    await on_backorder(scenario)
    await scenario.apply(scenario.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await scenario.put_contact()
    [superseded] = await scenario.all_notifications()
    refusal = await resend(scenario, superseded.notification_id)
    assert (type(refusal), refusal.state) == (NotificationSuperseded, "superseded")


async def test_a_notification_to_an_erased_contact_is_not_sent_again(scenario, units):
    await scenario.put_contact()
    await on_backorder(scenario)
    [sent] = await scenario.all_notifications()
    await execute(units, erase_contact, "c1")
    refusal = await resend(scenario, sent.notification_id)
    assert (type(refusal), refusal.state) == (RecipientUnknown, "sent")


async def test_one_refusal_of_a_batch_does_not_affect_the_others(scenario, units):
    await scenario.put_contact()
    await on_backorder(scenario)
    [sent] = await scenario.all_notifications()
    commands = [ResendNotification("copy1", "none"), ResendNotification("copy2", sent.notification_id)]
    refusal, copied = await execute(units, resend_notifications, commands)
    assert isinstance(refusal, NotificationNotFound)
    assert refusal.notification_id == "none"
    assert copied == "copy2"


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [
        (Viewer(), ["o2", "o1"]),
        (Viewer(customer_id="ada"), ["o1"]),
        (Viewer(customer_id="nobody"), []),
    ],
)
async def test_a_viewer_sees_the_notifications_of_one_customer_only(scenario, units, viewer, seen):
    await scenario.put_contact()
    await on_backorder(scenario, "o1", customer_id="ada")
    await on_backorder(scenario, "o2", customer_id="bob")
    listed = await read(units, list_notifications, viewer, order_id=None, before=None, limit=10)
    assert [notification.order_id for notification in listed] == seen
    for order_id in ("o1", "o2"):
        [notification] = await scenario.all_notifications(order_id)
        reading = read(units, get_notification, notification.notification_id, viewer)
        if order_id in seen:
            assert (await reading).order_id == order_id
        else:
            with pytest.raises(NotificationNotFound):
                await reading


async def test_notifications_of_one_order_are_listed_only_for_whom_they_are(scenario, units):
    await scenario.put_contact()
    await on_backorder(scenario, "o1", customer_id="ada")
    await on_backorder(scenario, "o2", customer_id="bob")
    viewer = Viewer(customer_id="ada")
    assert await read(units, list_notifications, viewer, order_id="o2", before=None, limit=10) == []
    assert len(await read(units, list_notifications, viewer, order_id="o1", before=None, limit=10)) == 1


async def test_a_notification_that_does_not_exist_is_not_found(units):
    with pytest.raises(NotificationNotFound):
        await read(units, get_notification, "none", Viewer())
