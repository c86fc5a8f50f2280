"""What others are told of a payment: how much is due, held, taken and given back, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from order_service.domain.payments.attempts import AttemptKind, AttemptState
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.refunds import manual_refund
from order_service.domain.payments.target import FEES, LineMoney, Target


class PaymentState(StrEnum):
    """How a payment stands, in one word: the first of these that is true.

    ``manual_refund``: the provider cannot give back what is due, somebody has to. ``owed``: goods have left unpaid.
    ``action_required``: the customer must authenticate. ``declined``: a bank said no, the customer has time.
    ``processing``: something is under way. ``refund_due``: money is to be given back. ``disputed``: a bank has taken
    money back. ``held``: money is held and not taken. ``paid``: what is due has been taken. ``not_due``: nothing is.
    """

    MANUAL_REFUND = "manual_refund"
    OWED = "owed"
    ACTION_REQUIRED = "action_required"
    DECLINED = "declined"
    PROCESSING = "processing"
    REFUND_DUE = "refund_due"
    DISPUTED = "disputed"
    HELD = "held"
    PAID = "paid"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class PaymentSummary:
    """Amounts in minor units. ``held_due`` is what ought to be held, ``refund_due`` what ought to be given back."""

    due: int = 0
    held_due: int = 0
    held: int = 0
    captured: int = 0
    refunded: int = 0
    refund_due: int = 0
    refund_since: datetime | None = None
    state: PaymentState = PaymentState.NOT_DUE


def summary_of(payment: Payment, lines: Sequence[LineMoney], target: Target, at: datetime) -> PaymentSummary:
    """How the payment stands ``at`` this moment; a disputed amount is not due to be given back."""
    surplus = max(0, payment.net - target.captured)
    on_its_way = sum(one.amount for one in payment.open_attempts if one.kind is AttemptKind.REFUND)
    refund_due = min(surplus, on_its_way + sum(payment.refundable(charge) for charge in payment.charges))
    return PaymentSummary(
        due=target.captured,
        held_due=target.held,
        held=payment.held(at),
        captured=payment.captured,
        refunded=payment.refunded,
        refund_due=refund_due,
        refund_since=payment.refund_since if refund_due else None,
        state=_state(payment, lines, target, refund_due, at),
    )


def owed(payment: Payment, lines: Sequence[LineMoney], target: Target) -> int:
    """What is owed for units that have shipped and are not paid, in minor units."""
    unpaid = {line.line_id: max(0, line.shipped - payment.charged.get(line.line_id, 0)) for line in lines}
    value = target.value(unpaid) + (
        target.value({FEES: 1}) if any(unpaid.values()) and FEES not in payment.charged else 0
    )
    return min(value, max(0, target.captured - payment.net))


def _state(payment: Payment, lines: Sequence[LineMoney], target: Target, refund_due: int, at: datetime) -> PaymentState:
    states = {attempt.state for attempt in payment.open_attempts}
    unmet = payment.net < target.captured or payment.held(at) < target.held
    said = {
        PaymentState.MANUAL_REFUND: refund_due > 0 and manual_refund(payment) > 0,
        PaymentState.OWED: owed(payment, lines, target) > 0 and payment.declines > 0,
        PaymentState.ACTION_REQUIRED: AttemptState.ACTION_REQUIRED in states,
        PaymentState.DECLINED: payment.grace_until is not None and unmet,
        PaymentState.PROCESSING: bool(states) or unmet,
        PaymentState.REFUND_DUE: refund_due > 0,
        PaymentState.DISPUTED: payment.disputed > 0,
        PaymentState.HELD: payment.held(at) > 0,
        PaymentState.PAID: payment.net > 0,
    }
    return next((state for state, holds in said.items() if holds), PaymentState.NOT_DUE)
