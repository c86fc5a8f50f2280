"""Loans as Prometheus sees them."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from allocation_service.application.lending.loan_records import Tally

LOANS = Counter(
    "allocation_loans_total", "Loans of stock by what happened: lent, repaid, breached or void", ["outcome"]
)
OWED = Gauge("allocation_loan_units_owed", "Units that were lent and are not back")
BREACH_RATE = Gauge("allocation_loan_breach_rate", "Loans not repaid in time among those settled; 0 before the first")


def count(noted: Mapping[str, int]) -> None:
    """What one transaction did."""
    for outcome, loans in noted.items():
        LOANS.labels(outcome).inc(loans)


def measure(tally: Tally) -> None:
    """How lending stands."""
    OWED.set(tally.owed)
    BREACH_RATE.set(tally.rate.share or 0)
