"""Loans and repayments as decisions store them, and read back to be computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from allocation_service.domain.lending.loan_choice import (
    Borrower,
    ExpectedDelivery,
    Lender,
    LendingSituation,
    RepaymentClaim,
    choose_loans,
    repay_first,
)
from allocation_service.domain.policies.policy import Lending, Location, Supply
from allocation_service.domain.promising.promise_dates import Expected
from allocation_service.domain.supply.lateness import Evidence, Lateness

_Day = date.fromisoformat
_At = datetime.fromisoformat


def stored_loans(situation: LendingSituation) -> dict[str, Any]:
    """The step of a decision that lends: all that the choice went by."""
    return {
        "kind": "lend",
        "terms": situation.terms._asdict(),
        "today": situation.today,
        "borrowers": [one._asdict() for one in situation.borrowers],
        "lenders": [one._asdict() for one in situation.lenders],
        "deliveries": [
            {**one._asdict(), "evidence": {name: _stored(part) for name, part in one.evidence._asdict().items()}}
            for one in situation.deliveries
        ],
        "expected": [list(one) for one in situation.expected],
        "promised": [list(one) for one in sorted(situation.promised.items())],
    }


def _stored(known: Lateness) -> dict[str, Any]:
    """Deliveries by days late: most of them come on the same few days."""
    return {"days": [[days, known.days.count(days)] for days in sorted(set(known.days))], "missing": known.missing}


def stored_repayments(supply: Supply, claims: Sequence[RepaymentClaim]) -> dict[str, Any]:
    """The step of a decision that repays."""
    return {
        "kind": "repay",
        "sku": supply.sku,
        "locations": [list(location) for location in supply.locations],
        "claims": [one._asdict() for one in claims],
    }


def lend_again(step: Mapping[str, Any]) -> dict[str, int]:
    """What the stored inputs lead to: units by line, those lent negative."""
    loans = choose_loans(
        LendingSituation(
            [_borrower(one) for one in step["borrowers"]],
            [_lender(one) for one in step["lenders"]],
            [_delivery(one) for one in step["deliveries"]],
            [Expected(_Day(day), units) for day, units in step["expected"]],
            {_Day(day): units for day, units in step["promised"]},
            Lending(**step["terms"]),
            _Day(step["today"]),
        )
    )
    result: dict[str, int] = {}
    for loan in loans:
        result[loan.borrower] = result.get(loan.borrower, 0) + loan.units
        result[loan.lender] = result.get(loan.lender, 0) - loan.units
    return result


def repay_again(step: Mapping[str, Any]) -> dict[str, int]:
    """What the stored inputs lead to: units by line."""
    supply = Supply(step["sku"], tuple(Location(*location) for location in step["locations"]))
    result: dict[str, int] = {}
    claims = [RepaymentClaim(**{**one, "repay_by": _Day(one["repay_by"])}) for one in step["claims"]]
    for one in repay_first(supply, claims):
        result[one.claim.line_id] = result.get(one.claim.line_id, 0) + one.units
    return result


def _borrower(one: Mapping[str, Any]) -> Borrower:
    promised = one["promise_date"]
    changed = {"due": _Day(one["due"]), "queued_at": _At(one["queued_at"])}
    return Borrower(**{**one, **changed, "promise_date": _Day(promised) if promised else None})


def _lender(one: Mapping[str, Any]) -> Lender:
    held = tuple((location, units) for location, units in one["held"])
    return Lender(**{**one, "need": _Day(one["need"]), "queued_at": _At(one["queued_at"]), "held": held})


def _delivery(one: Mapping[str, Any]) -> ExpectedDelivery:
    parts = {
        name: Lateness(tuple(days for days, times in part["days"] for _ in range(times)), part["missing"])
        for name, part in one["evidence"].items()
    }
    return ExpectedDelivery(**{**one, "day": _Day(one["day"]), "evidence": Evidence(**parts)})
