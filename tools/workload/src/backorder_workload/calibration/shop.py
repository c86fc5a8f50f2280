"""A shop that promises dates: stock, purchase orders and waiting lines, day by day, on allocation's promise arithmetic.

Only what dates depend on is simulated: each line current alone, is served by claim and then in turn, and may lose
patience. What a running system adds to that (orders that ship complete, policies, returns) is in `backorder replay`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import ceil

from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.first_promise import Levels
from allocation_service.domain.lateness.observations import AnnouncedDate
from allocation_service.domain.lateness.quantile_table import DEFAULT_TARGET, NO_HISTORY, QuantileTable
from allocation_service.domain.lateness.table_building import ClosedLine, History, LeadTimeLine, build_table
from allocation_service.domain.promising.learned_supply import (
    AnnouncedDelivery,
    Reliance,
    expected_of,
    learned_supply,
    source_of_lead_time,
    source_of_supply,
)
from allocation_service.domain.promising.line_promise import LinePromise, PromiseCounters
from allocation_service.domain.promising.promise_dates import promise
from allocation_service.domain.promising.promise_revision import LearnedDates, Revision, Waiting, revise
from backorder_workload.calibration.judging import Judged
from backorder_workload.calibration.worlds import World
from backorder_workload.replay.catalogue import Catalogue, Sku
from backorder_workload.replay.customers import behaviour_of
from backorder_workload.replay.order_stream import Stream, StreamOrder
from backorder_workload.replay.purchasing import (
    Delivery,
    PlannedOrder,
    Slip,
    StockPosition,
    plan_deliveries,
    plan_purchases,
)
from backorder_workload.replay.session import Schedule

_GRACE_DAYS = 2
"""Days from now on which an overdue delivery is expected where dates are taken as announced."""
DRAIN_DAYS = 45
"""Days that go on after the last order, so that what is promised can come due."""


@dataclass(slots=True)
class OpenDate:
    """A date that current for a delivery, since ``announced_on``."""

    eta: date
    announced_on: date


@dataclass(slots=True)
class Coming:
    """A purchase-order line: what is still to come, and the dates that were announced for it."""

    supplier: str
    ordered: int
    remaining: int
    open_date: OpenDate
    past: list[tuple[date, int, int]] = field(default_factory=list)
    """Dates that stood before, with the days to go from and down to which they stood."""
    received: int = 0
    arrived_on: date | None = None

    def announce(self, eta: date, today: date) -> None:
        """Another date current from today."""
        if eta != self.open_date.eta:
            old = self.open_date
            self.past.append((old.eta, (old.eta - old.announced_on).days, (old.eta - today).days + 1))
            self.open_date = OpenDate(eta, today)

    def announced(self, closed_on: date | None) -> Iterable[AnnouncedDate]:
        """What became of each date."""
        current = self.open_date
        lead_from = (current.eta - current.announced_on).days
        lead_to = None if closed_on is None else min(lead_from, (current.eta - closed_on).days)
        for eta, first, last in (*self.past, (current.eta, lead_from, lead_to)):
            yield AnnouncedDate(self.supplier, eta, first, last, self.arrived_on, closed_on is not None)


@dataclass(slots=True)
class WaitingLine:
    """A line with units that wait."""

    line_id: str
    sku: str
    units: int
    asked_at: datetime
    promise: LinePromise
    judged: Judged | None = None


class Shop:
    """The state of a world, and its days."""

    def __init__(self, catalogue: Catalogue, stream: Stream, world: World, *, seed: int) -> None:
        self._catalogue, self._world, self._seed = catalogue, world, seed
        self._suppliers = {one.supplier_id: one for one in catalogue.suppliers}
        self._position = StockPosition(catalogue)
        self._free = {code: sku.opening_units for code, sku in catalogue.skus.items()}
        self._coming: defaultdict[str, dict[tuple[str, int], Coming]] = defaultdict(dict)
        self._waiting: defaultdict[str, list[WaitingLine]] = defaultdict(list)
        self._impatient: Schedule[WaitingLine] = Schedule()
        self._slips: Schedule[Slip] = Schedule()
        self._deliveries: Schedule[Delivery] = Schedule()
        self._orders: defaultdict[date, list[StreamOrder]] = defaultdict(list)
        for order in stream.orders:
            self._orders[order.placed_at.date()].append(order)
        self._plans: dict[str, PlannedOrder] = {}
        self._dates: set[AnnouncedDate] = set()
        self._closed: list[ClosedLine] = []
        self._by_lead_time: list[WaitingLine] = []
        self._due: Schedule[Judged] = Schedule()
        self._levels = Levels({})
        self._table: QuantileTable = NO_HISTORY
        self.judged: list[Judged] = []

    def run(self) -> list[Judged]:
        """All days; every line that was told a date, and what became of it."""
        today, last = min(self._orders), max(self._orders)
        while today <= last + timedelta(days=DRAIN_DAYS):
            self._morning(today)
            self._receive_all(today)
            for order in self._orders.get(today, ()):
                self._place(order, today)
            self._evening(today)
            today += timedelta(days=1)
        return self.judged

    # -- the parts of a day ------------------------------------------------------------------------

    def _morning(self, today: date) -> None:
        if self._world.target is not None:
            outcomes = [one.outcome() for one in self._due.take(today - timedelta(days=1)) if not one.withdrawn]
            self._levels = self._levels.after(outcomes)
            targets = {self._world.target}
            self._table = build_table(self._table.version + 1, self._history(), today, targets, self._levels.alpha)
        at = datetime.combine(today, time(0, 1), UTC)
        for sku in [sku for sku, lines in self._waiting.items() if lines]:
            passed = self._world.target is None and any(
                one.promise.promise_date and one.promise.promise_date < today for one in self._waiting[sku]
            )
            if self._world.target is not None or passed:
                self._revise(sku, at)

    def _receive_all(self, today: date) -> None:
        at = datetime.combine(today, time(6), UTC)
        moved = set()
        for slip in self._slips.take(today):
            for index, line in enumerate(self._plans[slip.reference].lines):
                coming = self._coming[line.sku].get((slip.reference, index))
                if coming is not None and self._world.told:
                    coming.announce(slip.eta, today)
                    moved.add(line.sku)
        for delivery in self._deliveries.take(today):
            moved |= self._receive(delivery, today, at)
        for sku in sorted(moved):
            if self._waiting[sku]:
                self._revise(sku, at)

    def _receive(self, delivery: Delivery, today: date, at: datetime) -> set[str]:
        plan, touched = self._plans[delivery.reference], set()
        for index, units in delivery.units:
            sku = plan.lines[index].sku
            coming = self._coming[sku].get((delivery.reference, index))
            self._position.changed(sku, max(0, units - (coming.remaining if coming else 0)))
            if coming is not None:
                coming.remaining, coming.received = max(0, coming.remaining - units), coming.received + units
                coming.arrived_on = today
                if not coming.remaining:
                    self._close(sku, (delivery.reference, index), today)
            self._free[sku] += units
            self._serve(sku, at)
            touched.add(sku)
        for index in delivery.closes:
            sku = plan.lines[index].sku
            coming = self._coming[sku].get((delivery.reference, index))
            if coming is not None:
                self._position.changed(sku, -coming.remaining)
                self._close(sku, (delivery.reference, index), today)
                touched.add(sku)
        return touched

    def _close(self, sku: str, key: tuple[str, int], today: date) -> None:
        coming = self._coming[sku].pop(key)
        if self._world.told:
            self._dates.update(coming.announced(today))
            self._closed.append(ClosedLine(coming.supplier, coming.ordered, coming.received, today))

    def _place(self, order: StreamOrder, today: date) -> None:
        behaviour = behaviour_of(order, seed=self._seed)
        patience = behaviour.patience_days
        for number, one in enumerate(order.lines):
            sku = self._catalogue.skus[one.sku]
            self._position.demanded(one.sku, one.quantity, today)
            taken = min(self._free[one.sku], one.quantity)
            if taken < one.quantity and sku.mode == "stock_only":
                self._position.changed(one.sku, one.quantity)
                continue
            self._free[one.sku] -= taken
            if taken < one.quantity:
                line = WaitingLine(
                    f"{order.reference}-{number}", one.sku, one.quantity - taken, order.placed_at, LinePromise()
                )
                self._promise(line, sku)
                self._waiting[one.sku].append(line)
                if patience is not None:
                    self._impatient.add(today + timedelta(days=ceil(patience)), line)

    def _evening(self, today: date) -> None:
        for line in self._impatient.take(today):
            if line.units:
                self._position.changed(line.sku, line.units)
                self._leave(line, None)
        for plan in plan_purchases(self._catalogue, self._position, today, "c"):
            self._order(plan, today)

    def _order(self, plan: PlannedOrder, today: date) -> None:
        self._plans[plan.reference] = plan
        does = plan_deliveries(plan, self._suppliers[plan.supplier_id], seed=self._seed, run="c")
        if self._world.change is not None:
            does = self._world.change(plan, does, self._catalogue.opened_on, self._seed)
        for slip in does.slips:
            self._slips.add(slip.day, slip)
        for delivery in does.deliveries:
            self._deliveries.add(delivery.day, delivery)
        for index, line in enumerate(plan.lines):
            coming = Coming(plan.supplier_id, line.quantity, line.quantity, OpenDate(plan.eta, today))
            self._coming[line.sku][plan.reference, index] = coming
            if self._waiting[line.sku]:
                self._revise(line.sku, plan.ordered_at)

    # -- promising ---------------------------------------------------------------------------------

    def _announced(self, sku: str) -> list[AnnouncedDelivery]:
        """What the system has been told of."""
        coming = self._coming[sku].values() if self._world.told else ()
        return [AnnouncedDelivery(one.supplier, one.open_date.eta, one.remaining) for one in coming]

    def _reliance(self) -> Reliance | None:
        return None if self._world.target is None else Reliance(self._table, self._world.target)

    def _lead_time(self, sku: Sku) -> int:
        if self._world.target is None:
            return sku.lead_time_days
        return self._table.lead_time_days(sku.code, sku.lead_time_days, self._world.target)

    def _promise(self, line: WaitingLine, sku: Sku) -> None:
        today = line.asked_at.date()
        counters = PromiseCounters()
        for other in self._waiting[line.sku]:
            counters.count(other.promise, other.units)
        announced, reliance = self._announced(line.sku), self._reliance()
        expected = expected_of(self._free[line.sku], announced, line.asked_at, _GRACE_DAYS, reliance)
        found = promise(
            expected,
            counters.claimed_units(),
            counters.promised_units(),
            line.units,
            line.asked_at,
            lead_time_days=self._lead_time(sku),
        )
        if found.day is None:
            return
        line.promise = LinePromise(found.day, found.day, found.backed)
        source = None
        if reliance is not None and found.backed:
            source = source_of_supply(announced, found.day, today, reliance)
        elif reliance is not None:
            source = source_of_lead_time(line.sku, sku.lead_time_days, found.day, today, reliance)
        basis = Basis.INBOUND if found.backed else Basis.LEAD_TIME
        target, confidence = self._world.target or DEFAULT_TARGET, source.confidence / 100 if source else 0.0
        supplier = source.source if source else ""
        line.judged = Judged(line.line_id, basis, supplier, target, found.day, today, confidence)
        if not found.backed:
            self._by_lead_time.append(line)
        self.judged.append(line.judged)
        self._due.add(found.day, line.judged)

    def _revise(self, sku: str, at: datetime) -> None:
        lines = {one.line_id: one for one in self._waiting[sku]}
        announced, reliance, learned = self._announced(sku), self._reliance(), None
        expected = expected_of(self._free[sku], announced, at, _GRACE_DAYS, reliance)
        lead_time = self._lead_time(self._catalogue.skus[sku])
        if reliance is not None:
            supply = learned_supply(self._free[sku], announced, at.date(), reliance)
            learned = LearnedDates(supply.median, supply.sources, None, lead_time, reliance.target, self._table.version)
        waiting = [
            Waiting(one.line_id, one.units, one.promise.promise_date, one.asked_at, *one.promise[1:])
            for one in lines.values()
        ]
        revision = Revision(sku, expected, at, lead_time, None, "calibrate", "", learned=learned)
        for line_id, new in revise(waiting, revision).items():
            line = lines[line_id]
            old = line.promise.promise_date
            line.promise = LinePromise(*new)
            if line.judged is not None and new.promise_date != old:
                line.judged.moved(old, new.promise_date, at.date())

    def _serve(self, sku: str, at: datetime) -> None:
        waiting = self._waiting[sku]
        order = sorted(waiting, key=lambda one: (not one.promise.backed, one.promise.claim_date, one.asked_at))
        for line in order:
            units = min(line.units, self._free[sku])
            if not units:
                return
            line.units -= units
            self._free[sku] -= units
            if not line.units:
                self._leave(line, at.date())

    def _leave(self, line: WaitingLine, served_on: date | None) -> None:
        line.units = 0
        self._waiting[line.sku] = [one for one in self._waiting[line.sku] if one is not line]
        if line.judged is not None:
            line.judged.leaves(served_on)

    # -- learning ----------------------------------------------------------------------------------

    def _history(self) -> History:
        open_dates = [date_ for some in self._coming.values() for one in some.values() for date_ in one.announced(None)]
        by_lead_time = [
            LeadTimeLine(
                one.sku,
                one.asked_at.date(),
                self._catalogue.skus[one.sku].lead_time_days,
                one.judged.served_on if one.judged else None,
            )
            for one in self._by_lead_time[-4_000:]
            if one.judged is not None and not one.judged.withdrawn
        ]
        known = [*self._dates, *open_dates] if self._world.told else []
        return History(known, self._closed[-4_000:], by_lead_time)
