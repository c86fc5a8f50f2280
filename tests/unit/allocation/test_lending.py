"""Lending: never unsafely, never from whoever needs it now, nothing created or lost, and computed again alike."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.decisions.recorded_lending import (
    lend_again,
    repay_again,
    stored_loans,
    stored_repayments,
)
from allocation_service.domain.lending.loan_choice import (
    Borrower,
    ExpectedDelivery,
    Lender,
    LendingOutlook,
    LendingSituation,
    Loan,
    RepaymentClaim,
    choose_loans,
    repay_first,
)
from allocation_service.domain.policies.policy import Lending, Location, Supply
from allocation_service.domain.promising.promise_dates import Expected
from allocation_service.domain.supply.lateness import Evidence, Lateness, lateness

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PUNCTUAL = Evidence(Lateness((0,) * 99))


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def waiting(name: str = "b", units: int = 2, due: int = 1, promised: int | None = 10) -> Borrower:
    return Borrower(name, f"o{name}", units, day(due), NOW, None if promised is None else day(promised))


def holding(name: str = "l", need: int = 30, units: int = 5) -> Lender:
    return Lender(name, f"o{name}", day(need), (("HH", units),), NOW)


def coming(name: str = "po", on: int = 10, units: int = 20, evidence: Evidence = PUNCTUAL) -> ExpectedDelivery:
    return ExpectedDelivery(name, "S", day(on), units, evidence)


def situation(**changes: Any) -> LendingSituation:
    """Two units wait and are promised from a delivery of twenty; five are held for the end of the month."""
    plain = LendingSituation(
        [waiting()],
        [holding()],
        [coming()],
        [Expected(TODAY, 0), Expected(day(10), 20)],
        {day(10): 2},
        Lending(),
        TODAY,
    )
    return plain._replace(**changes)


def lent(**changes: Any) -> list[tuple[str, str, int]]:
    return [(one.borrower, one.lender, one.units) for one in choose_loans(situation(**changes))]


def test_an_urgent_line_borrows_from_whoever_needs_its_units_last() -> None:
    lenders = [holding("soon", 25), holding("late", 40), holding("later", 41, 1)]
    assert lent(lenders=lenders) == [("b", "later", 1), ("b", "late", 1)]


def test_the_most_urgent_borrower_comes_first() -> None:
    borrowers = [waiting("second", due=2), waiting("first", due=1)]
    assert lent(borrowers=borrowers, lenders=[holding(units=3)]) == [("first", "l", 2), ("second", "l", 1)]


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("inside the lock window", {"lenders": [holding(need=12)], "terms": Lending(lock_days=12)}),
        ("its need is today", {"lenders": [holding(need=0)]}),
        ("the delivery comes after the units must be back", {"lenders": [holding(need=11)]}),
        ("nothing is to come", {"deliveries": []}),
        ("all that comes is pledged", {"deliveries": [coming(units=0)]}),
        ("too few deliveries to judge by", {"deliveries": [coming(evidence=Evidence(Lateness((0,) * 98)))]}),
        ("one in ninety-nine never came", {"deliveries": [coming(evidence=Evidence(Lateness((0,) * 98, 1)))]}),
        ("one in ninety-nine came too late", {"deliveries": [coming(evidence=Evidence(Lateness((*[0] * 98, 19))))]}),
        ("the lender is due before the borrower", {"borrowers": [waiting(due=30)]}),
        ("both lines are of one order", {"lenders": [holding()._replace(order_id="ob")]}),
        ("what comes was promised to others before", {"promised": {day(10): 22}}),
        ("the borrower has no promise to leave and the rest is spoken for",
         {"borrowers": [waiting(promised=None)], "promised": {day(40): 20}}),
    ],
)  # fmt: skip
def test_nothing_is_lent_if(why: str, changes: dict[str, Any]) -> None:
    assert lent(**changes) == [], why


def test_a_late_delivery_in_the_past_matters_only_as_far_as_it_was_later_than_the_slack() -> None:
    evidence = Evidence(Lateness((*[0] * 98, 18)))
    assert lent(deliveries=[coming(evidence=evidence)]) == [("b", "l", 2)]


def test_the_lender_takes_the_borrowers_place_even_if_all_that_comes_is_spoken_for() -> None:
    assert lent(promised={day(10): 20}) == [("b", "l", 2)]


def test_what_the_borrower_was_promised_beyond_all_supply_is_in_nobodys_way() -> None:
    few = situation(borrowers=[waiting(units=3, promised=14)], promised={day(14): 3})
    few = few._replace(deliveries=[coming(units=2)], expected=[Expected(TODAY, 0), Expected(day(10), 2)])
    assert [one.units for one in choose_loans(few)] == [2]
    assert choose_loans(few._replace(promised={day(12): 1, day(14): 3}))[0].units == 1


def test_a_borrower_promised_later_frees_nothing_before_that_day() -> None:
    expected = [Expected(TODAY, 0), Expected(day(10), 20), Expected(day(25), 5)]
    later = situation(borrowers=[waiting(promised=25)], expected=expected)
    assert choose_loans(later._replace(promised={day(10): 20, day(25): 2})) == ()
    assert [one.units for one in choose_loans(later._replace(promised={day(10): 19, day(25): 2}))] == [1]


def test_what_one_delivery_cannot_repay_the_next_does() -> None:
    deliveries = [coming("one", 10, 1), coming("two", 11, 5)]
    loans = choose_loans(situation(deliveries=deliveries))
    assert [(one.po_line, one.units) for one in loans] == [("one", 1), ("two", 1)]


LATE = st.lists(st.none() | st.integers(-3, 30), max_size=150).map(lateness)
RELIABLE = st.integers(90, 220).map(lambda n: Lateness((0,) * n))
EVIDENCE = st.builds(Evidence, RELIABLE | LATE, RELIABLE | LATE)
SOON = st.integers(0, 20)


@st.composite
def situations(draw: st.DrawFn) -> LendingSituation:
    borrowers = [
        waiting(f"b{n}", draw(st.integers(1, 6)), draw(SOON), draw(st.none() | st.integers(0, 40)))
        for n in range(draw(st.integers(0, 4)))
    ]
    lenders = [
        Lender(
            f"l{n}",
            draw(st.sampled_from((f"ol{n}", "ob0"))),
            day(draw(st.integers(0, 45))),
            tuple((place, draw(st.integers(1, 4))) for place in draw(st.sampled_from((("HH",), ("HH", "M"))))),
            NOW + timedelta(minutes=draw(st.integers(0, 2))),
            draw(st.integers(0, 2)),
        )
        for n in range(draw(st.integers(0, 5)))
    ]
    deliveries = [
        coming(f"po{n}", draw(st.integers(0, 30)), draw(st.integers(0, 9)), draw(EVIDENCE))
        for n in range(draw(st.integers(0, 3)))
    ]
    expected = [Expected(TODAY, 0), *(Expected(one.day, one.units) for one in sorted(deliveries, key=lambda d: d.day))]
    promised: Counter[date] = Counter()
    for one in borrowers:
        if one.promise_date is not None:
            promised[one.promise_date] += one.units
    for _ in range(draw(st.integers(0, 2))):
        promised[day(draw(st.integers(0, 40)))] += draw(st.integers(1, 6))
    terms = Lending(draw(st.sampled_from((80, 95, 99))), draw(st.integers(0, 5)), draw(st.sampled_from((1, 30))))
    return LendingSituation(borrowers, lenders, deliveries, expected, promised, terms, TODAY)


@given(situations())
def test_every_loan_is_outside_the_lock_window_and_sure_to_be_repaid(one: LendingSituation) -> None:
    lenders = {lender.line_id: lender for lender in one.lenders}
    deliveries = {delivery.po_line: delivery for delivery in one.deliveries}
    for loan in choose_loans(one):
        need, delivery = lenders[loan.lender].need, deliveries[loan.po_line]
        assert loan.repay_by == need - timedelta(days=one.terms.lock_days) > TODAY
        assert delivery.day <= loan.repay_by
        slack = (loan.repay_by - delivery.day).days
        part = delivery.evidence.own if loan.chance.source == "supplier" else delivery.evidence.everybody
        in_time = sum(days <= slack for days in part.days)
        if loan.chance.source == "supplier" and loan.chance.numerator > in_time:
            # Everybody's deliveries were surer than the supplier's few: these allow no more than that.
            in_time += 1
        assert in_time * 100 >= one.terms.confidence_percent * (part.observations + 1)
        assert part.observations == loan.chance.observations


@given(situations())
def test_nothing_is_lent_twice_or_to_oneself_and_nobody_gets_more_than_it_waits_for(one: LendingSituation) -> None:
    loans = choose_loans(one)
    borrowers, lenders = {x.line_id: x for x in one.borrowers}, {x.line_id: x for x in one.lenders}
    got: Counter[str] = Counter()
    gave: Counter[tuple[str, str]] = Counter()
    pledged: Counter[str] = Counter()
    for loan in loans:
        assert loan.units > 0
        assert borrowers[loan.borrower].order_id != lenders[loan.lender].order_id
        assert borrowers[loan.borrower].due < lenders[loan.lender].need
        got[loan.borrower] += loan.units
        gave[loan.lender, loan.location] += loan.units
        pledged[loan.po_line] += loan.units
    assert all(units <= borrowers[line].units for line, units in got.items())
    assert all(units <= dict(lenders[line].held)[place] for (line, place), units in gave.items())
    assert all(units <= {x.po_line: x.units for x in one.deliveries}[line] for line, units in pledged.items())


@given(situations())
def test_no_promise_of_anybody_else_breaks(one: LendingSituation) -> None:
    """S(t) - C(t) falls below 0, or further below, on no day: the lender counts from the day of its delivery."""
    loans = choose_loans(one)
    promised, deliveries = Counter(one.promised), {x.po_line: x for x in one.deliveries}
    dates = {x.line_id: x.promise_date for x in one.borrowers}
    for loan in loans:
        freed = dates[loan.borrower]
        if freed is not None:
            promised[freed] -= loan.units
        promised[deliveries[loan.po_line].day] += loan.units
    for number in range(46):
        before, after = (
            sum(x.units for x in one.expected if x.day <= day(number))
            - sum(units for then, units in some.items() if then <= day(number))
            for some in (Counter(one.promised), promised)
        )
        assert after >= min(before, 0)


@given(situations(), st.randoms())
def test_the_same_situation_leads_to_the_same_loans_however_it_is_listed_and_when_it_is_computed_again(
    one: LendingSituation, random: Any
) -> None:
    loans = choose_loans(one)
    shuffled = one._replace(
        borrowers=random.sample(list(one.borrowers), len(one.borrowers)),
        lenders=random.sample(list(one.lenders), len(one.lenders)),
        deliveries=random.sample(list(one.deliveries), len(one.deliveries)),
    )
    assert choose_loans(shuffled) == loans
    result: Counter[str] = Counter()
    for loan in loans:
        result[loan.borrower] += loan.units
        result[loan.lender] -= loan.units
    assert lend_again(json.loads(orjson.dumps(stored_loans(one)))) == dict(result)


def test_the_outlook_counts_the_borrower_out_and_the_lender_in() -> None:
    outlook = LendingOutlook([Expected(TODAY, 0), Expected(day(10), 5)], {day(20): 3}, TODAY)
    assert outlook.room(day(10), day(15), day(20), 3) == 5
    outlook.move(2, day(20), day(10))
    assert outlook.room(day(10), day(15), day(20), 3) == 3
    assert outlook.room(day(10), day(15), None, 1) == 2


CLAIMS = st.lists(
    st.builds(
        RepaymentClaim, st.uuids().map(str), st.sampled_from("xyz"), st.integers(1, 5), st.integers(0, 4).map(day)
    ),
    max_size=5,
    unique_by=lambda one: one.loan_id,
)


@given(CLAIMS, st.integers(0, 6), st.integers(0, 6))
def test_lenders_get_all_that_is_free_and_the_one_due_back_soonest_gets_it_first(
    claims: list[RepaymentClaim], here: int, there: int
) -> None:
    supply = Supply("A", (Location("HH", 1, here), Location("M", 2, there)))
    repaid = {one.claim.loan_id: one.units for one in repay_first(supply, claims)}
    owed = sorted(claims, key=lambda one: (one.repay_by, one.loan_id))
    left = here + there
    for claim in owed:
        assert repaid.get(claim.loan_id, 0) == min(left, claim.units)
        left -= min(left, claim.units)
    stored = json.loads(orjson.dumps(stored_repayments(supply, claims)))
    assert sum(repay_again(stored).values()) == sum(repaid.values())


def test_a_loan_keeps_what_it_was_judged_by() -> None:
    (loan,) = choose_loans(situation())
    assert isinstance(loan, Loan)
    assert (loan.repay_by, loan.chance.numerator, loan.chance.observations) == (day(28), 99, 99)
