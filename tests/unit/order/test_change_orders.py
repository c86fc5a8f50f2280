"""Changing a batch of orders: each command sees those before it, and is carried out or refused for itself."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from tests.scenario import Neighbours
from tests.unit.order.in_memory_stores import InMemoryOrderUnits, in_memory_units
from tests.unit.order.scenarios import NOW, new_order, references, shipment

from order_service.application.change_orders import change_orders
from order_service.application.commands import (
    Accepted,
    AddLine,
    AmendLine,
    AmendOrder,
    CancelOrder,
    ChangeOrder,
    ShipOrder,
    VoidShipment,
)
from order_service.application.errors import OrderNotFound, OrderTooLarge, OutdatedVersion, ShipmentReferenceTaken
from order_service.domain.errors import IllegalMove, InvalidDates, LineNotFound, Refusal, UnknownLines
from order_service.domain.lines import Line, LocationUnits
from order_service.domain.order import MAX_LINES, AddedLine, Order, Shipment
from order_service.domain.states import State
from service_kit.commands.execute import execute
from service_kit.testing import FakeClock

LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def units() -> InMemoryOrderUnits:
    """Two orders, o1 of customer c1 and o2 of c2, each with 5 lamps and 2 bulbs allocated at location A."""
    units = in_memory_units(FakeClock(NOW))
    async with units.begin() as uow:
        new = [new_order(f"o{n}", ("lamp", 5), ("bulb", 2), customer_id=f"c{n}") for n in (1, 2)]
        for each in new:
            for line in each.order.lines.values():
                line.locations, line.basis = {"A": LocationUnits(line.quantity)}, 1
        await uow.new_orders.add(new)
        await uow.commit()
    units.outbox.clear()
    return units


async def change(units: InMemoryOrderUnits, *commands: ChangeOrder) -> Sequence[Accepted | Refusal]:
    return await execute(units, change_orders, commands)


async def refusal(units: InMemoryOrderUnits, command: ChangeOrder) -> Refusal:
    """The refusal of one command, which must leave everything as it was."""
    before = deepcopy(units.state)
    [refused] = await change(units, command)
    assert isinstance(refused, Refusal)
    assert (units.state, units.outbox) == (before, [])
    return refused


def amend(order_id: str = "o1", **fields: Any) -> AmendOrder:
    return AmendOrder(order_id=order_id, at=LATER, fields=fields)


def amend_line(line_id: str, quantity: int) -> AmendLine:
    return AmendLine(order_id=line_id[:2], at=LATER, line_id=line_id, quantity=quantity)


def cancel(order_id: str = "o1", parts: dict[str, int] | None = None, **more: Any) -> CancelOrder:
    return CancelOrder(order_id=order_id, at=LATER, parts=parts, **more)


def ship(parcel: Shipment, order_id: str = "o1") -> ShipOrder:
    return ShipOrder(order_id=order_id, at=parcel.shipped_at, shipment=parcel)


def stored(units: InMemoryOrderUnits, order_id: str = "o1") -> Order:
    return units.state.orders[order_id].order


async def test_each_kind_of_change_is_stored_published_and_recorded(units: InMemoryOrderUnits) -> None:
    results = await change(
        units,
        amend(country="FR", needed_by=date(2026, 2, 1)),
        amend_line("o1-0", 6),
        cancel(parts={"o1-1": 1}, reason="less"),
        ship(shipment("s1", ("o1-0", 2), shipped_at=LATER), "o1"),
    )
    assert results == [Accepted("o1", version, version, NOW) for version in (2, 3, 4, 5)]
    order = stored(units)
    assert (order.terms.country, order.terms.needed_by) == ("FR", date(2026, 2, 1))
    assert [(line.quantity, line.cancelled, line.shipped) for line in order.lines.values()] == [(6, 0, 2), (2, 1, 0)]
    assert [one.shipment_id for one in order.shipments] == ["s1"]
    names = ["OrderAmended", "OrderAmended", "OrderCancelled", "OrderShipped"]
    assert references(units.outbox) == [(name, "o1") for name in names]
    entries = [each.entry for each in units.state.history if each.entry.version > 1]
    assert [(each.event, each.version, each.occurred_at) for each in entries] == [
        (name, version, LATER) for version, name in enumerate(names, start=2)
    ]
    assert entries[2].detail["reason"] == "less"
    assert entries[3].detail["shipment_id"] == "s1"


async def test_an_order_has_at_most_a_thousand_lines(units: InMemoryOrderUnits) -> None:
    units.state.policies["lamp"] = Neighbours().sku_policy("lamp")
    order = stored(units)
    for number in range(2, MAX_LINES):
        order.lines[f"o1-{number}"] = Line(f"o1-{number}", number, "lamp", 1)
    refused = await refusal(units, AddLine(order_id="o1", at=LATER, line=AddedLine("new", "lamp", 1)))
    assert isinstance(refused, IllegalMove)
    assert refused.code == "too_many_lines"


async def test_metadata_is_recorded_but_not_published(units: InMemoryOrderUnits) -> None:
    assert await change(units, amend(metadata={"note": "x"})) == [Accepted("o1", 2, 1, NOW)]
    assert stored(units).terms.metadata == {"note": "x"}
    assert units.outbox == []
    assert units.state.history[-1].entry.event == "OrderAmended"


async def test_a_change_to_what_is_already_so_changes_nothing(units: InMemoryOrderUnits) -> None:
    before = deepcopy(units.state)
    assert await change(units, amend_line("o1-0", 5), amend()) == [Accepted("o1", 1, 1, NOW)] * 2
    assert (units.state, units.outbox) == (before, [])


async def test_changes_of_one_order_see_each_other(units: InMemoryOrderUnits) -> None:
    first, second, third = await change(
        units,
        ship(shipment("s1", ("o1-0", 3), shipped_at=LATER)),
        ship(shipment("s2", ("o1-0", 3), shipped_at=LATER)),
        cancel(parts={"o1-0": 2}),
    )
    assert first == Accepted("o1", 2, 2, NOW)
    assert isinstance(second, IllegalMove)
    assert (second.code, second.version) == ("not_allocated", 2)
    assert third == Accepted("o1", 3, 3, NOW)


async def test_a_refusal_shows_the_order_as_it_was_then(units: InMemoryOrderUnits) -> None:
    _, refused, _ = await change(
        units,
        ship(shipment("s1", ("o1-0", 3), shipped_at=LATER)),
        cancel(parts={"o1-0": 3}),
        cancel(),
    )
    assert isinstance(refused, IllegalMove)
    assert (refused.code, refused.state, refused.version) == ("not_cancellable", State.PARTIALLY_SHIPPED, 2)
    [violation] = refused.violations
    assert (violation.code, violation.line.shipped, violation.line.cancelled) == ("not_cancellable", 3, 0)
    assert stored(units).lines["o1-0"].cancelled == 2, "the change after it was made"


async def test_a_refused_command_does_not_touch_its_neighbours(units: InMemoryOrderUnits) -> None:
    first, refused, last = await change(units, cancel("o1"), cancel("nope"), cancel("o2"))
    assert (first, last) == (Accepted("o1", 2, 2, NOW), Accepted("o2", 2, 2, NOW))
    assert isinstance(refused, OrderNotFound)
    assert references(units.outbox) == [("OrderCancelled", "o1"), ("OrderCancelled", "o2")]


async def test_an_order_is_found_by_its_customer_and_by_those_who_see_all(units: InMemoryOrderUnits) -> None:
    assert isinstance(await refusal(units, cancel("o1", customer_id="c2")), OrderNotFound)
    assert isinstance(await refusal(units, cancel("nope")), OrderNotFound)
    mine, foreign, anybodys = await change(
        units,
        cancel("o1", {"o1-0": 1}, customer_id="c1"),
        cancel("o1", {"o1-0": 1}, customer_id="c2"),
        cancel("o1", {"o1-0": 1}),
    )
    assert isinstance(foreign, OrderNotFound), "although others in the batch may see it"
    assert (mine, anybodys) == (Accepted("o1", 2, 2, NOW), Accepted("o1", 3, 3, NOW))


async def test_a_change_is_made_on_an_expected_version_only(units: InMemoryOrderUnits) -> None:
    assert isinstance(await refusal(units, cancel(expected_versions=frozenset({7}))), OutdatedVersion)
    assert isinstance(await refusal(units, cancel(expected_versions=frozenset())), OutdatedVersion)
    part = {"o1-0": 1}
    first, second = await change(
        units,
        cancel(parts=part, expected_versions=frozenset({1, 9})),
        cancel(parts=part, expected_versions=frozenset({1})),
    )
    assert first == Accepted("o1", 2, 2, NOW)
    assert isinstance(second, OutdatedVersion)


async def test_unknown_lines_are_named_by_their_place(units: InMemoryOrderUnits) -> None:
    refused = await refusal(units, cancel(parts={"x": 1, "o1-0": 1, "y": 1}))
    assert isinstance(refused, UnknownLines)
    assert refused.line_ids == {0: "x", 2: "y"}
    refused = await refusal(units, ship(shipment("s1", ("o1-0", 1), ("z", 1))))
    assert isinstance(refused, UnknownLines)
    assert refused.line_ids == {1: "z"}
    assert isinstance(await refusal(units, AmendLine(order_id="o1", at=NOW, line_id="x", quantity=1)), LineNotFound)


async def test_impossible_dates_are_refused(units: InMemoryOrderUnits) -> None:
    refused = await refusal(units, amend(needed_by=date(2026, 1, 3)))
    assert isinstance(refused, InvalidDates)
    assert [fault.field for fault in refused.faults] == ["needed_by"]


async def test_a_shipment_reference_is_used_once(units: InMemoryOrderUnits) -> None:
    first, second, other = await change(
        units,
        ship(shipment("s1", ("o1-0", 1), reference="P1")),
        ship(shipment("s2", ("o2-0", 1), reference="P1"), "o2"),
        ship(shipment("s3", ("o2-0", 1), reference="P2"), "o2"),
    )
    assert first == Accepted("o1", 2, 2, NOW)
    assert isinstance(second, ShipmentReferenceTaken)
    assert second.shipment_id == "s1"
    assert other == Accepted("o2", 2, 2, NOW)
    [later] = await change(units, ship(shipment("s4", ("o1-0", 1), reference="P2")))
    assert isinstance(later, ShipmentReferenceTaken)
    assert later.shipment_id == "s3"


async def test_the_reference_of_a_voided_shipment_is_free_for_the_commands_behind_it(units: InMemoryOrderUnits) -> None:
    void = VoidShipment(order_id="o1", at=LATER, shipment_id="s1")
    results = await change(
        units,
        ship(shipment("s1", ("o1-0", 1), reference="P1")),
        ship(shipment("s2", ("o2-0", 1), reference="P1"), "o2"),
        void,
        ship(shipment("s3", ("o2-0", 1), reference="P1"), "o2"),
    )
    assert [type(one) for one in results] == [Accepted, ShipmentReferenceTaken, Accepted, Accepted]
    [voided], [kept] = stored(units, "o1").shipments, stored(units, "o2").shipments
    assert (voided.voided_at, kept.shipment_id, kept.voided_at) == (LATER, "s3", None)


async def test_a_refused_shipment_leaves_its_reference_free(units: InMemoryOrderUnits) -> None:
    refused, accepted = await change(
        units,
        ship(shipment("s1", ("o1-0", 99), reference="P1")),
        ship(shipment("s2", ("o1-0", 1), reference="P1")),
    )
    assert isinstance(refused, IllegalMove)
    assert accepted == Accepted("o1", 2, 2, NOW)


async def test_a_preorder_ships_from_its_release_date_on(units: InMemoryOrderUnits) -> None:
    async with units.begin() as uow:
        await uow.skus.save_policies([Neighbours().sku_policy("lamp", release_at=LATER)])
        await uow.commit()
    refused = await refusal(units, ship(shipment("s1", ("o1-0", 1))))
    assert isinstance(refused, IllegalMove)
    assert refused.code == "before_release_date"
    assert await change(units, ship(shipment("s1", ("o1-0", 1), shipped_at=LATER))) == [Accepted("o1", 2, 2, NOW)]


async def test_a_change_that_makes_the_event_too_large_is_undone_alone(units: InMemoryOrderUnits) -> None:
    wide = "\N{COUCH AND LAMP}" * 100
    new = new_order("wide", *[(wide, 3)] * 600)
    for line in new.order.lines.values():
        line.locations, line.basis = {"A": LocationUnits(3)}, 1
    async with units.begin() as uow:
        await uow.new_orders.add([new])
        await uow.commit()
    units.outbox.clear()
    everything = [(line_id, 1) for line_id in new.order.lines]
    small, large, after = await change(
        units,
        ship(shipment("s1", everything[0]), "wide"),
        ship(shipment("s2", *everything), "wide"),
        cancel("wide", {"wide-0": 1}),
    )
    assert small == Accepted("wide", 2, 2, NOW)
    assert isinstance(large, OrderTooLarge)
    assert after == Accepted("wide", 3, 3, NOW)
    order = stored(units, "wide")
    assert [one.shipment_id for one in order.shipments] == ["s1"]
    assert sum(line.shipped for line in order.lines.values()) == 1
    assert (order.lines["wide-0"].cancelled, order.lines["wide-0"].shipped) == (1, 1)
    assert references(units.outbox) == [("OrderShipped", "wide"), ("OrderCancelled", "wide")]
