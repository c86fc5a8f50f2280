"""Whatever is repeated, reordered or gathered: what was told adds up to what is true."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from notification_service.domain.lines import ChangeKind, LineChange
from notification_service.domain.messages import Holding
from notification_service.domain.orders import LineAnswer, OrderedLine, OrderReport, WatchedOrder

START = datetime(2026, 1, 5, tzinfo=UTC)
HOLDING = Holding(timedelta(seconds=60), timedelta(seconds=120), timedelta(seconds=900))
DATES = [None, date(2026, 6, 3), date(2026, 7, 1)]


@dataclass
class Truth:
    """A line as a correct allocation and order would report it."""

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

    def report(self) -> OrderReport:
        line = OrderedLine("l1", "A", self.quantity, self.cancelled, 0)
        return OrderReport("o1", self.sequence, "R", "c1", None, START, (line,))

    def answer(self) -> LineAnswer:
        return LineAnswer(
            "l1",
            "A",
            self.version,
            self.allocated,
            self.waiting,
            self.declined,
            "",
            self.promise if self.waiting else None,
        )

    def step(self, chance: random.Random) -> "list[OrderReport | LineAnswer]":
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
                return [self.report(), self.answer()]
            case _:
                self.promise = chance.choice(DATES)
        return [self.answer()]


@dataclass
class Reader:
    """The service's side of it, with all that it said."""

    order: WatchedOrder = field(default_factory=lambda: WatchedOrder("o1"))
    said: list[LineChange] = field(default_factory=list)
    now: datetime = START
    events: int = 0

    def take(self, fact: OrderReport | LineAnswer) -> None:
        self.events += 1
        changed = self.order.ordered(fact) if isinstance(fact, OrderReport) else self.order.answered([fact])
        if changed:
            self.order.review(f"e{self.events}", self.now, HOLDING)

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if self.order.due is not None and self.order.due.due_at <= self.now:
            message = self.order.tell()
            for section in message.sections if message else ():
                self.said.extend(section.changes)

    def units(self, kind: ChangeKind) -> int:
        return sum(change.quantity for change in self.said if change.kind is kind)


@pytest.mark.parametrize("seed", range(200))
def test_what_was_told_adds_up_to_what_is_true(seed: int) -> None:
    chance = random.Random(seed)
    truth, reader = Truth(), Reader()
    facts: list[OrderReport | LineAnswer] = [truth.report(), truth.answer()]
    for _ in range(chance.randint(1, 15)):
        facts += truth.step(chance)
    late: list[OrderReport | LineAnswer] = []
    for fact in facts:
        # Some facts are late, some come twice; each kind keeps no order at all.
        if chance.random() < 0.2:
            late.append(fact)
        else:
            for _ in range(chance.randint(1, 2)):
                reader.take(fact)
        reader.wait(chance.choice([0, 10, 90, 400]))
    chance.shuffle(late)
    for fact in late:
        reader.take(fact)
    reader.wait(10_000)
    assert reader.order.due is None
    assert reader.order.untold() == ()

    line = reader.order.lines["l1"]
    assert (line.allocated, line.waiting, line.cancelled) == (truth.allocated, truth.waiting, truth.cancelled)
    assert line.told == line.current()
    assert reader.units(ChangeKind.CANCELLED) == truth.cancelled

    said_before = list(reader.said)
    for fact in chance.sample(facts, len(facts)):
        reader.take(fact)
        reader.wait(1_000)
    assert reader.said == said_before, "a replay in any order says nothing"


def test_the_last_date_told_is_the_true_one() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        truth, reader = Truth(), Reader()
        reader.take(truth.report())
        for _ in range(12):
            for fact in truth.step(chance):
                reader.take(fact)
            reader.wait(chance.choice([0, 30, 200]))
        reader.wait(10_000)
        if truth.waiting:
            dated = [change for change in reader.said if change.waiting]
            assert dated[-1].promise_date == truth.promise, f"seed {seed}"
