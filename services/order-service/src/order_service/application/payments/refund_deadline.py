"""By when money that is to be given back must have been sent."""

from __future__ import annotations

from datetime import datetime

from order_service.domain.order import Order
from order_service.domain.payments.summary import PaymentState, PaymentSummary
from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.jurisdictions import jurisdiction_named, zone_of
from order_service.domain.promises.refunds import refund_due_by
from order_service.domain.promises.verdict import Tender


def refund_deadline(order: Order, summary: PaymentSummary) -> datetime | None:
    """The law's deadline for what is to be given back; None if nothing is."""
    if summary.refund_since is None:
        return None
    jurisdiction = jurisdiction_named(order.terms.jurisdiction)
    zone = zone_of(jurisdiction, order.terms.time_zone)
    tender = Tender.MANUAL if summary.state is PaymentState.MANUAL_REFUND else Tender.ORIGINAL
    return refund_due_by(jurisdiction, day_of(summary.refund_since, zone), zone, tender=tender)
