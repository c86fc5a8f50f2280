"""Reading orders, waiting for them, following them, and making tracking links."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import timedelta

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.in_memory_stores import InMemoryOrderUnitOfWork, InMemoryOrderUnits, in_memory_units
from tests.unit.order.scenarios import NOW, neighbours_at, new_order, shipment
from tests.unit.order.shop import order_in

from order_service.adapters import polling_order_watch
from order_service.adapters.polling_order_watch import PollingOrderWatch
from order_service.adapters.signed_tracking_tokens import SignedTrackingTokens
from order_service.application.apply_allocations import apply_allocations
from order_service.application.change_orders import change_orders
from order_service.application.commands import ShipOrder
from order_service.application.errors import OrderNotFound, TrackingLinksUnavailable
from order_service.application.find_orders import check_visible, find_answered_order, find_order
from order_service.application.find_shipments import find_shipment, find_shipments
from order_service.application.follow_order import follow_order
from order_service.application.issue_tracking_link import issue_tracking_link
from order_service.application.queries import Visibility
from order_service.domain.errors import ShipmentNotFound
from order_service.domain.order import Shipment
from service_kit.commands.execute import execute, read
from service_kit.runtime.business_clock import BusinessClock
from service_kit.testing import FakeClock, eventually

EVERYBODY = Visibility()
STRANGER = Visibility(customer_id="c2")
LONG = 60.0
"""Seconds that no test waits for."""


class Scene:
    """Order o1 of customer c1, and the watch over it."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.units = in_memory_units(self.clock)
        self.watch = PollingOrderWatch(self.units)
        self.neighbours = neighbours_at(self.clock)

    async def allocate(self, units: int = 1) -> None:
        """Allocation answers for the order's only line."""
        placed = order_in(self.units.outbox[0])
        event = self.neighbours.answer(placed, LineAnswer(allocated=units))
        clock = BusinessClock(self.clock)
        await execute(self.units, apply_allocations, [event], business_clock=clock, watch=self.watch)

    async def ship(self, parcel: Shipment) -> None:
        await execute(self.units, change_orders, [ShipOrder(order_id="o1", at=NOW, shipment=parcel)])


class FailsOnce:
    """Units of work whose first view cannot be opened."""

    def __init__(self, units: InMemoryOrderUnits) -> None:
        self._units = units
        self.failed = False

    def begin(self) -> AbstractAsyncContextManager[InMemoryOrderUnitOfWork]:
        return self._units.begin()

    def reading(self) -> AbstractAsyncContextManager[InMemoryOrderUnitOfWork]:
        if not self.failed:
            self.failed = True
            raise ConnectionError
        return self._units.reading()


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    async with scene.units.begin() as uow:
        await uow.new_orders.add([new_order("o1", ("lamp", 5), customer_id="c1")])
        await uow.commit()
    return scene


async def test_an_order_is_found_by_those_who_may_see_it(scene: Scene) -> None:
    for visibility in (EVERYBODY, Visibility(customer_id="c1"), Visibility(order_id="o1")):
        assert (await read(scene.units, find_order, "o1", visibility)).order.order_id == "o1"
        await read(scene.units, check_visible, "o1", visibility)
    for order_id, visibility in (("nope", EVERYBODY), ("o1", STRANGER), ("o1", Visibility(order_id="o2"))):
        with pytest.raises(OrderNotFound):
            await read(scene.units, find_order, order_id, visibility)
        with pytest.raises(OrderNotFound):
            await read(scene.units, check_visible, order_id, visibility)


async def test_a_reader_may_wait_for_allocations_answer(scene: Scene) -> None:
    waiting = asyncio.create_task(find_answered_order(scene.units, scene.watch, "o1", EVERYBODY, LONG))
    await eventually(lambda: scene.watch.waiting)
    assert not waiting.done()
    await scene.allocate()
    assert (await waiting).order.version == 2


async def test_a_reader_who_does_not_wait_gets_the_order_as_it_is(scene: Scene) -> None:
    assert (await find_answered_order(scene.units, scene.watch, "o1", EVERYBODY, 0)).order.version == 1
    assert not scene.watch.polls


async def test_an_answered_order_is_not_waited_for(scene: Scene) -> None:
    await scene.allocate()
    assert (await find_answered_order(scene.units, scene.watch, "o1", EVERYBODY, LONG)).order.version == 2
    assert not scene.watch.polls


async def test_the_wait_ends_when_its_time_is_up(scene: Scene) -> None:
    assert (await find_answered_order(scene.units, scene.watch, "o1", EVERYBODY, 0.01)).order.version == 1


async def test_nobody_waits_for_an_order_that_is_not_visible(scene: Scene) -> None:
    with pytest.raises(OrderNotFound):
        await find_answered_order(scene.units, scene.watch, "o1", STRANGER, LONG)


async def test_a_follower_gets_what_it_has_not_seen_and_then_what_comes(scene: Scene) -> None:
    await scene.allocate()
    followed = follow_order(scene.units, scene.watch, "o1", EVERYBODY, after=1, seconds=LONG)
    async with aclosing(followed) as entries:
        assert (await anext(entries)).entry.version == 2
        upcoming = asyncio.ensure_future(anext(entries))
        await eventually(lambda: scene.watch.waiting)
        await scene.allocate(units=2)
        assert (await upcoming).entry.version == 3


async def test_a_follower_is_sent_away_after_a_time(scene: Scene) -> None:
    followed = follow_order(scene.units, scene.watch, "o1", EVERYBODY, after=0, seconds=0.05)
    assert [recorded.entry.version async for recorded in followed] == [1]


async def test_a_change_that_nobody_announces_is_found_by_polling(scene: Scene) -> None:
    waiting = asyncio.create_task(scene.watch.changed("o1", 1, LONG))
    await eventually(lambda: scene.watch.waiting)
    scene.units.state.orders["o1"].order.version = 2
    assert await waiting


async def test_nobody_waiting_means_that_nobody_polls(scene: Scene) -> None:
    assert not await scene.watch.changed("o1", 1, 0.05)
    await eventually(lambda: not scene.watch.polls)


async def test_a_failed_look_does_not_end_the_wait(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling_order_watch, "_AFTER_FAILURE_SECONDS", 0)
    units = FailsOnce(scene.units)
    scene.units.state.orders["o1"].order.version = 2
    assert await PollingOrderWatch(units).changed("o1", 1, LONG)
    assert units.failed


async def test_shipments_are_shown_with_the_order_that_they_belong_to(scene: Scene) -> None:
    await scene.allocate()
    parcel = shipment("s1", ("o1-0", 1))
    await scene.ship(parcel)
    assert list(await read(scene.units, find_shipments, "o1", EVERYBODY)) == [parcel]
    assert await read(scene.units, find_shipment, "o1", "s1", EVERYBODY) == parcel
    with pytest.raises(OrderNotFound):
        await read(scene.units, find_shipments, "o1", STRANGER)
    for order_id, shipment_id, visibility in (("o1", "s2", EVERYBODY), ("o2", "s1", EVERYBODY), ("o1", "s1", STRANGER)):
        with pytest.raises(ShipmentNotFound):
            await read(scene.units, find_shipment, order_id, shipment_id, visibility)


async def test_a_tracking_link_opens_one_order_for_some_days(scene: Scene) -> None:
    tokens = SignedTrackingTokens(["secret"], scene.clock)
    issued = await read(scene.units, issue_tracking_link, tokens, "o1", EVERYBODY, 2)
    assert issued.expires_at == NOW + timedelta(days=2)
    principal = tokens.principal(issued.token)
    assert principal is not None
    assert (principal.order_id, principal.scopes) == ("o1", frozenset({"orders:read"}))
    scene.clock.advance(timedelta(days=2))
    assert tokens.principal(issued.token) is None


async def test_a_tracking_link_needs_a_visible_order_and_a_secret(scene: Scene) -> None:
    without_secret = SignedTrackingTokens([], scene.clock)
    with pytest.raises(OrderNotFound):
        await read(scene.units, issue_tracking_link, without_secret, "o1", STRANGER, 2)
    with pytest.raises(TrackingLinksUnavailable):
        await read(scene.units, issue_tracking_link, without_secret, "o1", EVERYBODY, 2)


def test_a_token_opens_nothing_if_it_is_forged_or_its_secret_is_gone() -> None:
    clock = FakeClock(NOW)
    token = SignedTrackingTokens(["old"], clock).token("o1", NOW + timedelta(days=1))
    rotated = SignedTrackingTokens(["new", "old"], clock).principal(token)
    assert rotated is not None and rotated.order_id == "o1"
    assert SignedTrackingTokens(["new"], clock).principal(token) is None
    for forged in (token[:-2] + "xx", token.removeprefix("bo_track_"), "bo_track_00000000.x", ""):
        assert SignedTrackingTokens(["old"], clock).principal(forged) is None
