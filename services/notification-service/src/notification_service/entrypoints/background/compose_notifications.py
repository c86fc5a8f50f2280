"""Composes the notifications of orders whose message is due."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from notification_service.application.notifications.compose_due_notifications import (
    ORDERS_AT_ONCE,
    compose_due_notifications,
    find_due_orders,
)
from notification_service.bootstrap import NotificationApplication
from service_kit.commands.each_alone import work_through
from service_kit.commands.execute import execute, read
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask
from service_kit.persistence.parked_work import ParkedWork


def compose_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop. A full batch is followed by the next one at once; an order that makes it fail is set aside alone."""
    parked = ParkedWork(app.database)

    async def compose(order_ids: Sequence[str]) -> int:
        return await execute(app.units, compose_due_notifications, order_ids)

    async def find(held: Collection[str]) -> Sequence[str]:
        return await read(app.units, find_due_orders, held)

    async def step() -> int:
        composed, _ = await work_through(parked, "compose_notifications", find, compose)
        return composed

    every = app.settings.sweep_seconds

    async def compose_notifications(stopping: asyncio.Event) -> None:
        await repeat("compose_notifications", step, stopping, every=every, more=lambda count: count >= ORDERS_AT_ONCE)

    return compose_notifications
