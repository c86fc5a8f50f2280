"""An order that cannot be told of stops no other."""

import asyncio
from datetime import timedelta

from tests.scenario import LineAnswer
from tests.unit.notification.events import JUNE

from notification_service.application.notifications import compose_due_notifications
from notification_service.application.notifications.template_data import template_data_of as genuine
from notification_service.entrypoints.background.compose_notifications import compose_notifications
from service_kit.persistence.parked_work import ParkedWork
from service_kit.testing.eventually import eventually
from service_kit.testing.running import running


async def test_an_order_whose_notification_cannot_be_composed_is_set_aside_alone(world, monkeypatch):
    def template_data_of(order, message, names):
        if order.order_id == "bad":
            raise ValueError("no words for it")
        return genuine(order, message, names)

    monkeypatch.setattr(compose_due_notifications, "template_data_of", template_data_of)
    await world.contact()
    for order_id in ("bad", "o1", "o2", "o3"):
        await world.apply(world.placed(order_id))
        await world.apply(world.answered(LineAnswer(waiting=5, promise=JUNE), order_id=order_id))
    world.clock.advance(timedelta(hours=1))
    parked = ParkedWork(world.database)

    async def done():
        told = [order_id for order_id in ("o1", "o2", "o3") if await world.notifications(order_id)]
        return len(told) == 3 and len(await parked.list_items()) == 1

    async with running(compose_notifications(world.service.api.application)):
        await eventually(done, 30)
    [item] = await parked.list_items()
    assert (item.task, item.item) == ("compose_notifications", "bad")
    assert await world.notifications("bad") == []
    monkeypatch.setattr(compose_due_notifications, "template_data_of", genuine)
    await parked.retry()

    async def told_at_last():
        return len(await world.notifications("bad")) == 1 and await parked.list_items() == []

    async with running(compose_notifications(world.service.api.application)):
        await asyncio.wait_for(eventually(told_at_last, 30), 40)
