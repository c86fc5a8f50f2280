"""Lending to urgent lines what others need later, and repaying before anybody else is served."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.decision_record import DecisionRow
from allocation_service.application.session.ports import AllocationStore
from allocation_service.domain import protocol_rules, reasons
from allocation_service.domain.decisions.recorded_lending import stored_loans, stored_repayments
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.lending.loan_choice import (
    Borrower,
    ExpectedDelivery,
    Lender,
    LendingSituation,
    Loan,
    Repayment,
    RepaymentClaim,
    choose_loans,
    repay_first,
)
from allocation_service.domain.promising.line_promise import LinePromise
from allocation_service.domain.supply.sku import Inbound, Sku
from event_contracts import new_event_id

LENT = "Lent"
"""Cause of a lender's promise."""
_MOST_LINES = 200
"""Borrowers, and lenders, that one step looks at."""


async def repay_lenders(builder: DecisionBuilder, store: AllocationStore) -> None:
    """What is free goes to those who lent first, whatever the policy says by now."""
    for sku in _concerned(builder):
        if builder.session.skus[sku].open_loans:
            await store.load_loans(builder.session, sku)
            _follow_lines(builder, sku)
            _repay(builder, sku)


async def lend_to_urgent(builder: DecisionBuilder, store: AllocationStore) -> None:
    """Where a policy lends and somebody waits who is due before any stock comes, lend what others need later.

    Everybody is looked at when stock or what is inbound changed, else only whom the decision is about.
    """
    for sku in _concerned(builder):
        if builder.session.skus[sku].open_loans:
            await store.load_loans(builder.session, sku)
            _follow_lines(builder, sku)
        await lend(builder, store, sku)


async def lend(builder: DecisionBuilder, store: AllocationStore, sku: str) -> None:
    """Make the loans that a SKU's policy allows."""
    session = builder.session
    state = session.skus[sku]
    terms, today = state.policy.lending, builder.now.date()
    if terms is None or not _may_lend(session, state):
        return
    coming = [one for one in state.inbound.values() if _is_coming(one, today)]
    before = session.next_supply(sku)
    if not coming or before is None:
        return
    if sku in builder.queues_to_serve:
        await store.load_urgent(session, sku, before, _MOST_LINES)
        candidates: Iterable[str] = session.lines_of.get(sku, ())
    else:
        candidates = builder.before
    borrowers = _borrowers(session, sku, candidates, before)
    if not borrowers:
        return
    deliveries = [await _delivery(session, store, sku, one, today) for one in coming]
    after = today + timedelta(days=terms.lock_days)
    new = {
        line_id
        for line_id in session.lines_of.get(sku, ())
        if line_id in session.unwritten.lines_as_stored and session.unwritten.lines_as_stored[line_id].new
    }
    lenders = _lenders(session, sku, {*await store.find_lenders(session, sku, after, _MOST_LINES), *new}, after)
    expected = state.expected(builder.now, session.grace_days)
    promised = state.counters.promised_units()
    _lend(builder, sku, LendingSituation(borrowers, lenders, deliveries, expected, promised, terms, today))


def _concerned(builder: DecisionBuilder) -> list[str]:
    """SKUs of this decision that lend or have lent."""
    session = builder.session
    if not session.lending_skus:
        return []
    touched = {session.lines[line_id].sku for line_id in builder.before if line_id in session.lines}
    return sorted(session.lending_skus & (touched | builder.queues_to_serve))


def _may_lend(session: AllocationSession, state: Sku) -> bool:
    """Stock that is free is kept by a policy from all who wait, or an order is to be decided first: no loan may
    get round that."""
    return (
        protocol_rules.may_decide(known=state.known)
        and state.waiting_units > 0
        and not state.free
        and not session.blocked(state.sku)
    )


def _is_coming(inbound: Inbound, today: date) -> bool:
    """Not overdue: what is late already has no date to go by."""
    return inbound.remaining > 0 and inbound.eta is not None and inbound.eta.date() >= today


async def _delivery(
    session: AllocationSession, store: AllocationStore, sku: str, inbound: Inbound, today: date
) -> ExpectedDelivery:
    if inbound.eta is None:
        raise ValueError(f"{inbound.po_line} has not been announced")
    day = inbound.eta.date()
    key = (inbound.supplier, (day - today).days)
    if key not in session.evidence:
        await store.load_evidence(session, *key, today)
    pledged = sum(one.owed for one in session.loans.get(sku, ()) if one.po_line == inbound.po_line)
    units = max(0, inbound.remaining - pledged)
    return ExpectedDelivery(inbound.po_line, inbound.supplier, day, units, session.evidence[key])


def _borrowers(session: AllocationSession, sku: str, candidates: Iterable[str], before: date) -> list[Borrower]:
    """Who is due before any stock comes. An order that ships complete does not borrow: what it got would lie
    there until the rest comes. Neither does a lender."""
    lent = {one.lender_line for one in session.loans.get(sku, ()) if one.owed}
    ranking = session.ranking(sku)
    found = []
    for line_id in sorted(candidates):
        line = session.lines.get(line_id)
        if line is None or line.sku != sku or not line.queued_units or line_id in lent:
            continue
        order = session.orders[line.order_id]
        demands = [] if order.ship_complete else [session.demand(line, entry) for entry in line.entries()]
        urgent = [demand for demand in demands if ranking.due(demand) < before]
        units = sum(one.quantity for one in urgent)
        if units:
            due, since = min(ranking.due(one) for one in urgent), urgent[0].queued_at
            found.append(Borrower(line_id, line.order_id, units, due, since, line.promise_date, order.preference))
    return _within_quotas(
        session, session.skus[sku], sorted(found, key=lambda one: (one.due, one.queued_at, one.line_id))
    )


def _within_quotas(session: AllocationSession, sku: Sku, borrowers: Iterable[Borrower]) -> list[Borrower]:
    """What the quotas of their channels and regions leave them, the most urgent first; all draw on the same."""
    left = {one: max(0, one.units - sku.quota_used.get((one.field, one.name), 0)) for one in sku.policy.quotas}
    found = []
    for one in borrowers:
        order = session.orders[one.order_id]
        own = [quota for quota in left if getattr(order, quota.field) == quota.name]
        units = min([one.units, *(left[quota] for quota in own)])
        for quota in own:
            left[quota] -= units
        if units:
            found.append(one._replace(units=units))
    return found


def _lenders(session: AllocationSession, sku: str, candidates: Iterable[str], after: date) -> list[Lender]:
    """Who could lend: the part of an order that ships complete never does, nor a line that waits itself.

    What lies at a location that is not active is lent to nobody: it would be allocated from there anew.
    """
    levels = session.skus[sku].levels
    in_loans = {one for loan in session.loans.get(sku, ()) for one in (loan.lender_line, loan.borrower_line)}
    found = []
    for line_id in sorted(candidates):
        line = session.lines[line_id]
        order = session.orders[line.order_id]
        days = [one for one in (order.needed_by, line.promise_date) if one is not None]
        held = tuple(
            (location, line.unshipped_at(location))
            for location in sorted(line.granted)
            if line.unshipped_at(location) > 0 and levels[location].active
        )
        if order.ship_complete or line.waiting or line_id in in_loans or not held or not days or min(days) <= after:
            continue
        since = line.layers[0].queued_at
        found.append(Lender(line_id, line.order_id, min(days), held, since, order.tier_rank))
    return found


def _lend(builder: DecisionBuilder, sku: str, situation: LendingSituation) -> None:
    loans = choose_loans(situation)
    rows: list[DecisionRow] = []
    for loan in loans:
        rows += _make(builder, builder.session.skus[sku], loan, first_rank=len(rows) + 1)
    if rows:
        builder.add_step(stored_loans(situation), rows)


def _make(builder: DecisionBuilder, state: Sku, loan: Loan, *, first_rank: int) -> list[DecisionRow]:
    """Move the units of a loan, promise the lender, and remember it."""
    session = builder.session
    lender, borrower = session.lines[loan.lender], session.lines[loan.borrower]
    gave, got = reasons.lent(loan.units, loan.repay_by), reasons.borrowed(loan.units, loan.need)
    freed, returned = state.sku in builder.queues_to_serve, loan.lender in builder.returned
    builder.deallocate(lender, loan.location, loan.units, gave)
    builder.grant(borrower, ((loan.location, loan.units),), got)
    keeps = lender.promise_date is not None and lender.promise_date <= loan.need
    day = lender.promise_date if keeps else loan.repay_by
    builder.promise(lender, LinePromise(day, loan.repay_by, backed=True), LENT)
    session.update_counters(lender)
    session.enqueue(lender)
    # Nothing became free, and the lender has its date.
    if not freed:
        builder.queues_to_serve.discard(state.sku)
    if not returned:
        builder.returned.discard(loan.lender)
    kept = KeptLoan(
        new_event_id(), builder.record.decision_id, state.sku, lender.line_id, lender.order_id, borrower.line_id,
        borrower.order_id, loan.location, loan.units, loan.po_line, loan.supplier, loan.repay_by, loan.need,
        loan.chance.numerator / loan.chance.denominator, loan.chance.observations, loan.chance.source, builder.now,
        new=True,
    )  # fmt: skip
    session.loans.setdefault(state.sku, []).append(kept)
    _count(session, state.sku, "lent", 1)
    state.open_loans += 1
    facts = {"loan_id": kept.loan_id, "location": loan.location, "po_line": loan.po_line, "repay_by": loan.repay_by}
    return [
        DecisionRow(builder.step_number, first_rank, borrower.line_id, state.sku, loan.units, loan.units, got, facts),
        DecisionRow(
            builder.step_number, first_rank + 1, lender.line_id, state.sku, loan.units, -loan.units, gave, facts
        ),
    ]


def _repay(builder: DecisionBuilder, sku: str) -> None:
    session = builder.session
    state = session.skus[sku]
    if not state.free or not protocol_rules.may_decide(known=state.known):
        return
    claims = [claim for loan in _owed(session, sku) if (claim := _claim(session, loan)) is not None]
    supply = state.supply(None)
    repaid = repay_first(supply, claims)
    if repaid:
        number = builder.step_number
        rows = [_give(builder, sku, one, number, rank) for rank, one in enumerate(repaid, start=1)]
        builder.add_step(stored_repayments(supply, claims), rows)


def _owed(session: AllocationSession, sku: str) -> list[KeptLoan]:
    return sorted((one for one in session.loans.get(sku, ()) if one.owed), key=lambda one: (one.repay_by, one.loan_id))


def _claim(session: AllocationSession, loan: KeptLoan) -> RepaymentClaim | None:
    """What a lender may have at once; if its order ships complete by now, it waits as such orders do."""
    order = session.orders[loan.lender_order]
    if order.ship_complete:
        return None
    return RepaymentClaim(loan.loan_id, loan.lender_line, loan.owed, loan.repay_by, order.preference)


def _give(builder: DecisionBuilder, sku: str, repayment: Repayment, number: int, rank: int) -> DecisionRow:
    session, claim = builder.session, repayment.claim
    builder.grant(session.lines[claim.line_id], repayment.grants, reasons.REPAID)
    loan = next(one for one in session.loans[sku] if one.loan_id == claim.loan_id)
    _reduce_owed(builder, loan, repaid=repayment.units)
    facts = {"loan_id": loan.loan_id, "grants": repayment.grants, "repay_by": loan.repay_by}
    return DecisionRow(number, rank, claim.line_id, sku, claim.units, repayment.units, reasons.REPAID, facts)


def _follow_lines(builder: DecisionBuilder, sku: str) -> None:
    """A lender that waits for less than it is owed was served in the queue, or its units were cancelled."""
    session = builder.session
    owed: dict[str, list[KeptLoan]] = {}
    for loan in _owed(session, sku):
        owed.setdefault(loan.lender_line, []).append(loan)
    for line_id, loans in owed.items():
        line = session.lines.get(line_id)
        if line is None:
            continue
        ended = sum(loan.owed for loan in loans) - line.queued_units
        before = builder.before.get(line_id)
        repaid = ended if before is None else min(ended, max(0, line.granted_units - before.granted_units))
        for loan in loans:
            units = min(max(0, repaid), loan.owed)
            if units > 0:
                _reduce_owed(builder, loan, repaid=units)
                repaid, ended = repaid - units, ended - units
        for loan in reversed(loans):
            units = min(max(0, ended), loan.owed)
            if units > 0:
                _reduce_owed(builder, loan, void=units)
                ended -= units


def _reduce_owed(builder: DecisionBuilder, loan: KeptLoan, *, repaid: int = 0, void: int = 0) -> None:
    """Take off what is owed of a loan the units that came back (``repaid``) or are needed no more (``void``)."""
    breached = loan.breached
    if repaid:
        loan.repay(repaid, builder.now)
    if void:
        loan.cancel(void, builder.now)
    if loan.breached and not breached:
        _count(builder.session, loan.sku, "breached", 1)
    if not loan.owed:
        builder.session.skus[loan.sku].open_loans -= 1
        if not loan.breached:
            _count(builder.session, loan.sku, loan.outcome.value, 1)


def _count(session: AllocationSession, sku: str, outcome: str, loans: int) -> None:
    session.unwritten.skus.add(sku)
    session.effects.loans_by_outcome[outcome] = session.effects.loans_by_outcome.get(outcome, 0) + loans
