"""The loop that judges orders by the law when a deadline has passed, or something was told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta

from prometheus_client import Gauge

from order_service.application.promises.find_promises import count_unsent_offers
from order_service.application.promises.judge_orders import ORDERS_AT_ONCE, find_orders_to_judge, judge_orders
from order_service.bootstrap import OrderApplication
from service_kit.commands.each_alone import work_through
from service_kit.commands.execute import execute, read
from service_kit.hosting.background import repeat

ALARM = timedelta(hours=24)
"""An offer whose notice is not sent so long before it would be too late raises the alarm."""

UNSENT = Gauge(
    "order_offers_unsent", "Offers of delays not sent within 24 hours of the moment after which a notice cures nothing"
)


class OrderJudge:
    """Judges what is due. Any number of processes may run it: an order is judged under its lock, and deadlines are
    hints, so that a repetition changes nothing. An order that cannot be judged is set aside alone."""

    def __init__(self, application: OrderApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        every = self._application.settings.law_seconds
        await repeat("judge_due_orders", self.once, stopping, every=every, more=lambda found: found >= ORDERS_AT_ONCE)

    async def once(self) -> int:
        """One round; how many orders were judged."""
        application = self._application
        now = application.business_clock.now()

        async def find(held: Collection[str]) -> Sequence[str]:
            return await read(application.units, find_orders_to_judge, now, held)

        async def judge(order_ids: Sequence[str]) -> int:
            return await execute(application.units, judge_orders, order_ids, now, application.law)

        _, found = await work_through(application.parked_work, "judge_orders", find, judge)
        UNSENT.set(await read(application.units, count_unsent_offers, now + ALARM))
        return len(found)
