"""Whatever happens to the supply, nobody whom it was promised is passed by somebody else whom it serves too early."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.allocation.drawing import units_left

from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.policies.policy import NO_DATE, Demand, Location, Policy, Sort, Supply
from allocation_service.domain.promising.line_promise import LinePromise, PromiseCounters
from allocation_service.domain.promising.promise_dates import (
    UNDATED,
    Expected,
    Outlook,
    expected_supply,
    kept_through,
    loses_cover,
    promise,
)
from allocation_service.domain.promising.promise_revision import Revision, Waiting, revise

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
GRACE = 2


class Granted(NamedTuple):
    """A line that a decision gave units, as it was before."""

    demand: Demand
    units: int


@dataclass
class Shop:
    """One SKU: what is there, announced and waits, with the promises that allocation would make and revise."""

    sort: Sort
    lead: int
    now: datetime = NOW
    free: int = 0
    inbound: dict[int, tuple[datetime, int]] = field(default_factory=dict)
    waiting: dict[str, Demand] = field(default_factory=dict)
    ordered: int = 0

    def expected(self) -> tuple[Expected, ...]:
        return expected_supply(self.free, self.inbound.values(), self.now, GRACE)

    def counters(self) -> PromiseCounters:
        counters = PromiseCounters()
        for one in self.waiting.values():
            counters.count(LinePromise(one.promise_date, one.claim_date or UNDATED, one.backed), one.quantity)
        return counters

    def outlook(self) -> Outlook:
        return Outlook(self.expected(), self.counters().promised_backed())

    # -- what happens --

    def order(self, units: int, rank: int, needed: int) -> None:
        name, at = f"l{self.ordered:02}", self.now + timedelta(seconds=self.ordered)
        self.ordered += 1
        taken = min(self.free, units) if not self.waiting else 0
        self.free -= taken
        if taken == units:
            return
        counters = self.counters()
        day, backed = promise(
            self.expected(),
            counters.claimed_units(),
            counters.promised_units(),
            units - taken,
            self.now,
            lead_time_days=self.lead,
        )
        due = self.now.date() + timedelta(days=needed) if needed else NO_DATE
        self.waiting[name] = Demand(
            name, name, "A", units - taken, at, rank, due, day, claim_date=day or UNDATED, backed=backed
        )

    def cancel(self, which: int) -> None:
        if self.waiting:
            del self.waiting[sorted(self.waiting)[which % len(self.waiting)]]

    def announce(self, po_line: int, days: int, units: int) -> None:
        """A new delivery, another date for a known one, or (0 units) its end."""
        if units:
            self.inbound[po_line] = (self.now + timedelta(days=days), units)
        else:
            self.inbound.pop(po_line, None)

    def receive(self, po_line: int, units: int) -> None:
        """A part of a delivery, early or late, or units that nobody announced."""
        self.free += units
        if po_line in self.inbound:
            eta, left = self.inbound.pop(po_line)
            if left > units:
                self.inbound[po_line] = (eta, left - units)

    def lose(self, units: int) -> None:
        self.free = max(0, self.free - units)

    # -- what allocation does --

    def serve(self) -> list[Granted]:
        if not self.free or not self.waiting:
            return []
        backed = self.counters().claimed_backed()
        through = kept_through(self.expected(), backed, self.free, self.now.date()) if backed else None
        following = min((one.day for one in self.expected()[1:]), default=None)
        supply = Supply("A", (Location("X", 1, self.free),), following, self.lead, None, through)
        granted = []
        for outcome in decide({"A": supply}, list(self.waiting.values()), Policy(sort=self.sort), self.now).outcomes:
            if outcome.granted:
                granted.append(Granted(outcome.demand, outcome.granted))
                self.free -= outcome.granted
                left = outcome.demand.quantity - outcome.granted
                if left:
                    self.waiting[outcome.demand.line_id] = outcome.demand._replace(quantity=left)
                else:
                    del self.waiting[outcome.demand.line_id]
        return granted

    def revise(self) -> None:
        waiting = [
            Waiting(one.line_id, one.quantity, one.promise_date, one.queued_at, one.claim_date or UNDATED, one.backed)
            for one in self.waiting.values()
        ]
        revision = Revision("A", self.expected(), self.now, self.lead, None, "test", "d")
        for line_id, (day, claim, backed) in revise(waiting, revision).items():
            self.waiting[line_id] = self.waiting[line_id]._replace(promise_date=day, claim_date=claim, backed=backed)


DAYS, UNITS = st.integers(0, 14), st.integers(1, 5)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), UNITS, st.integers(0, 3), st.integers(0, 12)),
        st.tuples(st.just("order"), UNITS, st.integers(0, 3), st.integers(0, 12)),
        st.tuples(st.just("announce"), st.integers(0, 2), DAYS, st.integers(0, 6)),
        st.tuples(st.just("announce"), st.integers(0, 2), DAYS, st.integers(0, 6)),
        st.tuples(st.just("receive"), st.integers(0, 4), UNITS),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("lose"), UNITS),
        st.tuples(st.just("wait"), st.integers(1, 5)),
    ),
    min_size=3,
    max_size=14,
)


def _play(shop: Shop, acts: Iterable[tuple[object, ...]]) -> Iterable[tuple[Outlook, list[Granted]]]:
    """Each act with what was expected and promised before stock was given, and who got it."""
    for name, *values in acts:
        if name == "wait":
            shop.now += timedelta(days=int(str(values[0])))
        else:
            getattr(shop, str(name))(*values)
        before = shop.outlook()
        yield before, shop.serve()
        shop.revise()


@settings(max_examples=400)
@given(ACTS, st.sampled_from(Sort), st.sampled_from((0, 10)))
def test_no_decision_takes_from_a_promise_what_it_was_made_of(
    acts: list[tuple[object, ...]], sort: Sort, lead: int
) -> None:
    shop = Shop(sort, lead)
    for before, _ in _play(shop, acts):
        assert not loses_cover(before, shop.outlook(), shop.now.date())


@settings(max_examples=400)
@given(ACTS, st.sampled_from((0, 10)))
def test_in_turn_nobody_is_passed_by_a_later_order_that_was_not_promised_supply_before(
    acts: list[tuple[object, ...]], lead: int
) -> None:
    shop = Shop(Sort.FIFO, lead)
    for _, granted in _play(shop, acts):
        for one in granted:
            for ahead in shop.waiting.values():
                if ahead.queued_at < one.demand.queued_at:
                    assert (one.demand.claim_date or UNDATED) < (ahead.claim_date or UNDATED)
                    assert one.demand.backed or not ahead.backed


@settings(max_examples=400)
@given(ACTS, st.sampled_from(Sort), st.sampled_from((0, 10)))
def test_after_each_act_known_supply_covers_all_that_it_backs_and_would_cover_no_more(
    acts: list[tuple[object, ...]], sort: Sort, lead: int
) -> None:
    shop = Shop(sort, lead)
    last: dict[str, date | None] = {}
    for _ in _play(shop, acts):
        told = {one.line_id: one.promise_date for one in shop.waiting.values()}
        for line_id, day in told.items():
            before = last.get(line_id)
            assert before is None or day is None or day >= before
        last = told
    shop.revise()
    outlook = shop.outlook()
    assert all(units_left(outlook, one.day) >= 0 for one in outlook.expected)
    unbacked = sorted(
        (one for one in shop.waiting.values() if not one.backed),
        key=lambda one: (one.claim_date or UNDATED, one.queued_at),
    )
    assert not unbacked or unbacked[0].quantity > units_left(outlook, UNDATED)
