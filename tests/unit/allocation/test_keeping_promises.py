"""Whatever the sort, stock that comes as it was announced keeps every promise that was made of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.policies.policy import NO_DATE, Demand, Location, Moment, Policy, Sort, Supply
from allocation_service.domain.policies.sorting import Protection, Ranking, is_on_top
from allocation_service.domain.promising.promise_dates import Expected, covered_from, expected_supply, kept_through

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = NOW.date()
SORTS = st.sampled_from(Sort)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def demand(
    name: str,
    units: int,
    promised: date | None,
    *,
    rank: int = 3,
    queued: int = 0,
    needed: date = NO_DATE,
    claim: date | None = None,
    backed: bool = True,
) -> Demand:
    at = NOW - timedelta(minutes=100 - queued)
    claim = claim or promised
    return Demand(name, name, "A", units, at, rank, needed, promised, claim_date=claim, backed=backed and bool(claim))


class Delivery(NamedTuple):
    """Announced for a day, it comes in parts, on that day or up to so many days ``early``."""

    day: int
    parts: tuple[int, ...]
    early: int

    @property
    def comes(self) -> int:
        return max(0, self.day - self.early)


DELIVERIES = st.lists(
    st.builds(
        Delivery,
        st.integers(0, 12),
        st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
        st.sampled_from((0, 0, 3)),
    ),
    min_size=1,
    max_size=4,
)
ORDERS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 3), st.one_of(st.just(NO_DATE), st.integers(0, 20).map(day))),
    min_size=1,
    max_size=12,
)


@given(DELIVERIES, ORDERS, SORTS)
def test_promises_made_of_announced_supply_are_kept_under_every_sort(
    deliveries: list[Delivery], orders: list[tuple[int, int, date]], sort: Sort
) -> None:
    """Orders are promised by the deliveries; those that none reaches are promised a day behind them all, and
    are asked for by better customers as well as by others."""
    policy = Policy(sort=sort)
    announced = [(one.day, units) for one in deliveries for units in one.parts]
    waiting: dict[str, Demand] = {}
    for number, (units, rank, needed) in enumerate(orders):
        found = covered_from(_expected(announced, NOW), _claimed(waiting), units, TODAY)
        waiting[f"l{number}"] = demand(
            f"l{number}", units, found or day(20), rank=rank, queued=number, needed=needed, backed=found is not None
        )
    free = 0
    for number, on, units in sorted((one.comes, one.day, units) for one in deliveries for units in one.parts):
        now = NOW + timedelta(days=number)
        announced.remove((on, units))
        free += units
        expected = (Expected(now.date(), free), *_expected(announced, now)[1:])
        through = kept_through(expected, _claimed(waiting, backed=True), free, now.date())
        next_supply = day(min(announced)[0]) if announced else None
        supply = {"A": Supply("A", (Location("X", 1, free),), next_supply, 20, None, through)}
        for outcome in decide(supply, list(waiting.values()), policy, now).outcomes:
            free -= outcome.granted
            left = outcome.demand.quantity - outcome.granted
            if left:
                waiting[outcome.demand.line_id] = outcome.demand._replace(quantity=left)
            else:
                del waiting[outcome.demand.line_id]
        coming = min(announced, default=(20, 0))[0]
        late = [one for one in waiting.values() if one.promise_date is not None and one.promise_date < day(coming)]
        assert not late


def _expected(announced: list[tuple[int, int]], now: datetime) -> tuple[Expected, ...]:
    return expected_supply(0, [(NOW + timedelta(days=number), units) for number, units in announced], now, 2)


def _claimed(waiting: dict[str, Demand], *, backed: bool = False) -> dict[date, int]:
    found: dict[date, int] = {}
    for one in waiting.values():
        if one.claim_date is not None and (one.backed or not backed):
            found[one.claim_date] = found.get(one.claim_date, 0) + one.quantity
    return found


def test_the_first_part_of_a_delivery_does_not_go_to_whoever_is_promised_later() -> None:
    expected = (Expected(TODAY, 5), Expected(TODAY, 5))
    assert kept_through(expected, {TODAY: 10}, 5, TODAY) == TODAY
    assert kept_through(expected, {TODAY: 5}, 5, TODAY) is None, "the rest will do for the promise"


def test_stock_that_others_may_have_is_not_tied_to_the_promises_of_later_supply() -> None:
    expected = (Expected(TODAY, 3), Expected(day(30), 9))
    assert kept_through(expected, {day(2): 2, day(30): 2}, 3, TODAY) == day(2)
    assert kept_through(expected, {day(30): 9}, 3, TODAY) is None
    assert kept_through(expected, {day(30): 10}, 3, TODAY) == day(30)


def test_a_delivery_that_comes_early_goes_to_those_it_was_promised_to() -> None:
    assert kept_through((Expected(TODAY, 10),), {day(3): 10}, 10, TODAY) == day(3)


def test_a_delivery_that_comes_late_goes_to_those_it_was_promised_to() -> None:
    assert kept_through((Expected(TODAY, 10),), {day(-3): 10}, 10, TODAY) == day(-3)


def test_promises_by_the_lead_time_tie_nothing() -> None:
    assert kept_through((Expected(TODAY, 3),), {}, 3, TODAY) is None


@given(st.dictionaries(st.integers(-3, 12).map(day), st.integers(1, 6)), DELIVERIES, st.integers(0, 9))
def test_through_is_the_last_day_on_which_the_claims_leave_less_than_is_given(
    backed: dict[date, int], deliveries: list[Delivery], free: int
) -> None:
    coming = [(NOW + timedelta(days=one.day), sum(one.parts)) for one in deliveries]
    expected = expected_supply(free, coming, NOW, 2)
    tight = [
        on
        for on in backed
        if sum(one.units for one in expected if one.day <= max(on, TODAY))
        - sum(units for other, units in backed.items() if other <= on)
        < free
    ]
    assert kept_through(expected, backed, free, TODAY) == max(tight, default=None)


@given(SORTS)
def test_kept_promises_are_served_by_claim_and_queue_and_the_sort_decides_about_the_others(sort: Sort) -> None:
    moment = Moment(NOW, day(4), 7, day(4))
    queue = {
        "moved, old": demand("moved, old", 1, day(9), queued=9, claim=day(-3)),
        "today": demand("today", 1, day(0), queued=8),
        "day 4, first": demand("day 4, first", 1, day(4), queued=2),
        "day 4, gold": demand("day 4, gold", 1, day(4), rank=0, queued=3, needed=day(1)),
        "unbacked, old": demand("unbacked, old", 1, day(-3), queued=1, backed=False),
        "unbacked, gold": demand("unbacked, gold", 1, day(-1), rank=0, queued=9, needed=day(1), backed=False),
        "later, gold": demand("later, gold", 1, day(9), rank=0, queued=0, needed=day(1)),
        "no date": demand("no date", 1, None, queued=5, needed=day(30)),
    }
    key = Ranking(Policy(sort=sort), moment).key
    at_risk = ["unbacked, old", "unbacked, gold"] if sort is Sort.FIFO else ["unbacked, gold", "unbacked, old"]
    ranked = sorted(queue, key=lambda name: key(queue[name]))
    kept = ["moved, old", "today", "day 4, first", "day 4, gold"]
    assert ranked == [*kept, *at_risk, "later, gold", "no date"]
    assert [is_on_top(key(queue[name])) for name in ranked] == [True] * 6 + [False] * 2


@given(SORTS)
def test_decisions_of_before_promises_had_claims_went_by_their_dates(sort: Sort) -> None:
    moment = Moment(NOW, day(4), 7, day(4), by_claim=False)
    queue = {
        "broken, gold": demand("broken, gold", 1, day(-1), rank=0, queued=9, needed=day(1)),
        "broken, old": demand("broken, old", 1, day(-3), queued=1),
        "today": demand("today", 1, day(0), queued=8, backed=False),
        "day 4, first": demand("day 4, first", 1, day(4), queued=2),
        "day 4, gold": demand("day 4, gold", 1, day(4), rank=0, queued=3, needed=day(1)),
        "later, gold": demand("later, gold", 1, day(9), rank=0, queued=0, needed=day(1)),
        "no date": demand("no date", 1, None, queued=5, needed=day(30)),
    }
    key = Ranking(Policy(sort=sort), moment).key
    broken = ["broken, old", "broken, gold"] if sort is Sort.FIFO else ["broken, gold", "broken, old"]
    ranked = sorted(queue, key=lambda name: key(queue[name]))
    assert ranked == [*broken, "today", "day 4, first", "day 4, gold", "later, gold", "no date"]
    assert [is_on_top(key(queue[name])) for name in ranked] == [True] * 5 + [False] * 2


def test_without_protection_a_promise_has_no_say() -> None:
    moment = Moment(NOW, day(4), 7, day(4))
    policy = Policy(sort=Sort.PRIORITY, protect_promises=False)
    assert Protection.of(policy, moment).through == date.min
    key = Ranking(policy, moment).key
    assert key(demand("gold", 1, None, rank=0)) < key(demand("standard", 1, day(0)))
