"""What the customer has to do so that a payment goes on, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from order_service.domain.payments.attempts import TAKING, AttemptState
from order_service.domain.payments.grace import GRACE
from order_service.domain.payments.payment import Payment


class ActionKind(StrEnum):
    """``authenticate``: confirm the payment with the bank. ``replace_method``: name another card or account."""

    AUTHENTICATE = "authenticate"
    REPLACE_METHOD = "replace_method"


@dataclass(frozen=True, slots=True)
class CustomerAction:
    """What is asked of the customer because of an attempt: one for each problem, however often a bank is asked again.

    ``url`` is where the customer confirms; ``until`` is when units that are not paid are cancelled.
    """

    kind: ActionKind
    attempt_id: str
    url: str | None
    until: datetime


def action_of(payment: Payment) -> CustomerAction | None:
    """What the customer has to do now; None: nothing, or there is no time left.

    Of a row of declines it names the attempt that began it: the last one that was made before the grace began.
    """
    until = payment.grace_until
    if until is None:
        return None
    for attempt in payment.open_attempts:
        if attempt.state is AttemptState.ACTION_REQUIRED:
            return CustomerAction(ActionKind.AUTHENTICATE, attempt.attempt_id, attempt.action_url, until)
    began = [one for one in payment.attempts if one.kind in TAKING and one.created_at <= until - GRACE]
    if not payment.declines or not began:
        return None
    return CustomerAction(ActionKind.REPLACE_METHOD, began[-1].attempt_id, None, until)
