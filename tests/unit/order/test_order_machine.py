"""Any sequence of changes and answers keeps the quantities whole, and a refused move leaves no trace.

Allocation is played by a small model that answers what the order service published, late, twice and
out of order, with the rules of the protocol: grants are cumulative, shipped units stay granted,
cuts take waiting units first, a cancellation clears declined ones.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from order_service.domain.errors import IllegalMove
from order_service.domain.lines import Line, LineAllocation, Reason
from order_service.domain.order import Order, Shipment, ShippedUnits, Terms
from order_service.domain.states import CLOSED, State

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LOCATIONS = ("A", "B")
LINES = ("l0", "l1")


@dataclass
class AllocationLine:
    """What allocation knows of one line."""

    quantity: int = 0
    cancelled: int = 0
    shipped: dict[str, int] = field(default_factory=dict)
    granted: dict[str, int] = field(default_factory=dict)
    declined: int = 0
    version: int = 0
    basis: int = 0

    @property
    def waiting(self) -> int:
        return self.quantity - self.cancelled - self.declined - sum(self.granted.values())

    def learn(self, line: Line, sequence: int) -> None:
        self.quantity, self.cancelled, self.basis = line.quantity, line.cancelled, sequence
        self.shipped = {name: at.shipped for name, at in line.locations.items()}
        for name, shipped in self.shipped.items():
            self.granted[name] = max(self.granted.get(name, 0), shipped)
        excess = -self.waiting
        cleared = min(max(0, excess), self.declined)
        self.declined -= cleared
        excess -= cleared
        for name in sorted(self.granted):
            freed = max(0, min(excess, self.granted[name] - self.shipped.get(name, 0)))
            self.granted[name] -= freed
            excess -= freed
        self.version += 1

    def answer(self, line_id: str) -> LineAllocation:
        return LineAllocation(
            line_id,
            self.version,
            self.basis,
            NOW,
            dict(self.granted),
            max(0, self.waiting),
            self.declined,
            Reason(),
            None,
        )


class OrderMachine(RuleBasedStateMachine):
    """Changes at the order, decisions at allocation, answers under way between them."""

    def __init__(self) -> None:
        super().__init__()
        self.order: Order
        self.allocation = {line_id: AllocationLine() for line_id in LINES}
        self.published: list[Order] = []
        self.under_way: list[LineAllocation] = []

    @initialize(quantities=st.tuples(st.integers(1, 6), st.integers(1, 6)), ship_complete=st.booleans())
    def place(self, quantities: tuple[int, int], ship_complete: bool) -> None:
        lines = [Line(line_id, i, f"sku-{i}", quantities[i]) for i, line_id in enumerate(LINES)]
        self.order, _ = Order.place("o", Terms("r", ship_complete=ship_complete), NOW, lines)
        self.publish()

    def publish(self) -> None:
        self.published.append(deepcopy(self.order))

    def attempt(self, move: str, *arguments: object) -> None:
        before = deepcopy(self.order)
        try:
            change = getattr(self.order, move)(*arguments)
        except IllegalMove:
            assert self.order == before
            return
        if change is not None:
            assert self.order.sequence == before.sequence + 1
            assert self.order.version == before.version + 1
            self.publish()

    @rule(line_id=st.sampled_from(LINES), quantity=st.integers(1, 8))
    def amend(self, line_id: str, quantity: int) -> None:
        self.attempt("amend_line", line_id, quantity, NOW)

    @rule(line_id=st.sampled_from(LINES), quantity=st.integers(1, 4))
    def cancel_part(self, line_id: str, quantity: int) -> None:
        self.attempt("cancel", NOW, None, {line_id: quantity})

    @rule()
    def cancel_whole(self) -> None:
        self.attempt("cancel", NOW, "whole")

    @rule(line_id=st.sampled_from(LINES), location=st.sampled_from(LOCATIONS), quantity=st.integers(1, 4))
    def ship(self, line_id: str, location: str, quantity: int) -> None:
        lines = (ShippedUnits(line_id, quantity),)
        self.attempt("ship", Shipment(f"s{self.order.version}", location, NOW, lines), {})

    @precondition(lambda self: self.order.shipments)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        self.attempt("void_shipment", data.draw(st.sampled_from(self.order.shipments)).shipment_id, NOW)

    @precondition(lambda self: self.published)
    @rule(copies=st.integers(1, 2))
    def allocation_reads(self, copies: int) -> None:
        order = self.published.pop(0)
        for line_id, known in self.allocation.items():
            known.learn(order.lines[line_id], order.sequence)
            self.under_way.extend([known.answer(line_id)] * copies)

    @rule(line_id=st.sampled_from(LINES), location=st.sampled_from(LOCATIONS), units=st.integers(1, 6))
    def allocation_grants(self, line_id: str, location: str, units: int) -> None:
        known = self.allocation[line_id]
        granted = min(units, known.waiting)
        if granted > 0:
            known.granted[location] = known.granted.get(location, 0) + granted
            known.version += 1
            self.under_way.append(known.answer(line_id))

    @rule(line_id=st.sampled_from(LINES), location=st.sampled_from(LOCATIONS), units=st.integers(1, 6))
    def allocation_deallocates(self, line_id: str, location: str, units: int) -> None:
        known = self.allocation[line_id]
        taken = min(units, known.granted.get(location, 0) - known.shipped.get(location, 0))
        if taken > 0:
            known.granted[location] -= taken
            known.version += 1
            self.under_way.append(known.answer(line_id))

    @rule(line_id=st.sampled_from(LINES), units=st.integers(1, 3))
    def allocation_declines(self, line_id: str, units: int) -> None:
        known = self.allocation[line_id]
        declined = min(units, known.waiting)
        if declined > 0:
            known.declined += declined
            known.version += 1
            self.under_way.append(known.answer(line_id))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), keep=st.booleans())
    def answer_arrives(self, data: st.DataObject, keep: bool) -> None:
        at = data.draw(st.integers(0, len(self.under_way) - 1))
        answer = self.under_way[at] if keep else self.under_way.pop(at)
        self.order.lines[answer.line_id].apply(answer)

    @rule()
    def everything_settles(self) -> None:
        while self.published:
            self.allocation_reads(copies=1)
        for answer in self.under_way:
            self.order.lines[answer.line_id].apply(answer)
        self.under_way.clear()
        assert self.order.answered == self.order.sequence
        for line_id, line in self.order.lines.items():
            parts = line.allocated + line.waiting + line.declined + line.cancelled + line.shipped
            assert parts == line.quantity, line
            known = self.allocation[line_id]
            assert (line.waiting, line.declined) == (known.waiting, known.declined)
            assert not (line.state is State.CANCELLED and line.allocated)
        open_units = sum(line.allocated + line.waiting for line in self.order.lines.values())
        assert (self.order.state in CLOSED) == (open_units == 0)

    @invariant()
    def nothing_leaves_that_was_cancelled_or_never_ordered(self) -> None:
        for line in self.order.lines.values():
            assert line.shipped + line.cancelled <= line.quantity

    @invariant()
    def figures_are_never_negative(self) -> None:
        for line in self.order.lines.values():
            totals = line.totals
            assert min(totals.open, totals.allocated, totals.waiting, totals.declined, totals.shipped) >= 0

    @invariant()
    def shipments_add_up_to_the_shipped_units(self) -> None:
        for line_id, line in self.order.lines.items():
            parts = [
                (units.quantity, shipment.voided_at is None)
                for shipment in self.order.shipments
                for units in shipment.lines
                if units.line_id == line_id
            ]
            assert sum(units for units, left in parts if left) == line.shipped
            assert sum(units for units, left in parts if not left) == sum(at.voided for at in line.locations.values())


OrderMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOrderMachine = OrderMachine.TestCase
