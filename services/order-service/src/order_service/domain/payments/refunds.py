"""Giving money back: by the way that it came, split over as many charges as it takes."""

from __future__ import annotations

from order_service.domain.payments.attempts import Attempt, AttemptKind
from order_service.domain.payments.payment import Payment

REFUND_TRIES = 3
"""After so many failures of a charge's refund its money is given back by hand, in another way."""


def charge_to_refund(payment: Payment) -> Attempt | None:
    """The charge that the next refund is made of, the newest first; None: the provider can give nothing back."""
    charges = [
        charge
        for charge in payment.charges
        if payment.refundable(charge) > 0 and payment.failures(AttemptKind.REFUND, charge.attempt_id) < REFUND_TRIES
    ]
    return max(
        charges,
        key=lambda charge: (-payment.failures(AttemptKind.REFUND, charge.attempt_id), charge.created_at),
        default=None,
    )


def manual_refund(payment: Payment) -> int:
    """What the provider has refused to give back, in minor units: somebody has to pay it in another way."""
    return sum(
        payment.refundable(charge)
        for charge in payment.charges
        if payment.failures(AttemptKind.REFUND, charge.attempt_id) >= REFUND_TRIES
    )


def refund_amount(surplus: int, refundable: int) -> int:
    """How much of what is to be given back one charge gives: no more than is left of it."""
    return min(surplus, refundable)
