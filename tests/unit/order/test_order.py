"""The order aggregate: legal moves, and illegal ones that change nothing."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from order_service.domain.errors import IllegalMove, UnknownLines
from order_service.domain.lines import Line, LineAllocation, PromisedDate, Reason
from order_service.domain.order import ChangeKind, Order, Shipment, ShippedUnits, Terms
from order_service.domain.states import State, Totals, sum_totals

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def placed(*quantities: int, ship_complete: bool = False) -> Order:
    lines = [Line(f"l{index}", index, f"sku-{index}", quantity) for index, quantity in enumerate(quantities)]
    order, change = Order.place("o1", Terms("ref", ship_complete=ship_complete), NOW, lines)
    assert change.kind is ChangeKind.PLACED
    return order


def answer(
    order: Order,
    line_id: str = "l0",
    *,
    allocated: dict[str, int] | None = None,
    waiting: int = 0,
    declined: int = 0,
    basis: int | None = None,
    version: int | None = None,
    at: datetime = NOW,
) -> bool:
    line = order.lines[line_id]
    return line.apply(
        LineAllocation(
            line_id=line_id,
            line_version=line.line_version + 1 if version is None else version,
            basis=order.sequence if basis is None else basis,
            decided_at=at,
            granted=allocated or {},
            waiting=waiting,
            declined=declined,
            reason=Reason(),
            promise=PromisedDate(date(2026, 2, 1), 1, "inbound") if waiting else None,
        )
    )


def shipment(quantity: int = 1, *, line_id: str = "l0", location: str = "A", at: datetime = NOW) -> Shipment:
    return Shipment(f"s-{line_id}-{at.isoformat()}", location, at, (ShippedUnits(line_id, quantity),))


def refused(order: Order, move: Callable[[], object]) -> str:
    """The code of the refusal, which must have left the order as it was."""
    before = deepcopy(order)
    with pytest.raises(IllegalMove) as caught:
        move()
    assert order == before
    return caught.value.code


def test_a_new_order_is_pending_until_allocation_answers() -> None:
    order = placed(3)
    assert (order.state, order.sequence, order.version, order.answered) == (State.PENDING, 1, 1, 0)


@pytest.mark.parametrize(
    ("allocated", "waiting", "declined", "state"),
    [
        ({"A": 5}, 0, 0, State.ALLOCATED),
        ({"A": 3, "B": 2}, 0, 0, State.ALLOCATED),
        ({"A": 2}, 3, 0, State.PARTIALLY_ALLOCATED),
        ({}, 5, 0, State.BACKORDERED),
        ({}, 0, 5, State.DECLINED),
        ({"A": 3}, 0, 2, State.ALLOCATED),
    ],
)
def test_the_state_follows_from_the_quantities(
    allocated: dict[str, int], waiting: int, declined: int, state: State
) -> None:
    order = placed(5)
    answer(order, allocated=allocated, waiting=waiting, declined=declined)
    assert order.lines["l0"].state is state
    assert order.state is state


def test_an_orders_quantities_are_the_sums_of_its_lines() -> None:
    order = placed(5, 4)
    answer(order, "l0", allocated={"A": 3}, waiting=2)
    answer(order, "l1", waiting=1, declined=3)
    assert order.totals == Totals(quantity=9, cancelled=0, declined=3, shipped=0, open=6, allocated=3, waiting=3)
    assert sum_totals([]) == Totals(0, 0, 0, 0, 0, 0, 0)


def test_an_order_takes_its_state_from_all_its_lines() -> None:
    order = placed(2, 2)
    answer(order, "l0", allocated={"A": 2})
    answer(order, "l1", waiting=2)
    assert order.state is State.PARTIALLY_ALLOCATED
    order.cancel(NOW, None, {"l1": 2})
    answer(order, "l0", allocated={"A": 2})
    assert order.totals.state is State.ALLOCATED


def test_an_older_answer_changes_nothing() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5}, version=3)
    assert not answer(order, waiting=5, version=2)
    assert order.lines["l0"].allocated == 5


def test_the_same_version_confirms_a_newer_basis_and_nothing_else() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5}, version=1)
    order.cancel(NOW, None, {"l0": 1})
    assert answer(order, waiting=99, version=1, basis=2)
    assert (order.lines["l0"].basis, order.lines["l0"].waiting) == (2, 0)
    assert not answer(order, waiting=99, version=1, basis=2)


def test_cancelling_everything_leaves_shipped_units() -> None:
    order = placed(5)
    answer(order, allocated={"A": 3}, waiting=2)
    order.ship(shipment(2), {})
    change = order.cancel(NOW, "too late")
    assert change.reason == "too late"
    assert order.lines["l0"].cancelled == 3
    assert order.lines["l0"].shipped == 2
    assert order.state is State.SHIPPED


def test_cancelling_covers_declined_units_which_allocation_then_clears() -> None:
    order = placed(5)
    answer(order, waiting=2, declined=3)
    order.cancel(NOW, None)
    answer(order, declined=0)
    assert order.lines["l0"].cancelled == 5
    assert order.state is State.CANCELLED


def test_shipped_units_cannot_be_cancelled() -> None:
    order = placed(2)
    answer(order, allocated={"A": 2})
    order.ship(shipment(2), {})
    assert refused(order, lambda: order.cancel(NOW, None, {"l0": 1})) == "not_cancellable"
    assert refused(order, lambda: order.cancel(NOW, None)) == "already_shipped"


def test_a_cancelled_order_cannot_be_cancelled_again() -> None:
    order = placed(2)
    order.cancel(NOW, None)
    assert refused(order, lambda: order.cancel(NOW, None)) == "already_cancelled"


def test_one_line_at_fault_refuses_the_whole_cancellation() -> None:
    order = placed(2, 2)
    assert refused(order, lambda: order.cancel(NOW, None, {"l0": 1, "l1": 3})) == "not_cancellable"


def test_unknown_lines_are_named() -> None:
    order = placed(2)
    with pytest.raises(UnknownLines) as caught:
        order.cancel(NOW, None, {"l0": 1, "x": 1, "y": 1})
    assert caught.value.line_ids == {1: "x", 2: "y"}


def test_amending_down_is_a_cut_and_never_goes_below_what_has_left() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    order.ship(shipment(2), {})
    assert refused(order, lambda: order.amend_line("l0", 1, NOW)) == "below_shipped"
    order.amend_line("l0", 2, NOW)
    assert order.lines["l0"].cut_sequence == order.sequence == 3


def test_amending_up_is_no_cut() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    order.amend_line("l0", 6, NOW)
    order.ship(shipment(5), {})
    assert order.lines["l0"].totals.open == 1


def test_the_same_quantity_is_no_change() -> None:
    order = placed(5)
    assert order.amend_line("l0", 5, NOW) is None
    assert (order.sequence, order.version) == (1, 1)


def test_a_closed_line_is_final() -> None:
    order = placed(2, 2)
    order.cancel(NOW, None, {"l0": 2})
    assert refused(order, lambda: order.amend_line("l0", 3, NOW)) == "line_closed"


def test_metadata_may_change_on_a_closed_order_but_the_destination_may_not() -> None:
    order = placed(2)
    order.cancel(NOW, None)
    terms = replace(order.terms, metadata={"note": "x"})
    change = order.amend_terms(terms, NOW)
    assert change is not None and not change.published
    assert (order.sequence, order.version) == (2, 3)
    assert refused(order, lambda: order.amend_terms(replace(terms, country="FR"), NOW)) == "order_closed"


def test_more_than_allocated_cannot_ship() -> None:
    order = placed(5)
    answer(order, allocated={"A": 3}, waiting=2)
    assert refused(order, lambda: order.ship(shipment(4), {})) == "not_allocated"


def test_nothing_ships_from_another_location_than_allocated() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    assert refused(order, lambda: order.ship(shipment(1, location="B"), {})) == "other_location"


def test_nothing_ships_before_allocation_has_answered() -> None:
    order = placed(5)
    assert refused(order, lambda: order.ship(shipment(1), {})) == "not_allocated"


def test_a_cut_line_ships_only_once_the_cut_is_answered() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    order.cancel(NOW, None, {"l0": 2})
    assert refused(order, lambda: order.ship(shipment(3), {})) == "line_pending"
    answer(order, allocated={"A": 3})
    order.ship(shipment(3), {})
    assert order.state is State.SHIPPED


def test_an_answer_to_an_older_sequence_does_not_release_the_cut() -> None:
    order = placed(5)
    order.cancel(NOW, None, {"l0": 2})
    answer(order, allocated={"A": 5}, basis=1)
    assert refused(order, lambda: order.ship(shipment(1), {})) == "line_pending"


def test_a_preorder_ships_from_its_release_date_on() -> None:
    order = placed(2)
    answer(order, allocated={"A": 2})
    release = {"sku-0": NOW + timedelta(days=1)}
    assert refused(order, lambda: order.ship(shipment(1), release)) == "before_release_date"
    order.ship(shipment(1, at=NOW + timedelta(days=1)), release)
    assert order.lines["l0"].shipped == 1


def test_a_ship_complete_order_leaves_only_when_all_open_units_have_stock() -> None:
    order = placed(2, 3, ship_complete=True)
    answer(order, "l0", allocated={"A": 2})
    answer(order, "l1", allocated={"A": 2}, waiting=1)
    assert refused(order, lambda: order.ship(shipment(2), {})) == "order_incomplete"
    order.cancel(NOW, None, {"l1": 1})
    answer(order, "l1", allocated={"A": 2})
    order.ship(shipment(2), {})
    assert order.state is State.PARTIALLY_SHIPPED


def test_units_that_left_before_a_deallocation_may_still_be_reported() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    answer(order, allocated={"A": 2}, waiting=3, at=NOW + timedelta(hours=2))
    assert refused(order, lambda: order.ship(shipment(5, at=NOW + timedelta(hours=3)), {})) == "not_allocated"
    order.ship(shipment(5, at=NOW + timedelta(hours=1)), {})
    assert order.lines["l0"].shipped == 5


def test_units_released_by_a_cancellation_do_not_ship_whenever_they_are_said_to_have_left() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    order.cancel(NOW, None, {"l0": 2})
    answer(order, allocated={"A": 3}, at=NOW + timedelta(hours=2))
    assert refused(order, lambda: order.ship(shipment(4), {})) == "not_allocated"
    order.ship(shipment(3), {})
    assert order.state is State.SHIPPED


def test_a_deallocation_in_flight_leaves_no_negative_figures() -> None:
    order = placed(5)
    answer(order, allocated={"A": 5})
    order.ship(shipment(5), {})
    answer(order, allocated={"A": 2}, waiting=3, basis=1)
    assert order.lines["l0"].allocated == 0
    assert order.state is State.SHIPPED


def test_all_lines_at_fault_are_named_at_once() -> None:
    order = placed(2, 2)
    both = Shipment("s", "A", NOW, (ShippedUnits("l0", 1), ShippedUnits("l1", 1)))
    with pytest.raises(IllegalMove) as caught:
        order.ship(both, {})
    assert [violation.line.line_id for violation in caught.value.violations] == ["l0", "l1"]


def test_the_time_of_the_last_change_never_moves_back() -> None:
    order = placed(5)
    order.amend_line("l0", 6, NOW + timedelta(days=2))
    change = order.cancel(NOW + timedelta(days=1), None, {"l0": 1})
    assert change.at == order.changed_at == NOW + timedelta(days=2)
