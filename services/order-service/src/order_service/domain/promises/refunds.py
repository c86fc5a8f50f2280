"""By when a refund must have been sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from order_service.domain.promises.calendar import add_working_days, day_of, end_of_day
from order_service.domain.promises.jurisdictions import Jurisdiction
from order_service.domain.promises.verdict import Tender

_US_WORKING_DAYS = 7


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """What the law leaves open. ``days`` are those of the EU and the UK, and of orders under no consumer law;
    ``billing_cycle`` the days of a billing cycle of the seller's own credit."""

    days: int = 14
    billing_cycle: int = 28


def refund_due_by(
    jurisdiction: Jurisdiction | None,
    vested_on: date,
    zone: str,
    *,
    tender: Tender = Tender.ORIGINAL,
    terms: RefundTerms | None = None,
) -> datetime:
    """The moment by which the refund must have been sent, when the right to it vested on this day of ``zone``.

    United States: seven working days, and where the seller is the creditor one billing cycle (16 CFR 435.1(b)). EU and
    UK: "without undue delay" (2011/83/EU Art. 18(3), CRA s. 28(9)), taken as the 14 days of Art. 13(1) of the directive
    and reg. 34 of the UK's SI 2013/3134. Where the same way is impossible, pass the day on which that was found out
    and Tender.MANUAL: it is seven working days from then, everywhere.
    """
    terms = terms or RefundTerms()
    if tender is Tender.MANUAL:
        return end_of_day(add_working_days(vested_on, _US_WORKING_DAYS), zone)
    if jurisdiction is not Jurisdiction.US:
        return end_of_day(vested_on + timedelta(days=terms.days), zone)
    if tender is Tender.SELLER_CREDIT:
        return end_of_day(vested_on + timedelta(days=terms.billing_cycle), zone)
    return end_of_day(add_working_days(vested_on, _US_WORKING_DAYS), zone)


def manual_refund_due_by(found_out_at: datetime, zone: str) -> datetime:
    """The moment by which a refund must have been sent that cannot go back the way the payment came.

    16 CFR 435.1(b)(1), proviso: seven working days from when the seller finds that out.
    """
    return refund_due_by(None, day_of(found_out_at, zone), zone, tender=Tender.MANUAL)
