"""Lines of purchase orders: what is still to come."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_service.domain.errors import BelowReceived, LineClosed
from inventory_service.domain.purchase_order import PurchaseOrderLine

ETA = datetime(2010, 12, 20, tzinfo=UTC)


def a_line(quantity: int = 10) -> PurchaseOrderLine:
    return PurchaseOrderLine("line", "order", "acme", "main", "lamp", quantity, ETA)


def test_a_partial_receipt_leaves_the_rest_open():
    line = a_line().receive(4)
    assert (line.open, line.received, line.cancelled, line.state, line.version) == (6, 4, 0, "partly_received", 2)


def test_an_over_receipt_is_taken_and_nothing_is_open():
    line = a_line().receive(12)
    assert (line.open, line.received, line.state) == (0, 12, "received")


def test_closing_short_cancels_the_rest():
    line = a_line().receive(4).close()
    assert (line.open, line.cancelled, line.state) == (0, 6, "closed")


def test_closing_again_changes_nothing():
    line = a_line().close()
    assert line.close() is line


def test_units_that_arrive_on_a_closed_line_are_no_longer_cancelled():
    line = a_line().close().receive(3)
    assert (line.open, line.cancelled, line.received) == (0, 7, 3)


def test_a_change_that_changes_nothing_keeps_the_version():
    line = a_line()
    assert line.change(eta=ETA, quantity=10) is line


def test_a_closed_line_cannot_be_moved():
    with pytest.raises(LineClosed):
        a_line().close().change(eta=ETA + timedelta(days=1))


def test_a_quantity_below_what_arrived_is_refused():
    with pytest.raises(BelowReceived, match="4 units"):
        a_line().receive(4).change(quantity=3)


@given(st.integers(1, 50), st.lists(st.one_of(st.just("close"), st.integers(1, 20)), max_size=8))
def test_ordered_units_are_received_open_or_cancelled_in_any_history(quantity: int, steps: list[str | int]):
    line = a_line(quantity)
    for step in steps:
        line = line.close() if isinstance(step, str) else line.receive(step)
        assert min(line.received, quantity) + line.open + line.cancelled == quantity
