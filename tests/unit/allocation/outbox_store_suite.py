"""What every implementation of allocation's store does with events and with deferred orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.scenario import START
from tests.unit.allocation.allocation_store_suite import add_line, add_order, keep, locked

from allocation_service.application.session.session_records import DeferredOrder
from event_contracts.fast_encoding import IntegrationEvent, integration_event, moment


def told(order_id: str, sequence: int) -> IntegrationEvent:
    """An event about an order."""
    return integration_event(
        "OrderAllocated",
        order_id=order_id,
        basis=1,
        decision_id="d",
        decided_at=START,
        lines=[],
        sequence=sequence,
        correlation_id=order_id,
        causation_id=None,
        traceparent=None,
        made_at=moment(START),
    )


class OutboxSuite:
    """Events leave with what they tell of."""

    async def test_events_are_told_in_order_once_the_session_is_committed(self, units: Any, outbox: Any) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            for number in (1, 2):
                add_line(session, add_order(session, f"o{number}"), "A", 1)
            session.unwritten.events += [told("o2", 1), told("o1", 1), told("o2", 2)]
            prepared = uow.store.prepare(session, ["o1", "o2"])
            session.mark_prepared()
            await uow.store.write_and_publish(prepared)
            await uow.store.publish([told("o1", 2)])
            await uow.commit()
        events = await outbox()
        assert [(one.key, one.sequence) for one in events] == [("o2", 1), ("o1", 1), ("o2", 2), ("o1", 2)]
        assert {one.name for one in events} == {"OrderAllocated"}
        assert session.effects.events_told == 3

    async def test_nothing_is_told_of_what_was_not_committed(self, units: Any, outbox: Any) -> None:
        async with units.begin() as uow:
            await uow.store.publish([told("o1", 1)])
        assert await outbox() == []


class DeferredOrderSuite:
    """Orders that wait to be decided by themselves, oldest first."""

    async def _defer(self, units: Any, order_id: str, *skus: str, done: Sequence[str] = ()) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, *skus)
            order = add_order(session, order_id)
            for sku in skus:
                add_line(session, order, sku, 1)
            session.unwritten.orders_deferred[order_id] = DeferredOrder(order_id, f"cause of {order_id}", START, skus)
            session.unwritten.deferred_orders_done.update(done)
            await keep(uow, session)

    async def test_the_oldest_are_first_and_stand_before_whoever_needs_their_skus(self, units: Any) -> None:
        for order_id, skus in (("o3", "AB"), ("o1", "BC"), ("o2", "D")):
            await self._defer(units, order_id, *skus)
        async with units.begin() as uow:
            assert await uow.store.oldest_deferred_orders(2) == ["o3", "o1"]
            session = await locked(uow.store, *"ABCD")
            assert session.pending == {"A": {"o3"}, "B": {"o1", "o3"}, "C": {"o1"}, "D": {"o2"}}
            assert await uow.store.open_deferred_orders(session, ["o1", "o2"]) == ["o2"]
            assert await uow.store.open_deferred_orders(session, ["o1", "o2", "o3"]) == ["o3", "o1", "o2"]
            assert session.deferred_orders_due["o3"] == DeferredOrder("o3", "cause of o3", START, ("A", "B"))

    async def test_one_whose_skus_are_not_all_locked_waits_and_so_does_whoever_stands_behind_it(
        self, units: Any
    ) -> None:
        for order_id, skus in (("o1", "AB"), ("o2", "B")):
            await self._defer(units, order_id, *skus)
        async with units.begin() as uow:
            session = await locked(uow.store, "B")
            assert await uow.store.open_deferred_orders(session, ["o1", "o2"]) == []

    async def test_one_that_was_decided_is_gone_and_another_that_was_stored_with_it_is_there(self, units: Any) -> None:
        await self._defer(units, "o1", "A")
        await self._defer(units, "o2", "A", done=["o1"])
        async with units.begin() as uow:
            assert await uow.store.oldest_deferred_orders(10) == ["o2"]
            assert (await locked(uow.store, "A")).pending == {"A": {"o2"}}

    async def test_one_that_is_deferred_again_keeps_its_place_and_its_cause(self, units: Any) -> None:
        await self._defer(units, "o1", "A")
        await self._defer(units, "o2", "A")
        async with units.begin() as uow:
            session = await locked(uow.store, "A", "B")
            session.unwritten.orders_deferred["o1"] = DeferredOrder("o1", "another", START, ("A", "B"))
            await keep(uow, session)
        async with units.begin() as uow:
            assert await uow.store.oldest_deferred_orders(10) == ["o1", "o2"]
            session = await locked(uow.store, "A", "B")
            assert await uow.store.open_deferred_orders(session, ["o1", "o2"]) == ["o1", "o2"]
        assert session.deferred_orders_due["o1"] == DeferredOrder("o1", "cause of o1", START, ("A", "B"))
