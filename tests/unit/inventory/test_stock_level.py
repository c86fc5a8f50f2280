"""The level of one SKU at one location: single rules by example, all of them together against a naive model."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inventory_service.domain.errors import BelowZero, LevelTooLarge
from inventory_service.domain.stock_level import MAX_UNITS, EntryKind, LaterMovements, LevelKey, Source, StockLevel

START = datetime(2010, 12, 1, tzinfo=UTC)
SOURCE = Source("document", "1")


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def a_level(on_hand: int = 0, counted_hour: int | None = None) -> StockLevel:
    counted_at = None if counted_hour is None else at(counted_hour)
    return StockLevel(LevelKey("lamp", "main"), on_hand=on_hand, version=1, counted_at=counted_at)


def kinds(level: StockLevel) -> list[tuple[EntryKind, int, int]]:
    return [(entry.kind, entry.on_hand_delta, entry.shipped_delta) for entry in level.entries]


def test_a_shipment_moves_units_from_on_hand_to_shipped_and_leaves_the_supply():
    level = a_level(10)
    level.ship(4, at(1), SOURCE)
    assert (level.on_hand, level.shipped, level.supply, level.version) == (6, 4, 10, 2)
    assert kinds(level) == [(EntryKind.SHIPMENT, -4, 4)]


def test_a_shipment_beyond_on_hand_first_records_the_missing_units_as_found():
    level = a_level(3)
    level.ship(5, at(1), SOURCE)
    assert (level.on_hand, level.shipped, level.supply) == (0, 5, 5)
    assert kinds(level) == [(EntryKind.FOUND, 2, 0), (EntryKind.SHIPMENT, -5, 5)]


@pytest.mark.parametrize("hour", [4, 5])
def test_a_shipment_up_to_the_last_count_was_counted_and_leaves_on_hand(hour: int):
    level = a_level(7, counted_hour=5)
    level.ship(2, at(hour), SOURCE)
    assert (level.on_hand, level.shipped, level.supply) == (7, 2, 9)


def test_a_shipment_after_the_last_count_reduces_on_hand():
    level = a_level(7, counted_hour=5)
    level.ship(2, at(6), SOURCE)
    assert (level.on_hand, level.shipped) == (5, 2)


def test_units_received_before_the_last_count_were_counted_and_leave_on_hand():
    level = a_level(7, counted_hour=5)
    level.receive(4, at(4), EntryKind.RECEIPT, SOURCE)
    assert (level.on_hand, level.version) == (7, 2)
    assert kinds(level) == [(EntryKind.RECEIPT, 4, 0), (EntryKind.ALREADY_COUNTED, -4, 0)]


def test_an_adjustment_below_zero_is_refused_and_changes_nothing():
    level = a_level(3)
    with pytest.raises(BelowZero, match="3 units"):
        level.adjust(-4, at(1), SOURCE)
    assert (level.on_hand, level.version, level.entries) == (3, 1, [])


def test_a_level_beyond_what_the_contract_can_say_is_refused():
    level = a_level(MAX_UNITS)
    with pytest.raises(LevelTooLarge):
        level.receive(1, at(1), EntryKind.RECEIPT, SOURCE)
    with pytest.raises(LevelTooLarge):
        level.adjust(1, at(1), SOURCE)


def test_a_count_keeps_what_moved_after_it_on_top():
    level = a_level(10)
    level.count(8, at(5), LaterMovements(total=-3, lowest=-3), SOURCE)
    assert level.on_hand == 5


def test_what_left_after_a_count_without_being_counted_was_found():
    level = a_level(4)
    # Counted 2, then 5 left, then 3 came: 3 are there, not 0.
    level.count(2, at(5), LaterMovements(total=-2, lowest=-5), SOURCE)
    assert level.on_hand == 3


def test_a_count_older_than_the_last_one_changes_nothing():
    level = a_level(10, counted_hour=5)
    assert not level.count(1, at(4), LaterMovements(), SOURCE)
    assert (level.on_hand, level.counted_at, level.version) == (10, at(5), 1)
    [entry] = level.entries
    assert (entry.kind, entry.on_hand_delta, entry.source.reason) == (
        EntryKind.SUPERSEDED,
        0,
        "a count as of 2010-12-01T05:00:00Z was recorded before",
    )


def test_a_count_that_finds_what_was_expected_keeps_the_version_but_is_remembered():
    level = a_level(10)
    assert level.count(10, at(5), LaterMovements(), SOURCE)
    assert (level.version, level.counted_at) == (1, at(5))
    assert kinds(level) == [(EntryKind.COUNT, 0, 0)]


@dataclass
class NaiveStock:
    """What a person with a notebook would say: facts by business time, and the newest count."""

    on_hand: int = 0
    shipped: int = 0
    counted_at: datetime | None = None
    moves: list[tuple[datetime, int]] = field(default_factory=list)

    def move(self, delta: int, moment: datetime, *, seen_by_count: bool) -> None:
        if not seen_by_count:
            self.on_hand = max(0, self.on_hand + delta)
        self.moves.append((moment, delta))

    def later_than(self, moment: datetime) -> list[int]:
        ordered = sorted(enumerate(self.moves), key=lambda numbered: (numbered[1][0], numbered[0]))
        return [delta for _, (when, delta) in ordered if when > moment]

    def count(self, counted: int, moment: datetime) -> None:
        if self.counted_at is not None and moment < self.counted_at:
            return
        self.on_hand = counted
        for delta in self.later_than(moment):
            self.on_hand = max(0, self.on_hand + delta)
        self.counted_at = moment


hours = st.integers(min_value=0, max_value=20)
units = st.integers(min_value=1, max_value=9)


class StockMachine(RuleBasedStateMachine):
    """Receipts, returns, shipments, adjustments and counts in any order of reporting and of business time."""

    def __init__(self) -> None:
        super().__init__()
        self.level = a_level()
        self.level.version = 0
        self.naive = NaiveStock()
        self.versions = [0]

    @rule(quantity=units, hour=hours, kind=st.sampled_from([EntryKind.RECEIPT, EntryKind.RETURN, EntryKind.OPENING]))
    def receive(self, quantity: int, hour: int, kind: EntryKind) -> None:
        counted = self.naive.counted_at
        self.naive.move(quantity, at(hour), seen_by_count=counted is not None and at(hour) < counted)
        self.level.receive(quantity, at(hour), kind, SOURCE)

    @rule(quantity=units, hour=hours)
    def ship(self, quantity: int, hour: int) -> None:
        counted = self.naive.counted_at
        self.naive.move(-quantity, at(hour), seen_by_count=counted is not None and at(hour) <= counted)
        self.naive.shipped += quantity
        self.level.ship(quantity, at(hour), SOURCE)

    @rule(delta=st.integers(min_value=-9, max_value=9).filter(bool), hour=hours)
    def adjust(self, delta: int, hour: int) -> None:
        late = self.naive.counted_at is not None and at(hour) < self.naive.counted_at
        if not late and self.naive.on_hand + delta < 0:
            with pytest.raises(BelowZero):
                self.level.adjust(delta, at(hour), SOURCE)
            return
        self.naive.move(delta, at(hour), seen_by_count=late)
        self.level.adjust(delta, at(hour), SOURCE)

    @rule(counted=st.integers(min_value=0, max_value=30), hour=hours)
    def count(self, counted: int, hour: int) -> None:
        # What the database adds up from the ledger for the domain.
        running, lowest = 0, 0
        for delta in self.naive.later_than(at(hour)):
            running += delta
            lowest = min(lowest, running)
        self.naive.count(counted, at(hour))
        self.level.count(counted, at(hour), LaterMovements(running, lowest), SOURCE)

    @precondition(lambda self: self.level.on_hand > 0)
    @rule(hour=hours)
    def ship_everything(self, hour: int) -> None:
        self.ship(self.level.on_hand, hour)

    @invariant()
    def agrees_with_the_notebook(self) -> None:
        assert (self.level.on_hand, self.level.shipped) == (self.naive.on_hand, self.naive.shipped)
        assert self.level.counted_at == self.naive.counted_at

    @invariant()
    def is_the_sum_of_its_ledger(self) -> None:
        entries = self.level.entries
        assert sum(entry.on_hand_delta for entry in entries) == self.level.on_hand >= 0
        assert sum(entry.shipped_delta for entry in entries) == self.level.shipped
        assert sum(entry.on_hand_delta + entry.shipped_delta for entry in entries) == self.level.supply
        assert all(entry.on_hand_after >= 0 for entry in entries)

    @invariant()
    def versions_only_grow(self) -> None:
        self.versions.append(self.level.version)
        assert self.versions[-2] <= self.versions[-1] <= self.versions[-2] + 1


StockMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyHistoryOfALevel = StockMachine.TestCase
