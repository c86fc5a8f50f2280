"""Contacts are validated, versioned, and can be erased without a trace."""

import json
from datetime import timedelta

import pytest
import structlog
from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE


async def test_a_contact_is_created_replaced_and_read_with_its_version(world):
    created = await world.contact()
    assert created.status_code == 201
    assert created.headers["ETag"] == f'"{created.json()["version"]}"'
    replaced = await world.contact(email="new@example.com")
    assert replaced.status_code == 200
    assert replaced.json()["version"] > created.json()["version"]
    read = await world.client.get("/v1/contacts/c1", headers={"If-None-Match": replaced.headers["ETag"]})
    assert read.status_code == 304
    assert (await world.get("/v1/contacts/c1"))["email"] == "new@example.com"


async def test_repeating_a_contact_keeps_its_version(world):
    first, second = await world.contact(), await world.contact()
    assert first.headers["ETag"] == second.headers["ETag"]


async def test_a_change_of_an_old_version_is_refused(world):
    await world.contact()
    for method, body in (("PUT", {"email": "x@example.com"}), ("DELETE", None)):
        answer = await world.client.request(method, "/v1/contacts/c1", json=body, headers={"If-Match": '"999999"'})
        assert answer.status_code == 412
    assert (await world.get("/v1/contacts/c1"))["email"] == "c1@example.com"


@pytest.mark.parametrize("tag", ["*", '"1"'])
async def test_a_change_of_a_version_does_not_bring_back_an_erased_contact(world, tag):
    await world.contact()
    await world.client.delete("/v1/contacts/c1")
    body = {"email": "c1@example.com"}
    answer = await world.client.put("/v1/contacts/c1", json=body, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    await world.get("/v1/contacts/c1", status=404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a b@example.com"),
        ("email", "x@example.com\r\nBcc: y@example.com"),
        ("email", "=?utf-8?q?a=0d=0aBcc:_b?=@example.com"),
        ("locale", "qq-nowhere"),
        ("time_zone", "Mars/Olympus"),
        ("unknown", "x"),
    ],
)
async def test_a_bad_field_is_named_and_never_echoed(world, field, value):
    answer = await world.contact(**{field: value})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]
    assert value not in answer.text
    assert await world.rows("SELECT contact_id FROM contact") == []


async def test_contacts_need_their_scope(world):
    headers = {"Authorization": f"Bearer {world.keys['reader']}"}
    answer = await world.client.get("/v1/contacts/c1", headers=headers)
    assert answer.status_code == 403


async def test_erasing_removes_every_trace_of_the_person(world):
    await world.contact(email="ada.lovelace@example.com")
    await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose_and_send()
    await world.apply(world.answered(LineAnswer(allocated=5), name="BackorderAllocated"))
    await world.compose()
    [_, sent] = await world.notifications()
    assert (await world.get(f"/v1/notifications/{sent['notification_id']}"))["content"]["recipient"]
    assert (await world.client.delete("/v1/contacts/c1")).status_code == 204
    await world.get("/v1/contacts/c1", status=404)
    assert (await world.get(f"/v1/notifications/{sent['notification_id']}"))["content"] is None
    tables = await world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 10
    for (table,) in tables:
        for (row,) in await world.rows(f'SELECT to_jsonb(t) FROM "{table}" t'):
            assert "lovelace" not in json.dumps(row), table
    [unsent, _] = await world.notifications()
    assert (unsent["state"], unsent["reason"]) == ("failed", "contact_erased")
    assert [e.name for e in await world.published()] == ["NotificationSent", "NotificationFailed"]
    assert (await world.client.delete("/v1/contacts/c1")).status_code == 404


async def test_an_erasure_while_a_message_is_being_sent_leaves_no_text(world):
    await world.contact(email="ada.lovelace@example.com")
    await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose()

    class ErasedMeanwhile:
        async def send(self, mails):
            assert (await world.client.delete("/v1/contacts/c1")).status_code == 204
            return await mailer.send(mails)

    mailer, world.mailer = world.mailer, ErasedMeanwhile()
    await world.send()
    kept = "recipient IS NOT NULL OR subject IS NOT NULL OR body_text IS NOT NULL OR body_html IS NOT NULL"
    assert await world.rows(f"SELECT notification_id FROM notification WHERE {kept}") == []


async def test_an_id_that_was_erased_and_comes_back_is_a_new_contact(world):
    old = (await world.contact()).headers["ETag"]
    await world.client.delete("/v1/contacts/c1")
    again = await world.contact()
    assert again.status_code == 201
    assert again.headers["ETag"] != old


async def test_addresses_do_not_reach_the_logs(world):
    world.catcher.refuse["ada.lovelace@example.com"] = 451
    with structlog.testing.capture_logs() as logs:
        await world.contact(email="ada.lovelace@example.com")
        await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
        await world.compose_and_send()
        world.clock.advance(timedelta(days=1))
        await world.send()
        await world.client.delete("/v1/contacts/c1")
    assert "lovelace" not in repr(logs)
    reasons = await world.rows("SELECT reason FROM notification")
    assert "lovelace" not in repr(reasons)
