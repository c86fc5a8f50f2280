"""By when money that is to be given back must have been sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from order_service.application.promises.promise_store import RefundRight
from order_service.domain.order import Order
from order_service.domain.payments.summary import PaymentState, PaymentSummary
from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.jurisdictions import jurisdiction_named, zone_of
from order_service.domain.promises.refunds import manual_refund_due_by, refund_due_by


def refund_deadline(order: Order, summary: PaymentSummary, rights: Sequence[RefundRight]) -> datetime | None:
    """The law's deadline for what is to be given back; None if nothing is.

    It is the earliest one of the order's ``rights`` to refunds that have not passed when the money became due. Money
    that no right of a consumer law is about, such as a lowered price, has the time that the law gives from then on.
    That the provider cannot give it back makes the deadline earlier perhaps, and never later.
    """
    since = summary.refund_since
    if since is None:
        return None
    jurisdiction = jurisdiction_named(order.terms.jurisdiction)
    zone = zone_of(jurisdiction, order.terms.time_zone)
    by_right = [right.refund_due_by for right in rights if right.refund_due_by > since]
    if summary.state is PaymentState.MANUAL_REFUND:
        return min([manual_refund_due_by(since, zone), *by_right])
    return min(by_right, default=None) or refund_due_by(jurisdiction, day_of(since, zone), zone)
