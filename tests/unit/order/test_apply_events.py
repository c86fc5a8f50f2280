"""What allocation and inventory report is taken over: the newest state counts, in whatever order it comes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Unpack, cast

import pytest
from tests.scenario import AnswerTerms, LineAnswer, Neighbours
from tests.unit.order.in_memory_stores import InMemoryOrderUnits, in_memory_units
from tests.unit.order.scenarios import NOW, neighbours_at, new_order
from tests.unit.order.shop import order_in

from event_contracts import AllocationState, Event, OrderState
from order_service.application.apply_allocations import apply_allocations
from order_service.application.errors import UnexpectedAllocation
from order_service.application.keep_sku_policies import keep_sku_policies
from order_service.domain.order import Order
from service_kit.commands.execute import execute
from service_kit.runtime.business_clock import BusinessClock
from service_kit.testing import FakeClock


@dataclass
class RecordingWatch:
    """An `OrderWatch` that only notes which orders it was told of."""

    woken: list[set[str]] = field(default_factory=list)

    async def answered(self, order_id: str, sequence: int, timeout: float) -> bool:
        raise NotImplementedError

    async def changed(self, order_id: str, version: int, timeout: float) -> bool:
        raise NotImplementedError

    def wake(self, order_ids: Collection[str]) -> None:
        self.woken.append(set(order_ids))


@dataclass
class Scene:
    """Two orders of 5 lamps and 2 bulbs, and the use case with all that it needs."""

    clock: FakeClock
    units: InMemoryOrderUnits
    business_clock: BusinessClock
    watch: RecordingWatch
    neighbours: Neighbours

    async def apply(self, *events: Event) -> None:
        """Apply a batch of allocation events in one transaction."""
        await execute(self.units, apply_allocations, events, business_clock=self.business_clock, watch=self.watch)

    def placed(self, order_id: str) -> OrderState:
        """The order as its `OrderPlaced` told it."""
        [event] = [event for event in self.units.outbox if event.key == order_id]
        return order_in(event)

    def answer(self, order_id: str, *answers: LineAnswer, **terms: Unpack[AnswerTerms]) -> Event:
        """Allocation's answer about an order."""
        return self.neighbours.answer(self.placed(order_id), *answers, **terms)

    def order(self, order_id: str = "o1") -> Order:
        return self.units.state.orders[order_id].order

    def entries(self, order_id: str = "o1") -> list[tuple[int, str, str]]:
        """Version, event and state of each history entry after the first."""
        entries = [each.entry for each in self.units.state.history]
        return [(one.version, one.event, one.state) for one in entries if one.order_id == order_id and one.version > 1]


def decision_of(event: Event) -> str:
    """The id of the decision that an event of allocation reports."""
    assert isinstance(event.payload, AllocationState)
    return event.payload.decision_id


@pytest.fixture
async def scene() -> Scene:
    clock = FakeClock(NOW)
    units = in_memory_units(clock)
    async with units.begin() as uow:
        await uow.new_orders.add([new_order(f"o{n}", ("lamp", 5), ("bulb", 2)) for n in (1, 2)])
        await uow.commit()
    return Scene(clock, units, BusinessClock(clock, follow_events=True), RecordingWatch(), neighbours_at(clock))


async def test_a_batch_moves_each_order_on_once_for_each_event(scene: Scene) -> None:
    await scene.apply(
        scene.answer("o1", LineAnswer(waiting=5), LineAnswer(line=2, waiting=2)),
        scene.answer("o2", LineAnswer(allocated=5)),
        scene.answer("o1", LineAnswer(allocated=5), name="BackorderAllocated"),
    )
    assert (scene.order("o1").version, scene.order("o2").version) == (3, 2)
    assert scene.order("o1").lines["o1-0"].allocated == 5
    assert scene.order("o1").sequence == 1, "what others decided is not published again"
    assert scene.entries("o1") == [
        (2, "OrderAllocated", "partially_allocated"),
        (3, "BackorderAllocated", "partially_allocated"),
    ]


async def test_a_history_entry_shows_the_lines_as_its_event_left_them(scene: Scene) -> None:
    events = [scene.answer("o1", LineAnswer(waiting=5)), scene.answer("o1", LineAnswer(allocated=5))]
    await scene.apply(*events)
    first, second = (cast(dict[str, Any], each.entry.detail) for each in scene.units.state.history[-2:])
    assert [first["decision_id"], second["decision_id"]] == [decision_of(event) for event in events]
    assert [line["quantity_backordered"] for line in first["lines"]] == [5]
    assert [line["quantity_backordered"] for line in second["lines"]] == [0]


async def test_duplicates_and_older_reports_change_nothing(scene: Scene) -> None:
    oldest = scene.answer("o1", LineAnswer(waiting=5))
    newest = scene.answer("o1", LineAnswer(allocated=5))
    await scene.apply(newest, newest, oldest)
    await scene.apply(newest)
    assert scene.order().version == 2
    assert scene.entries() == [(2, "OrderAllocated", "partially_allocated")]
    assert scene.watch.woken == [{"o1"}]


async def test_a_batch_about_an_unknown_order_or_line_is_refused_whole(scene: Scene) -> None:
    good = scene.answer("o1", LineAnswer(waiting=5))
    known, other = scene.placed("o1"), scene.placed("o2")
    unknown_order = scene.neighbours.answer(known.model_copy(update={"order_id": "nope"}), LineAnswer())
    line_of_another = scene.neighbours.answer(known.model_copy(update={"lines": other.lines}), LineAnswer(waiting=5))
    for bad in (unknown_order, line_of_another):
        with pytest.raises(UnexpectedAllocation):
            await scene.apply(good, bad)
    assert scene.order().version == 1
    assert scene.watch.woken == []


async def test_those_who_wait_for_a_changed_order_are_woken_after_the_commit(scene: Scene) -> None:
    events = [
        scene.answer("o1", LineAnswer(waiting=5)),
        scene.answer("o2", LineAnswer(line_version=0)),
    ]
    async with scene.units.begin() as uow:
        await apply_allocations(uow, events, business_clock=scene.business_clock, watch=scene.watch)
        assert scene.watch.woken == []
        await uow.commit()
    assert scene.watch.woken == [{"o1", "o2"}]


async def test_the_business_clock_follows_the_decisions_of_a_replay(scene: Scene) -> None:
    last_year = NOW - timedelta(days=365)
    event = scene.answer("o1", LineAnswer(waiting=5), decided_at=last_year)
    older = scene.answer("o1", LineAnswer(line=2, waiting=2), decided_at=last_year - timedelta(days=1))
    async with scene.units.begin() as uow:
        await apply_allocations(uow, [event], business_clock=scene.business_clock, watch=scene.watch)
    assert scene.business_clock.now() == NOW, "nothing was committed"
    await scene.apply(event, older)
    assert scene.business_clock.now() == last_year


async def test_an_empty_batch_does_nothing(scene: Scene) -> None:
    await scene.apply()
    assert scene.watch.woken == []


async def test_of_several_policies_of_a_sku_the_newest_is_kept(scene: Scene) -> None:
    sku = scene.neighbours.sku
    first, second, third, lamp = sku("book"), sku("book"), sku("book", release_at=NOW), sku("lamp")
    await execute(scene.units, keep_sku_policies, [second, third, lamp, first])
    await execute(scene.units, keep_sku_policies, [second])
    policies = scene.units.state.policies
    assert {sku: kept.version for sku, kept in policies.items()} == {"book": 3, "lamp": 1}
    assert policies["book"].release_at == NOW
