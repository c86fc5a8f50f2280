"""Whatever happens to one SKU in whatever order, allocation does what a clerk would who hands out unit by unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.allocation.drawing import NOW, TIERS

from allocation_service.domain.allocating.deallocation import Holding, deallocate
from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.allocating.deciding_new_demand import NewDemand, decide_line
from allocation_service.domain.demand.line import Line
from allocation_service.domain.policies.policy import (
    NO_DATE,
    Ageing,
    Demand,
    Location,
    Moment,
    Policy,
    Share,
    Sort,
    Supply,
)
from allocation_service.domain.supply.selling_terms import Terms

POLICIES = (
    Policy(tiers=TIERS),
    Policy(sort=Sort.PRIORITY, tiers=TIERS),
    Policy(sort=Sort.EARLIEST_DUE, tiers=TIERS),
    Policy(sort=Sort.VALUE_INDEX, tiers=TIERS),
    Policy(sort=Sort.PRIORITY, tiers=TIERS, ageing=Ageing(2, 9)),
    Policy(share=Share.MAX_MIN, tiers=TIERS),
    Policy(sort=Sort.PRIORITY, share=Share.MAX_MIN, tiers=TIERS),
    Policy(sort=Sort.PRIORITY, share=Share.MAX_MIN, tiers=TIERS, ageing=Ageing(3, 12)),
)
HORIZON = 30


@dataclass
class Paper:
    """A line as the clerk keeps it: one entry for each unit that is wanted, the moment it was asked for."""

    name: str
    tier: int
    needed_by: date
    customer: str
    units: list[datetime] = field(default_factory=list)
    granted: int = 0
    shipped: int = 0

    def due(self, queued_at: datetime) -> date:
        if self.needed_by != NO_DATE:
            return self.needed_by
        return queued_at.date() + timedelta(days=TIERS[min(self.tier, 2)].due_days)


class Clerk:
    """Hands out and takes back one unit after the other, looking at everybody anew for each."""

    def __init__(self) -> None:
        self.papers: dict[str, Paper] = {}
        self.on_hand = 0
        self.policy, self.now = POLICIES[0], NOW

    def group(self, paper: Paper, queued_at: datetime) -> tuple[Any, ...]:
        waited = self.now - queued_at
        top, rank = 1, paper.tier
        if self.policy.ageing:
            top = 0 if waited > timedelta(days=self.policy.ageing.max_days) else 1
            rank = max(0, rank - waited.days // self.policy.ageing.step_days)
        match self.policy.sort:
            case Sort.PRIORITY:
                return (top, rank)
            case Sort.VALUE_INDEX:
                tier = TIERS[min(paper.tier, 2)]
                days_left = (paper.due(queued_at) - self.now.date()).days
                late = min(HORIZON, max(0, HORIZON - max(0, days_left)))
                return (top, -tier.weight * (late + 30 * (1 - math.exp(-HORIZON / tier.patience_days))))
        return (top,)

    def key(self, paper: Paper, queued_at: datetime) -> tuple[Any, ...]:
        day = {Sort.FIFO: NO_DATE, Sort.PRIORITY: paper.needed_by}.get(self.policy.sort, paper.due(queued_at))
        return (*self.group(paper, queued_at), day, queued_at, paper.name)

    def settle(self) -> None:
        missing = sum(paper.granted - paper.shipped for paper in self.papers.values()) - self.on_hand
        if missing > 0:
            self._take_back(missing)
        else:
            self._hand_out(-missing)

    def _hand_out(self, free: int) -> None:
        got: dict[tuple[Any, ...], int] = {}
        weights: dict[tuple[Any, ...], int] = {}
        order: list[tuple[tuple[Any, ...], str, tuple[Any, ...]]] = []
        for paper in self.papers.values():
            for queued_at in sorted(set(paper.units[paper.granted :])):
                order.append((self.key(paper, queued_at), paper.customer, self.group(paper, queued_at)))
                mine = (self.group(paper, queued_at), paper.customer)
                weights[mine] = max(weights.get(mine, 0), TIERS[min(paper.tier, 2)].weight)
        first = {(group, customer): key for key, customer, group in sorted(order, reverse=True)}
        while free:
            waiting = [p for p in self.papers.values() if p.granted < len(p.units)]
            if not waiting:
                return
            best = min(waiting, key=lambda p: self._turn(p, p.units[p.granted], got, weights, first))
            mine = (self.group(best, best.units[best.granted]), best.customer)
            got[mine] = got.get(mine, 0) + 1
            best.granted += 1
            free -= 1

    def _turn(
        self,
        paper: Paper,
        queued_at: datetime,
        got: dict[tuple[Any, ...], int],
        weights: dict[tuple[Any, ...], int],
        first: dict[tuple[Any, ...], tuple[Any, ...]],
    ) -> tuple[Any, ...]:
        key = self.key(paper, queued_at)
        if self.policy.share is Share.SEQUENTIAL:
            return key
        group = self.group(paper, queued_at)
        mine = (group, paper.customer)
        return (*group, (2 * got.get(mine, 0) + 1) / weights[mine], first[mine], key)

    def _take_back(self, missing: int) -> None:
        """The worst go without, class by class; a class that shares hands out anew what it may keep."""
        holders = [p for p in self.papers.values() if p.granted > p.shipped]
        if self.policy.share is Share.SEQUENTIAL:
            while missing:
                last = max((p for p in holders if p.granted > p.shipped), key=lambda p: self.key(p, p.units[0]))
                last.granted -= 1
                missing -= 1
            return
        for group in sorted({self.group(p, p.units[0]) for p in holders}, reverse=True):
            members = sorted(
                (p for p in holders if self.group(p, p.units[0]) == group), key=lambda p: self.key(p, p.units[0])
            )
            held = {p.name: p.granted - p.shipped for p in members}
            keep = max(0, sum(held.values()) - missing)
            missing -= sum(held.values()) - keep
            for name, units in self._shares(members, held, keep).items():
                self.papers[name].granted = self.papers[name].shipped + units

    @staticmethod
    def _shares(members: list[Paper], held: dict[str, int], keep: int) -> dict[str, int]:
        kept = dict.fromkeys(held, 0)
        customers = list(dict.fromkeys(p.customer for p in members))
        weights = {c: max(TIERS[min(p.tier, 2)].weight for p in members if p.customer == c) for c in customers}
        for _ in range(keep):
            open_to = [p for p in members if kept[p.name] < held[p.name]]
            got = {c: sum(kept[p.name] for p in members if p.customer == c) for c in customers}
            best = min(
                open_to,
                key=lambda p: ((2 * got[p.customer] + 1) / weights[p.customer], customers.index(p.customer)),
            )
            kept[best.name] += 1
        return kept


class Office:
    """The same by allocation's own functions."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.papers: dict[str, Paper] = {}
        self.on_hand = 0
        self.policy, self.now = POLICIES[0], NOW

    def supply(self) -> Supply:
        free = self.on_hand - sum(line.unshipped for line in self.lines.values())
        return Supply("A", (Location("X", 1, free),))

    def place(self, paper: Paper, line: Line) -> None:
        new_demand = NewDemand(paper.name, "A", line.undecided, line.undecided)
        placed = decide_line(new_demand, self.supply(), Terms("backorder", None, 0), lambda sku, units: None, None)
        line.accept(line.undecided)
        for location, units in placed.grants:
            line.grant(location, units)

    def settle(self) -> None:
        free = self.supply().locations[0].free
        if free < 0:
            holdings = [
                Holding(n, one.unshipped, one.layers[0].queued_at, p.tier, p.needed_by, p.customer)
                for n, one in self.lines.items()
                for p in [self.papers[n]]
                if one.unshipped
            ]
            for loss in deallocate(-free, holdings, self.policy, Moment(self.now)):
                self.lines[loss.holding.line_id].deallocate("X", loss.units)
            return
        demands = [
            Demand(n, n, "A", entry.quantity, entry.queued_at, p.tier, p.needed_by, customer_id=p.customer)
            for n, line in self.lines.items()
            for p in [self.papers[n]]
            for entry in line.entries()
        ]
        for outcome in decide({"A": self.supply()}, demands, self.policy, self.now).outcomes:
            for location, units in outcome.grants:
                self.lines[outcome.demand.line_id].grant(location, units)


class Ledger(RuleBasedStateMachine):
    """One SKU at one location; the office and the clerk hear of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.clerk, self.office = Clerk(), Office()
        self.asked: dict[str, tuple[int, int]] = {}

    def settle(self) -> None:
        self.clerk.settle()
        self.office.settle()

    def stock(self, change: int) -> None:
        self.clerk.on_hand = self.office.on_hand = max(0, self.clerk.on_hand + change)

    def hear(self, name: str, quantity: int, cancelled: int) -> None:
        paper = self.clerk.papers[name]
        self.asked[name] = (quantity, cancelled)
        shipped = {"X": paper.shipped} if paper.shipped else {}
        self.office.lines[name].learn(quantity, cancelled, shipped, self.office.now)

    @rule(
        units=st.integers(1, 7),
        tier=st.integers(0, 3),
        days=st.sampled_from((None, 0, 5, 20)),
        customer=st.sampled_from("abc"),
    )
    def place(self, units: int, tier: int, days: int | None, customer: str) -> None:
        name = f"l{len(self.asked):02}"
        day = NO_DATE if days is None else self.office.now.date() + timedelta(days=days)
        paper = Paper(name, tier, day, customer, [self.office.now] * units)
        self.clerk.papers[name] = self.office.papers[name] = paper
        line = self.office.lines[name] = Line(name, name, "A")
        self.hear(name, units, 0)
        self.office.place(paper, line)
        self.settle()

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 99), units=st.integers(1, 4))
    def amend(self, n: int, units: int) -> None:
        name = sorted(self.asked)[n % len(self.asked)]
        quantity, cancelled = self.asked[name]
        self.clerk.papers[name].units += [self.office.now] * units
        self.hear(name, quantity + units, cancelled)
        line = self.office.lines[name]
        line.accept(line.undecided)
        self.settle()

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 99), units=st.integers(1, 7))
    def cancel(self, n: int, units: int) -> None:
        name = sorted(self.asked)[n % len(self.asked)]
        paper = self.clerk.papers[name]
        units = min(units, len(paper.units) - paper.shipped)
        del paper.units[len(paper.units) - units :]
        paper.granted = min(paper.granted, len(paper.units))
        quantity, cancelled = self.asked[name]
        self.hear(name, quantity, cancelled + units)
        self.settle()

    @rule(units=st.integers(1, 12))
    def receive(self, units: int) -> None:
        self.stock(units)
        self.settle()

    @rule(units=st.integers(1, 8))
    def count_down(self, units: int) -> None:
        self.stock(-units)
        self.settle()

    @precondition(lambda self: any(p.granted > p.shipped for p in self.clerk.papers.values()))
    @rule(n=st.integers(0, 99), units=st.integers(1, 5))
    def ship(self, n: int, units: int) -> None:
        ready = sorted(p.name for p in self.clerk.papers.values() if p.granted > p.shipped)
        paper = self.clerk.papers[ready[n % len(ready)]]
        units = min(units, paper.granted - paper.shipped)
        paper.shipped += units
        self.stock(-units)
        self.hear(paper.name, *self.asked[paper.name])
        self.settle()

    @rule(policy=st.sampled_from(POLICIES))
    def change_policy(self, policy: Policy) -> None:
        self.clerk.policy = self.office.policy = policy
        self.settle()

    @rule(hours=st.sampled_from((1, 7, 50, 200)))
    def wait(self, hours: int) -> None:
        self.clerk.now = self.office.now = self.office.now + timedelta(hours=hours)

    @invariant()
    def both_gave_the_same(self) -> None:
        assert {name: line.granted_units for name, line in self.office.lines.items()} == {
            name: paper.granted for name, paper in self.clerk.papers.items()
        }

    @invariant()
    def nothing_is_lost_and_nothing_idle(self) -> None:
        free = self.office.supply().locations[0].free
        assert free >= 0
        for line in self.office.lines.values():
            assert line.quantity == line.granted_units + line.waiting + line.declined + line.cancelled
            assert not (free and line.waiting)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
