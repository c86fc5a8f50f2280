"""The events that tests are given are such as the services publish: whole state, and counters that rise."""

from datetime import date, timedelta
from typing import TypeVar

from tests.scenario import START, LineAnswer, Neighbours

from event_contracts import AllocationState, Event, InboundChange, OrderState, SkuPolicy, StockChange
from event_contracts.envelope import decode
from event_contracts.model import Payload

P = TypeVar("P", bound=Payload)


def payload(kind: type[P], event: Event) -> P:
    """The event's payload, after the event can be read from what a topic would hold of it."""
    assert decode(event.headers(), event.value()) == event
    assert isinstance(event.payload, kind)
    return event.payload


def test_time_stands_still_but_for_a_tick_with_each_event() -> None:
    neighbours = Neighbours()
    first, second = (payload(SkuPolicy, neighbours.sku("A")) for _ in range(2))
    assert second.occurred_at - first.occurred_at == neighbours.tick
    neighbours.later(days=3)
    assert neighbours.now == START + 2 * neighbours.tick + timedelta(days=3)
    still = Neighbours(tick=timedelta(0))
    assert payload(SkuPolicy, still.sku("A")).occurred_at == still.now == START


def test_each_counter_counts_one_row() -> None:
    neighbours = Neighbours()
    events = [
        neighbours.sku("A"),
        neighbours.sku("B"),
        neighbours.sku("A"),
        neighbours.stock("A", 1),
        neighbours.stock("A", 1, "MU"),
        neighbours.stock("A", -1),
    ]
    assert [event.sequence for event in events] == [1, 1, 2, 1, 1, 2]


def test_a_shipment_leaves_the_supply() -> None:
    neighbours = Neighbours()
    neighbours.stock("A", 5)
    [level] = payload(StockChange, neighbours.stock("A", 0, shipped=2)).levels
    assert (level.on_hand, level.shipped) == (3, 2)


def test_a_receipt_lowers_the_inbound_in_the_same_event() -> None:
    neighbours = Neighbours()
    eta = START + timedelta(days=5)
    scheduled, moved = neighbours.inbound("A", "p", 9, eta), neighbours.inbound("A", "p", 9, eta + timedelta(days=1))
    received = neighbours.stock("A", 4, po_line="p", remaining=5)
    [line] = payload(StockChange, received).po_lines
    gone = neighbours.inbound("A", "p", 0, eta)
    names = ["InboundScheduled", "InboundRescheduled", "StockReceived", "InboundCancelled"]
    assert [event.name for event in (scheduled, moved, received, gone)] == names
    assert (line.remaining, line.version, payload(InboundChange, gone).version) == (5, 3, 4)


def test_each_event_about_an_order_has_all_of_it() -> None:
    neighbours = Neighbours()
    order, placed = neighbours.order("o1", ("A", 5), ("B", 2), tier="gold")
    assert [line.line_id for line in payload(OrderState, placed).lines] == ["o1-1", "o1-2"]
    neighbours.ship(order, 1, 2)
    neighbours.ship(order, 1, 1, "MU")
    neighbours.amend(order, 2, 3, needed_by=date(2026, 4, 1))
    last = payload(OrderState, neighbours.cancel(order))
    assert (last.sequence, last.tier, last.needed_by, last) == (5, "gold", date(2026, 4, 1), order.state)
    assert [(one.quantity, one.cancelled, one.shipped) for one in last.lines] == [
        (5, 2, {"HH": 2, "MU": 1}),
        (3, 0, {}),
    ]
    assert [(one.shipment_id, one.location, one.quantity) for one in last.shipments] == [
        ("o1-shipment-1", "HH", 2),
        ("o1-shipment-2", "MU", 1),
    ]
    assert payload(OrderState, placed).shipments == (), "what was told before stays as it was"


def test_an_answer_counts_its_lines_and_the_revisions_of_their_promises() -> None:
    neighbours = Neighbours()
    order, _ = neighbours.order("o1", ("A", 5), ("B", 2))
    june = date(2026, 6, 3)
    first = neighbours.answer(
        order.state,
        LineAnswer(waiting=5, promise=june),
        LineAnswer(line=2, allocated=2),
        name="OrderBackordered",
    )
    neighbours.amend(order, 1, 4)
    second = neighbours.answer(order.state, LineAnswer(allocated=1, waiting=3, promise=june))
    third = neighbours.answer(order.state, LineAnswer(allocated={"MU": 1}, waiting=3, promise=date(2026, 7, 1)))
    states = [payload(AllocationState, event) for event in (first, second, third)]
    assert [state.basis for state in states] == [1, 2, 2]
    assert [[line.line_version for line in state.lines] for state in states] == [[1, 1], [2], [3]]
    assert [state.lines[0].allocated for state in states] == [{}, {"HH": 1}, {"MU": 1}]
    assert [state.lines[0].promise and state.lines[0].promise.revision for state in states] == [1, 1, 2]
    assert states[0].lines[1].promise is None
    assert len({state.decision_id for state in states}) == 3


def test_a_line_has_no_promise_before_a_day_was_named_and_one_without_a_day_after_it_was_lost() -> None:
    neighbours = Neighbours()
    order, _ = neighbours.order("o1", ("A", 5))
    days = [None, date(2026, 6, 3), None]
    events = [neighbours.answer(order.state, LineAnswer(waiting=5, promise=day)) for day in days]
    promises = [payload(AllocationState, event).lines[0].promise for event in events]
    assert promises[0] is None
    assert [(one.date, one.revision) for one in promises if one] == [(date(2026, 6, 3), 1), (None, 2)]
