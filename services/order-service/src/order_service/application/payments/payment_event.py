"""The one place where a payment becomes an event of the public contract."""

from __future__ import annotations

from datetime import datetime

from event_contracts import Event, PaymentAction, PaymentRequest, PaymentStatus, new_event
from event_contracts.sources import ORDER_SOURCE
from order_service.application.payments.ports import StoredPayment
from order_service.domain.payments.attempts import Attempt, AttemptKind
from order_service.domain.payments.customer_action import action_of
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.summary import PaymentSummary

MOST_OF_A_LINK = 2048
"""Characters of a link that an event may carry."""


def payment_event(stored: StoredPayment, summary: PaymentSummary, requested: Attempt | None, now: datetime) -> Event:
    """The event that reports a payment; with ``requested``, one that asks the merchant's system for an attempt."""
    payment, name = stored.payment, "PaymentUpdated"
    if requested is not None:
        name = "RefundRequested" if requested.kind is AttemptKind.REFUND else "PaymentRequested"
    status = PaymentStatus(
        payment_id=payment.payment_id,
        order_id=payment.order_id,
        version=payment.version,
        provider=payment.provider,
        currency=payment.terms.currency,
        due=summary.due,
        held=summary.held,
        captured=summary.captured,
        refunded=summary.refunded,
        refund_due=summary.refund_due,
        refund_due_by=stored.refund_due_by,
        state=summary.state.value,
        request=None if requested is None else _request(payment, requested),
        action=_action(payment),
        occurred_at=now,
    )
    return new_event(name, status, source=ORDER_SOURCE, sequence=payment.version, now=now)


def _action(payment: Payment) -> PaymentAction | None:
    action = action_of(payment)
    if action is None:
        return None
    # A link that is longer than any browser takes is none.
    url = action.url if action.url is not None and len(action.url) <= MOST_OF_A_LINK else None
    return PaymentAction(kind=action.kind.value, attempt_id=action.attempt_id, url=url, until=action.until)


def _request(payment: Payment, attempt: Attempt) -> PaymentRequest:
    of = payment.attempt(attempt.of) if attempt.of else None
    return PaymentRequest(
        attempt_id=attempt.attempt_id,
        kind=attempt.kind.value,
        amount=attempt.amount,
        method=attempt.method,
        reference=of.reference if of else None,
    )
