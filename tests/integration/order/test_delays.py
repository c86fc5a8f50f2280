"""Delays on PostgreSQL: the same suite as in memory."""

import asyncio
from datetime import timedelta

import pytest
from tests.integration.order.sql_shop import SqlShop
from tests.unit.order.delay_steps import ZONE, T, days
from tests.unit.order.delay_suite import DelaySuite

from order_service.application.promises.judge_orders import GRACE
from order_service.application.promises.record_reply import ReplyToOffer, record_reply
from order_service.bootstrap import OrderApplication
from order_service.domain.promises.calendar import end_of_day
from order_service.domain.promises.records import Choice, Reply
from service_kit.commands.execute import execute

pytestmark = pytest.mark.postgres


class TestDelays(DelaySuite):
    """The suite on PostgreSQL."""

    async def test_two_processes_and_an_answer_at_the_same_moment_cancel_once(self, shop: SqlShop) -> None:
        order, offer = await self.slipped(shop, T + days(60))
        await self.send(shop, order, offer)
        await shop.published()
        deadline = end_of_day(T + days(30), ZONE)
        shop.clock.advance(deadline - timedelta(seconds=1) - shop.clock.now())
        answer = ReplyToOffer(order["order_id"], offer["offer_id"], Reply(Choice.CANCEL, shop.clock.now()))
        shop.clock.advance(deadline + GRACE - shop.clock.now())
        async with shop.another_process() as other:
            application = other.service.api.application
            assert isinstance(application, OrderApplication)
            await asyncio.gather(
                *(self.judge(one) for one in (shop, other, shop, other)),
                *(execute(application.units, record_reply, answer, application.law) for _ in range(2)),
                return_exceptions=True,
            )
            await self.judge(other)
        [refund] = (await self.record(shop, order))["refunds"]
        assert (refund["units"], (await shop.read(order))["lines"][0]["quantity_cancelled"]) == (2, 2)
        assert [event.name for event in await shop.published()].count("OrderCancelled") == 1
