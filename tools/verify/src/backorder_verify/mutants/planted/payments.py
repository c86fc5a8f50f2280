"""Mutants of payments in the order service."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant

_DOMAIN = "services/order-service/src/order_service/domain"
_APPLICATION = "services/order-service/src/order_service/application/payments"
_TESTS = "tests/unit/order/payments"

MUTANTS = (
    Mutant(
        "unpaid-units-ship",
        "Units leave although money for them was neither taken nor held",
        f"{_DOMAIN}/line_violations.py",
        "return None if departure.unpaid else why_unpaid(line, quantity, departure.at)",
        "return None",
        (f"{_TESTS}/test_advance_payments.py",),
    ),
    Mutant(
        "deposits-round-down",
        "A deposit is rounded down",
        f"{_DOMAIN}/payments/target.py",
        "return -(-amount * percent // 100)",
        "return amount * percent // 100",
        (f"{_TESTS}/test_target.py",),
    ),
    Mutant(
        "keys-outlive-the-provider",
        "A request is repeated under a key that the provider has forgotten",
        f"{_DOMAIN}/payments/looks.py",
        "KEY_LIFE = timedelta(hours=23)",
        "KEY_LIFE = timedelta(hours=2300)",
        (f"{_TESTS}/test_rules_removed.py", f"{_TESTS}/test_advance_payments.py"),
    ),
    Mutant(
        "captures-leave-the-rest-secured",
        "While a part of a hold is captured, the rest of it still covers units",
        f"{_DOMAIN}/payments/payment.py",
        "ending.get(hold.attempt_id, hold.units).items()",
        "hold.units.items()",
        (f"{_TESTS}/test_advance_payments.py",),
    ),
    Mutant(
        "disputes-are-refunded",
        "What a bank has taken back is refunded too",
        f"{_DOMAIN}/payments/payment.py",
        "return max(0, charge.amount - refunds - disputed)",
        "return max(0, charge.amount - refunds)",
        (f"{_TESTS}/test_provider_events.py", f"{_TESTS}/test_rules_removed.py"),
    ),
    Mutant(
        "results-count-twice",
        "Another result of an attempt that has ended is taken",
        f"{_APPLICATION}/change_payments.py",
        "raise AttemptEnded(attempt.state.value)",
        "attempt.state = outcome.state",
        (f"{_TESTS}/test_payment_requests.py",),
    ),
    Mutant(
        "goodwill-has-no-limit",
        "More is given back out of goodwill than was taken",
        f"{_DOMAIN}/payments/payment.py",
        """        if amount > most:
            raise ConcessionTooLarge(most)
        self.conceded""",
        """        if amount > most + 10**9:
            raise ConcessionTooLarge(most)
        self.conceded""",
        (f"{_TESTS}/test_payment_requests.py",),
    ),
)
"""Mutants of payments."""
