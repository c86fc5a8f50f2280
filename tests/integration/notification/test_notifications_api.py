"""Listing, reading and resending notifications."""

from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE


async def on_backorder(world, order_id="o1", **order):
    """A customer is told that an order is on backorder."""
    await world.apply(
        world.placed(order_id, **order), world.answered(LineAnswer(waiting=5, promise=JUNE), order_id=order_id)
    )
    await world.compose_and_send()


async def test_pages_cover_all_notifications_newest_first(world):
    await world.contact()
    for number in range(5):
        await on_backorder(world, f"o{number}")
    first = await world.client.get("/v1/notifications", params={"limit": 3})
    cursor = first.json()["next_cursor"]
    assert 'rel="next"' in first.headers["Link"]
    second = await world.get("/v1/notifications", limit=3, cursor=cursor)
    assert second["next_cursor"] is None
    assert [n["order_id"] for n in first.json()["data"] + second["data"]] == ["o4", "o3", "o2", "o1", "o0"]


async def test_a_customers_key_sees_that_customers_notifications_only(world):
    await world.contact()
    await on_backorder(world, "o1", customer_id="ada")
    await on_backorder(world, "o2", customer_id="bob")
    [bobs] = await world.notifications("o2")
    headers = {"Authorization": f"Bearer {world.keys['ada']}"}
    listed = await world.client.get("/v1/notifications", headers=headers)
    assert [n["order_id"] for n in listed.json()["data"]] == ["o1"]
    hidden = await world.client.get(f"/v1/notifications/{bobs['notification_id']}", headers=headers)
    assert hidden.status_code == 404


async def test_a_resend_is_a_new_notification_that_says_the_same(world):
    await world.contact()
    await on_backorder(world)
    [first] = await world.notifications()
    await world.contact(locale="de-DE")
    answer = await world.post(f"/v1/notifications/{first['notification_id']}/resend", key="again")
    assert answer.status_code == 201
    copy = answer.json()
    assert copy["resend_of"] == first["notification_id"]
    assert answer.headers["Location"] == f"/v1/notifications/{copy['notification_id']}"
    await world.send()
    english, german = world.catcher.messages
    assert english["Message-ID"] != german["Message-ID"]
    assert "Ihre Bestellung" in german["Subject"]
    repeated = await world.post(f"/v1/notifications/{first['notification_id']}/resend", key="again")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.json()["notification_id"] == copy["notification_id"]
    assert len(await world.notifications()) == 2


async def test_a_failed_message_can_be_sent_again_once_its_cause_is_gone(world):
    await world.contact()
    world.catcher.refuse["c1@example.com"] = 550
    await on_backorder(world)
    [failed] = await world.notifications()
    world.catcher.refuse.clear()
    await world.post(f"/v1/notifications/{failed['notification_id']}/resend")
    await world.send()
    assert [n["state"] for n in await world.notifications()] == ["sent", "failed"]


async def test_what_cannot_be_resent_answers_with_the_reason(world):
    await world.contact()
    await world.apply(world.placed(), world.answered(LineAnswer(waiting=5, promise=JUNE)))
    await world.compose()
    [pending] = await world.notifications()
    path = f"/v1/notifications/{pending['notification_id']}/resend"
    assert (await world.post(path)).json()["code"] == "notification_on_its_way"
    await world.send()
    await world.client.delete("/v1/contacts/c1")
    assert (await world.post(path)).json()["code"] == "contact_missing"
    assert (await world.post("/v1/notifications/none/resend")).status_code == 404
    assert (await world.client.post(path)).status_code == 400


async def test_the_openapi_document_describes_every_path(world):
    document = await world.get("/openapi.json")
    assert {
        "/v1/contacts/{contact_id}",
        "/v1/notifications",
        "/v1/notifications/{notification_id}/resend",
        "/v1/webhook-endpoints",
        "/v1/webhook-endpoints/{endpoint_id}/rotate",
        "/v1/webhook-endpoints/{endpoint_id}/test",
    } <= set(document["paths"])
    operations = [o for path in document["paths"].values() for o in path.values() if "operationId" in o]
    assert len({o["operationId"] for o in operations}) == len(operations)
