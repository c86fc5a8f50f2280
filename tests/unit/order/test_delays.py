"""Delays on stores in memory."""

from datetime import date

from tests.unit.order.delay_suite import DelaySuite
from tests.unit.order.in_memory_stores import in_memory_units
from tests.unit.order.payment_suite import paid_order
from tests.unit.order.scenarios import NOW

from order_service.application.promises.cancel_units import (
    CancelledBy,
    UnitsCancelled,
    cancel_units,
    store_cancelled,
)
from order_service.domain.promises.refunds import RefundTerms
from order_service.domain.promises.verdict import Cancellation, CancellationCause
from service_kit.testing import FakeClock


class TestDelays(DelaySuite):
    """The suite in memory."""


async def test_what_the_law_cancels_has_the_payment_looked_at() -> None:
    """Money follows: the payment of an order is due as soon as its units are cancelled."""
    clock = FakeClock(NOW)
    units = in_memory_units(clock)
    async with units.begin() as uow:
        await uow.new_orders.add([paid_order("o1")])
        await uow.commit()
    async with units.begin() as uow:
        stored = await uow.payments.of_order("o1")
        assert stored is not None
        stored.look_at = None
        await uow.payments.save(stored, [])
        assert await uow.payments.due(NOW, 9) == []
        await uow.commit()
    cancellation = Cancellation(CancellationCause.NO_NOTICE_IN_TIME, date(2026, 1, 20))
    async with units.begin() as uow:
        order = (await uow.orders.lock({"o1": [None]}))["o1"]
        done = UnitsCancelled()
        cancel_units(done, order, CancelledBy(dict.fromkeys(order.lines, cancellation), NOW, NOW), RefundTerms())
        await store_cancelled(uow, done)
        assert [key.order_id for key in await uow.payments.due(NOW, 9)] == ["o1"]
