"""What customers get: once, true, merged, in their language."""

import asyncio
import itertools
import random
from datetime import date, timedelta

from event_contracts import OrderLine, SellingMode, SkuPolicy, new_event

JUNE, JULY = date(2026, 6, 3), date(2026, 7, 1)


async def test_an_order_that_waits_is_told_once_with_its_date(world, placed, answered):
    await world.contact()
    await world.take(placed())
    await world.take(answered(waiting=5, promise=JUNE))
    assert await world.tell() == ["placed_on_backorder"]
    [mail] = world.catcher.messages
    assert mail["To"] == "c1@example.com"
    assert "R-o1" in mail["Subject"]
    assert "3 June 2026" in mail.get_body(("plain",)).get_content()
    assert "3 June 2026" in mail.get_body(("html",)).get_content()
    assert await world.tell() == []


async def test_lines_of_an_order_within_the_window_are_one_message(world, placed, answered):
    await world.contact()
    lines = tuple(OrderLine(line_id=f"o1-{n}", sku="lamp", quantity=5) for n in (1, 2, 3))
    await world.take(placed(lines=lines))
    await world.take(answered(line=1, waiting=5, promise=JUNE))
    assert await world.gather(timedelta(seconds=30)) == 0
    await world.take(answered("OrderAllocated", line=2, allocated=5), answered(line=3, waiting=5, promise=JULY))
    assert await world.gather(timedelta(seconds=31)) == 1
    await world.deliver()
    assert world.catcher.templates() == ["placed_on_backorder"]
    [told] = await world.notifications()
    assert [(c["kind"], c["line_id"]) for c in told["changes"]] == [
        ("placed_on_backorder", "o1-1"),
        ("placed_on_backorder", "o1-3"),
        ("allocated", "o1-2"),
    ]


async def test_each_template_is_sent_for_its_change(world, placed, answered):
    await world.contact()
    line = OrderLine(line_id="o1-1", sku="lamp", quantity=5)
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    assert await world.tell() == ["placed_on_backorder"]
    await world.take(answered("PromiseRevised", version=2, waiting=5, promise=JULY))
    assert await world.tell() == ["date_moved"]
    await world.take(answered("BackorderAllocated", version=3, allocated=5))
    assert await world.tell() == ["allocated"]
    await world.take(answered("AllocationReleased", version=4, waiting=5, promise=JULY))
    assert await world.tell() == ["taken_back"]
    await world.take(answered("OrderDeclined", version=5, waiting=3, declined=2, promise=JULY))
    assert await world.tell() == ["declined"]
    await world.take(
        placed("OrderCancelled", sequence=2, lines=(line.model_copy(update={"cancelled": 5}),)),
        answered("AllocationReleased", version=6),
    )
    assert await world.tell() == ["cancelled"]


async def test_duplicates_shuffles_and_replays_send_nothing_twice(world, placed, answered):
    await world.contact()
    history = [
        placed(),
        answered(waiting=5, promise=JUNE),
        answered("BackorderAllocated", version=2, allocated=2, waiting=3, promise=JUNE),
        answered("BackorderAllocated", version=3, allocated=5),
    ]
    for event in history:
        await world.take(event)
        await world.tell()
    assert world.catcher.templates() == ["placed_on_backorder", "allocated", "allocated"]
    chance = random.Random(7)
    for _ in range(5):
        replay = history * 2
        chance.shuffle(replay)
        for batch in itertools.batched(replay, 3) if hasattr(itertools, "batched") else [replay]:
            await world.take(*batch)
            assert await world.tell() == []


async def test_the_last_state_is_told_whatever_the_order_of_arrival(world, placed, answered):
    await world.contact()
    await world.take(answered("BackorderAllocated", version=3, allocated=5))
    await world.take(answered(waiting=5, promise=JUNE))
    assert await world.tell() == []
    await world.take(placed())
    assert await world.tell() == ["allocated"]


async def test_a_take_back_undone_within_the_settling_time_is_never_told(world, placed, answered):
    await world.contact()
    await world.take(placed(), answered("OrderAllocated", allocated=5))
    await world.tell()
    await world.take(answered("AllocationReleased", version=2, waiting=5, promise=JUNE))
    assert await world.gather(timedelta(seconds=90)) == 0
    await world.take(answered("BackorderAllocated", version=3, allocated=5))
    assert await world.tell() == []


async def test_two_sweepers_at_once_tell_each_order_once(world, placed, answered):
    await world.contact()
    for number in range(20):
        await world.take(placed(order_id=f"o{number}"), answered(order_id=f"o{number}", waiting=5, promise=JUNE))
    world.clock.advance(timedelta(hours=1))
    await asyncio.gather(*(world.gather(timedelta()) for _ in range(4)))
    await asyncio.gather(*(world.deliver(batch=3) for _ in range(12)))
    assert len(world.catcher.messages) == 20
    assert len({mail["Message-ID"] for mail in world.catcher.messages}) == 20


async def test_items_are_named_by_their_newest_name(world, placed, answered):
    await world.contact(locale="de-DE", time_zone="Europe/Berlin")
    for version, name in ((2, "Lampe"), (1, "Old name")):
        policy = SkuPolicy(
            sku="lamp",
            version=version,
            mode=SellingMode.BACKORDER,
            lead_time_days=3,
            name=name,
            occurred_at=world.clock.now(),
        )
        await world.take(new_event("SkuPolicyChanged", policy, source="test", sequence=version))
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    body = world.catcher.messages[0].get_body(("plain",)).get_content()
    assert "5 × Lampe: voraussichtlich 3. Juni 2026" in body


async def test_an_order_without_a_contact_id_tells_nobody(world, placed, answered):
    await world.take(placed(contact_id=None), answered(waiting=5, promise=JUNE))
    assert await world.tell() == []
    assert await world.notifications() == []


async def test_a_sent_message_is_announced_without_personal_data(world, placed, answered):
    await world.contact()
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    [event] = await world.events()
    [told] = await world.notifications()
    assert (event.name, event.key, event.sequence) == ("NotificationSent", "o1", 1)
    assert (event.payload.notification_id, event.payload.contact_id) == (told["notification_id"], "c1")
    assert "example.com" not in event.value().decode()
    assert told["state"] == "sent"


async def test_a_message_without_contact_waits_a_day_and_then_fails(world, placed, answered):
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    assert await world.tell() == []
    assert [n["state"] for n in await world.notifications()] == ["waiting_for_contact"]
    world.clock.advance(timedelta(hours=23))
    await world.settle()
    assert await world.events() == []
    world.clock.advance(timedelta(hours=1))
    await world.settle()
    [event] = await world.events()
    assert (event.name, event.payload.reason) == ("NotificationFailed", "no_contact")
    [told] = await world.notifications()
    assert (told["state"], told["reason"], told["attempts"]) == ("failed", "no_contact", 0)


async def test_a_contact_that_comes_within_the_day_gets_the_message(world, placed, answered):
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    await world.contact()
    await world.deliver()
    assert world.catcher.templates() == ["placed_on_backorder"]
    [told] = await world.notifications()
    assert (told["state"], told["attempts"]) == ("sent", 1)


async def test_a_contact_missed_by_a_race_is_found_by_the_sweep(world, placed, answered):
    await world.contact()
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.gather()
    async with world.database.transaction() as conn:
        await conn.exec_driver_sql(
            "UPDATE notification SET state = 'waiting_for_contact', next_attempt_at = now() + interval '10 years'"
        )
    assert await world.settle() == 1
    await world.deliver()
    assert len(world.catcher.messages) == 1


async def test_a_contact_that_comes_late_is_told_the_present_state_once(world, placed, answered):
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    await world.take(answered("PromiseRevised", version=2, waiting=5, promise=JULY))
    await world.tell()
    await world.take(answered("BackorderAllocated", version=3, allocated=5))
    await world.gather()
    await world.contact()
    await world.settle()
    await world.deliver()
    await world.deliver()
    assert world.catcher.templates() == ["allocated"]
    assert [(n["state"], n["reason"]) for n in await world.notifications()] == [
        ("sent", None),
        ("superseded", "overtaken"),
        ("superseded", "overtaken"),
    ]
    assert [event.name for event in await world.events()] == ["NotificationSent"]
    assert await world.tell() == []


async def test_a_date_that_moved_before_the_contact_came_is_told_as_the_only_one(world, placed, answered):
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    await world.take(answered("PromiseRevised", version=2, waiting=5, promise=JULY))
    await world.tell()
    await world.contact()
    await world.deliver()
    assert world.catcher.templates() == ["placed_on_backorder"]
    told = (await world.notifications())[0]
    assert [(c["promise_date"], c["previous_date"]) for c in told["changes"]] == [("2026-07-01", None)]


async def test_changes_being_gathered_when_the_contact_comes_are_told_with_what_waited(world, placed, answered):
    await world.take(placed(), answered(waiting=5, promise=JUNE))
    await world.tell()
    await world.take(answered("BackorderAllocated", version=2, allocated=5))
    await world.contact()
    await world.deliver()
    assert world.catcher.templates() == []
    assert await world.tell() == ["allocated"]
    [_, overtaken] = await world.notifications()
    assert overtaken["state"] == "superseded"
    assert (await world.post(f"/v1/notifications/{overtaken['notification_id']}/resend")).status_code == 409
