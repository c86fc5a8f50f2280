"""Whatever is repeated, reordered or collected: what the customer was told adds up to what is true."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from notification_service.domain.lines import ChangeKind, LineChange
from notification_service.domain.messages import MessageTiming
from notification_service.domain.orders import LineAllocation, OrderLineSnapshot, OrderProjection, OrderSnapshot
from notification_service.domain.reasons import NO_REASON

START = datetime(2026, 1, 5, tzinfo=UTC)
TIMING = MessageTiming(timedelta(seconds=60), timedelta(seconds=120), timedelta(seconds=900))
DATES = [None, date(2026, 6, 3), date(2026, 7, 1)]


@dataclass
class Truth:
    """A line as correct order and allocation services would report it."""

    quantity: int = 9
    cancelled: int = 0
    allocated: int = 0
    declined: int = 0
    sequence: int = 1
    version: int = 0
    promise: date | None = None

    @property
    def waiting(self) -> int:
        return self.quantity - self.cancelled - self.declined - self.allocated

    def snapshot(self) -> OrderSnapshot:
        line = OrderLineSnapshot("l1", "A", self.quantity, self.cancelled, 0)
        return OrderSnapshot("o1", self.sequence, "R", "c1", None, START, (line,))

    def allocation(self) -> LineAllocation:
        return LineAllocation(
            "l1",
            "A",
            self.version,
            self.allocated,
            self.waiting,
            self.declined,
            NO_REASON,
            self.promise if self.waiting else None,
        )

    def step(self, chance: random.Random) -> "list[OrderSnapshot | LineAllocation]":
        """One thing that happens, and what is published of it."""
        self.version += 1
        match chance.choice(["grant", "take", "cancel", "slip"]):
            case "grant" if self.waiting:
                self.allocated += chance.randint(1, self.waiting)
            case "take" if self.allocated:
                self.allocated -= chance.randint(1, self.allocated)
            case "cancel" if self.waiting:
                self.cancelled += chance.randint(1, self.waiting)
                self.sequence += 1
                return [self.snapshot(), self.allocation()]
            case _:
                self.promise = chance.choice(DATES)
        return [self.allocation()]


@dataclass
class Customer:
    """The projection of the order, and everything that its customer was told."""

    order: OrderProjection = field(default_factory=lambda: OrderProjection("o1"))
    told: list[LineChange] = field(default_factory=list)
    now: datetime = START
    events: int = 0

    def take(self, fact: OrderSnapshot | LineAllocation) -> None:
        self.events += 1
        changed = (
            self.order.apply_order(fact) if isinstance(fact, OrderSnapshot) else self.order.apply_allocations([fact])
        )
        if changed:
            self.order.schedule_message(f"e{self.events}", self.now, TIMING)

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if self.order.message_due is not None and self.order.message_due.due_at <= self.now:
            message = self.order.take_message()
            for section in message.sections if message else ():
                self.told.extend(section.changes)

    def units(self, kind: ChangeKind) -> int:
        return sum(change.quantity for change in self.told if change.kind is kind)


@pytest.mark.parametrize("seed", range(200))
def test_what_was_told_adds_up_to_what_is_true(seed: int) -> None:
    chance = random.Random(seed)
    truth, customer = Truth(), Customer()
    facts: list[OrderSnapshot | LineAllocation] = [truth.snapshot(), truth.allocation()]
    for _ in range(chance.randint(1, 15)):
        facts += truth.step(chance)
    late: list[OrderSnapshot | LineAllocation] = []
    for fact in facts:
        # Some facts are late and some come twice, in any order.
        if chance.random() < 0.2:
            late.append(fact)
        else:
            for _ in range(chance.randint(1, 2)):
                customer.take(fact)
        customer.wait(chance.choice([0, 10, 90, 400]))
    chance.shuffle(late)
    for fact in late:
        customer.take(fact)
    customer.wait(10_000)
    assert customer.order.message_due is None
    assert customer.order.pending_changes() == ()

    line = customer.order.lines["l1"]
    assert (line.granted, line.waiting, line.cancelled) == (truth.allocated, truth.waiting, truth.cancelled)
    assert line.baseline == line.current()
    assert customer.units(ChangeKind.CANCELLED) == truth.cancelled

    told_before = list(customer.told)
    for fact in chance.sample(facts, len(facts)):
        customer.take(fact)
        customer.wait(1_000)
    assert customer.told == told_before, "a replay in any order tells nothing"


def test_the_last_date_told_is_the_true_one() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        truth, customer = Truth(), Customer()
        customer.take(truth.snapshot())
        for _ in range(12):
            for fact in truth.step(chance):
                customer.take(fact)
            customer.wait(chance.choice([0, 30, 200]))
        customer.wait(10_000)
        if truth.waiting:
            dated = [change for change in customer.told if change.waiting]
            assert dated[-1].promise_date == truth.promise, f"seed {seed}"
