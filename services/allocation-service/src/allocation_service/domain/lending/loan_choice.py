"""Lending: whose units serve an urgent order until a delivery brings them back, and repaying them first.

A loan is made only if the delivery arrives by ``repay_by`` (the lender's need less its lock window) with the
policy's confidence, has units that nobody else was promised before, and the borrower is due before
any stock comes. Nobody but the borrower and the lender is touched: the lender takes the borrower's place in
what is still to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from allocation_service.domain.allocating.available_stock import AvailableStock
from allocation_service.domain.policies.policy import Grants, Lending, Supply
from allocation_service.domain.promising.promise_dates import Expected
from allocation_service.domain.supply.lateness import Chance, Evidence, chance_of_arrival


class Borrower(NamedTuple):
    """Units of a line that wait and are ``due`` before any stock comes."""

    line_id: str
    order_id: str
    units: int
    due: date
    queued_at: datetime
    promise_date: date | None = None
    preference: str | None = None


class Lender(NamedTuple):
    """A line that holds all of its units and needs them on a day to come; ``held`` has not left the building."""

    line_id: str
    order_id: str
    need: date
    held: Grants
    queued_at: datetime
    tier_rank: int = 0


class ExpectedDelivery(NamedTuple):
    """A purchase-order line to come on ``day``; ``units`` of it are pledged to no lender yet."""

    po_line: str
    supplier: str
    day: date
    units: int
    evidence: Evidence = Evidence()


class Loan(NamedTuple):
    """Units that go from one line to another, and what brings them back by when."""

    borrower: str
    lender: str
    location: str
    units: int
    po_line: str
    supplier: str
    repay_by: date
    need: date
    chance: Chance


_NO_LIMIT = 2**62


class LendingOutlook:
    """S(t) - C(t): what is expected by a day less what is promised by it, while loans are made."""

    def __init__(self, expected: Iterable[Expected], promised: Mapping[date, int], today: date) -> None:
        self._today = today
        self._change: dict[date, int] = {}
        for day, units in expected:
            self._add(day, units)
        for day, units in promised.items():
            self._add(day, -units)

    def room(self, day: date, repay_by: date, promise_date: date | None, units: int) -> int:
        """Units of what comes on ``day`` that a lender may have although it was promised nothing, in the place of a
        borrower that waits for ``units`` with that promise: no other promise breaks, and none of those that are
        due before the lender is left without supply."""
        left, most = 0, _NO_LIMIT
        for then in sorted({*self._change, day}):
            left += self._change.get(then, 0)
            if then < day:
                continue
            if promise_date is None or then < promise_date:
                most = min(most, left)
            elif then <= repay_by:
                most = min(most, left + units)
        return max(0, most)

    def move(self, units: int, promise_date: date | None, day: date) -> None:
        """The borrower waits for nothing any more, the lender for what comes on ``day``."""
        if promise_date is not None:
            self._add(promise_date, units)
        self._add(day, -units)

    def _add(self, day: date, units: int) -> None:
        day = max(day, self._today)
        self._change[day] = self._change.get(day, 0) + units


class LendingSituation(NamedTuple):
    """All that loans of one SKU are chosen by. ``expected`` and ``promised`` are S(t) and C(t) by day."""

    borrowers: Sequence[Borrower]
    lenders: Sequence[Lender]
    deliveries: Sequence[ExpectedDelivery]
    expected: Sequence[Expected]
    promised: Mapping[date, int]
    terms: Lending
    today: date


class _Choice:
    """What is left to lend and to repay from while loans are chosen."""

    def __init__(self, situation: LendingSituation) -> None:
        self._deliveries = sorted(situation.deliveries, key=lambda one: (one.day, one.po_line))
        self._left = {one.po_line: one.units for one in situation.deliveries}
        self._outlook = LendingOutlook(situation.expected, situation.promised, situation.today)
        self._terms, self._today = situation.terms, situation.today
        self.loans: list[Loan] = []

    def lend(self, borrower: Borrower, lender: Lender, held: dict[str, int], wanted: int) -> int:
        """Lend up to ``wanted`` units from what a lender holds; how many could be."""
        lent = 0
        repay_by = lender.need - timedelta(days=self._terms.lock_days)
        while wanted > lent and held:
            found = self._delivery(repay_by, borrower, wanted - lent)
            if found is None:
                break
            delivery, chance, room = found
            location = borrower.preference if borrower.preference in held else min(held)
            units = min(wanted - lent, held[location], room)
            held[location] -= units
            if not held[location]:
                del held[location]
            self._left[delivery.po_line] -= units
            self._outlook.move(units, borrower.promise_date, delivery.day)
            lent += units
            self.loans.append(
                Loan(
                    borrower.line_id, lender.line_id, location, units, delivery.po_line, delivery.supplier, repay_by,
                    lender.need, chance,
                )
            )  # fmt: skip
        return lent

    def _delivery(self, repay_by: date, borrower: Borrower, wanted: int) -> tuple[ExpectedDelivery, Chance, int] | None:
        """The first delivery that surely brings units by then, and how many."""
        if repay_by <= self._today:
            return None
        percent, least = self._terms.confidence_percent, self._terms.min_observations
        for one in self._deliveries:
            slack = (repay_by - one.day).days
            if not self._left[one.po_line] or one.day < self._today or slack < 0:
                continue
            chance = chance_of_arrival(one.evidence, slack, percent, least)
            if chance is None or not chance.reaches(percent):
                continue
            room = self._outlook.room(one.day, repay_by, borrower.promise_date, wanted)
            room = min(room, self._left[one.po_line])
            if room:
                return one, chance, room
        return None


def choose_loans(situation: LendingSituation) -> tuple[Loan, ...]:
    """Who lends to whom: the most urgent borrower first, from whoever needs its units last.

    Among lenders of one day the lower tier lends, then the one that came last. Nothing is lent within an order,
    nor to a line that is due no earlier.
    """
    choice = _Choice(situation)
    lenders = sorted(situation.lenders, key=lambda one: (one.need, one.tier_rank, one.queued_at, one.line_id))
    lendable = [(one, dict(one.held)) for one in reversed(lenders)]
    for borrower in sorted(situation.borrowers, key=lambda one: (one.due, one.queued_at, one.line_id)):
        wanted, refused = borrower.units, set[date]()
        for lender, held in lendable:
            if not wanted or lender.need <= borrower.due:
                break
            if not held or lender.need in refused or lender.order_id == borrower.order_id:
                continue
            lent = choice.lend(borrower, lender, held, wanted)
            wanted -= lent
            if not lent:
                refused.add(lender.need)
        lendable = [(one, held) for one, held in lendable if held]
    return tuple(choice.loans)


class RepaymentClaim(NamedTuple):
    """Units that a line lent and that have not come back."""

    loan_id: str
    line_id: str
    units: int
    repay_by: date
    preference: str | None = None


class Repayment(NamedTuple):
    """Units that a lender gets back."""

    claim: RepaymentClaim
    grants: Grants

    @property
    def units(self) -> int:
        """Over all locations."""
        return sum(units for _, units in self.grants)


def repay_first(supply: Supply, claims: Iterable[RepaymentClaim]) -> tuple[Repayment, ...]:
    """Free stock goes to lenders before anybody else: first to whom it must be back soonest."""
    available_stock = AvailableStock(supply)
    found = []
    for claim in sorted(claims, key=lambda one: (one.repay_by, one.loan_id)):
        grants = (
            available_stock.take(min(claim.units, available_stock.total), claim.preference)
            if available_stock.total
            else ()
        )
        if grants:
            found.append(Repayment(claim, grants))
    return tuple(found)
