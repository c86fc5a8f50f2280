"""Storing and erasing contacts."""

import pytest
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE

from notification_service.application.contacts.erase_contact import erase_contact
from notification_service.application.contacts.get_contact import get_contact
from notification_service.application.contacts.put_contact import PutContact, put_contact
from notification_service.domain.contacts import ContactNotFound
from service_kit.commands.execute import execute, read
from service_kit.commands.expected_version import ExpectedVersion, VersionMismatch

OLD = ExpectedVersion(frozenset({0}))


async def test_a_contact_is_created_and_replaced_with_a_higher_version(scenario, units):
    created = await scenario.put_contact()
    replaced = await scenario.put_contact(email="new@example.com")
    assert (created.created, replaced.created) == (True, False)
    assert replaced.contact.version > created.contact.version
    assert (await read(units, get_contact, "c1")).email == "new@example.com"


async def test_repeating_a_contact_keeps_its_version(scenario):
    first, second = await scenario.put_contact(), await scenario.put_contact()
    assert (second.contact, second.created) == (first.contact, False)


async def test_a_change_of_an_old_version_leaves_the_contact_as_it_is(scenario, units):
    await scenario.put_contact()
    command = PutContact("c1", "new@example.com", "en", "UTC", OLD)
    for change in (execute(units, put_contact, command), execute(units, erase_contact, "c1", OLD)):
        with pytest.raises(VersionMismatch):
            await change
    assert (await read(units, get_contact, "c1")).email == "c1@example.com"


async def test_a_change_of_the_current_version_is_made(scenario, units):
    created = await scenario.put_contact()
    current = ExpectedVersion(frozenset({created.contact.version}))
    put = await execute(units, put_contact, PutContact("c1", "new@example.com", "en", "UTC", current))
    await execute(units, erase_contact, "c1", ExpectedVersion(frozenset({put.contact.version})))
    with pytest.raises(ContactNotFound):
        await read(units, get_contact, "c1")


@pytest.mark.parametrize("expected", [OLD, ExpectedVersion()])
async def test_a_change_of_a_version_creates_no_contact(units, expected):
    with pytest.raises(VersionMismatch):
        await execute(units, put_contact, PutContact("c1", "new@example.com", "en", "UTC", expected))
    with pytest.raises(ContactNotFound):
        await read(units, get_contact, "c1")


async def test_a_contact_that_does_not_exist_can_be_neither_read_nor_erased(units):
    for attempt in (read(units, get_contact, "c1"), execute(units, erase_contact, "c1")):
        with pytest.raises(ContactNotFound) as refusal:
            await attempt
        assert refusal.value.contact_id == "c1"


async def test_an_id_that_was_erased_and_comes_back_is_a_new_contact(scenario, units):
    old = await scenario.put_contact()
    await execute(units, erase_contact, "c1")
    again = await scenario.put_contact()
    assert again.created
    assert again.contact.version > old.contact.version


async def test_erasing_removes_recipient_and_texts_of_every_notification(scenario, units):
    await scenario.put_contact(email="ada.lovelace@example.com")
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose_and_send()
    assert "lovelace" in repr(list(stored_texts(units)))
    await execute(units, erase_contact, "c1")
    assert "lovelace" not in repr(list(stored_texts(units)))


def stored_texts(units):
    """All texts and addresses that are stored, which reprs of the records leave out."""
    yield from (contact.email for contact in units.state.contacts.values())
    for stored in units.state.notifications.values():
        yield from (stored.recipient, stored.subject, stored.body_text, stored.body_html, stored.template_data)


async def test_an_erasure_while_a_mail_is_being_sent_leaves_no_text(scenario, mailer, units):
    await scenario.put_contact(email="ada.lovelace@example.com")
    await scenario.apply(scenario.placed(), scenario.answered(LineAnswer(waiting=5, promise=JUNE)))
    await scenario.compose()

    class ErasedMeanwhile:
        async def send(self, mails):
            await execute(units, erase_contact, "c1")
            return await mailer.send(mails)

    scenario.mailer = ErasedMeanwhile()
    await scenario.send()
    assert len(mailer.mails) == 1
    assert "lovelace" not in repr(list(stored_texts(units)))
    assert [event.payload.reason for event in units.outbox] == ["contact_erased"]
