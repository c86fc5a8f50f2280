"""Article 18 of Directive 2011/83/EU, and section 28 of the United Kingdom's Consumer Rights Act 2015."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from order_service.domain.promises.calendar import day_of, end_of_day
from order_service.domain.promises.records import Choice, Offer, OfferedLine
from order_service.domain.promises.verdict import VerdictState


@dataclass(frozen=True, slots=True)
class Period:
    """The last day by which the line must be delivered now, and whether the customer set it."""

    until: date | None
    set_by_customer: bool = False


def period_after(applicable: date, offers: Sequence[tuple[Offer, OfferedLine]], zone: str) -> Period:
    """The additional period that the customer has set, else the agreed day or the 30 days, ``applicable``.

    Art. 18(2), s. 28(7): the customer calls upon the trader to deliver within an additional period that is appropriate
    to the circumstances. Accepting an offered day sets the period until that day; accepting one of unknown length
    sets none, so that the customer may set one at any time. The newest reply counts.
    """
    period = Period(applicable)
    for offer, line in offers:
        reply = offer.reply
        if offer.sent_at is None or reply is None or reply.choice is Choice.CANCEL:
            continue
        until = reply.until if reply.choice is Choice.GRANT_UNTIL else line.to_date
        day = max(applicable, until or applicable)
        period = Period(day, set_by_customer=until is not None and day >= day_of(reply.received_at, zone))
    return period


def state_at(now: datetime, period: Period, applicable: date, zone: str, *, time_essential: bool) -> VerdictState:
    """How an undelivered line stands ``now``. Silence changes nothing.

    Past its day, the customer may set an additional period, and past that may end the contract. Where time was
    essential, may end it at once: Art. 18(2) second subparagraph, s. 28(6).
    """
    if now < end_of_day(applicable, zone):
        return VerdictState.CONSENTED if period.set_by_customer else VerdictState.ON_TIME
    if period.set_by_customer:
        over = period.until is not None and now >= end_of_day(period.until, zone)
        return VerdictState.MAY_END if over else VerdictState.CONSENTED
    return VerdictState.MAY_END if time_essential else VerdictState.OVERDUE
