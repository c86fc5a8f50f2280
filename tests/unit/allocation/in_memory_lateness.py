"""How late deliveries were, in memory: a row for each date that was ever announced for a purchase-order line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from allocation_service.domain.supply.lateness import WINDOW, WINDOW_DAYS, Lateness, lateness
from allocation_service.domain.supply.sku import Announced, Arrived


class AnnouncedDate(NamedTuple):
    """It stood from ``lead_from`` down to ``lead_to`` days before the date; None: it stands. ``observed_at``: the
    line is closed since then."""

    po_line: str
    supplier: str
    eta: date
    lead_from: int
    lead_to: int | None = None
    arrived_on: date | None = None
    observed_at: date | None = None
    ordered: int | None = None
    received: int | None = None

    @property
    def days_late(self) -> int | None:
        """Days from the date to the last arrival."""
        return None if self.arrived_on is None else (self.arrived_on - self.eta).days

    def stood(self, lead_days: int) -> bool:
        """It was the date that was known so many days before it."""
        return self.lead_from >= lead_days and (self.lead_to is None or self.lead_to <= lead_days)


Deliveries = dict[int, AnnouncedDate]


def note_news(deliveries: Deliveries, news: Announced | Arrived) -> None:
    """A date was announced, or units came."""
    if isinstance(news, Announced) and news.remaining:
        _announce(deliveries, news)
    if isinstance(news, Arrived):
        _update_open(deliveries, news.po_line, arrived_on=news.on)
    if not news.remaining:
        for number, one in _open(deliveries, news.po_line):
            lead_to = one.lead_to if one.lead_to is not None else min(one.lead_from, (one.eta - news.on).days)
            deliveries[number] = one._replace(
                observed_at=news.on, lead_to=lead_to, ordered=news.ordered, received=news.received
            )


def evidence_of(deliveries: Deliveries, supplier: str | None, lead_days: int, today: date) -> Lateness:
    """How late deliveries were against the date that stood ``lead_days`` before it; a supplier's, or everybody's.

    Lines of one delivery are one observation, and only dates that are over count.
    """
    since = today - timedelta(days=WINDOW_DAYS)
    over = {
        (one.supplier, one.eta, one.days_late if one.observed_at is not None else None)
        for one in deliveries.values()
        if supplier in (None, one.supplier) and since <= one.eta < today and one.stood(lead_days)
    }
    newest = sorted(over, key=lambda one: one[1], reverse=True)[:WINDOW]
    return lateness(days for _, _, days in newest)


def _announce(deliveries: Deliveries, news: Announced) -> None:
    for number, one in _open(deliveries, news.po_line):
        if one.lead_to is None and one.eta != news.eta:
            deliveries[number] = one._replace(lead_to=(one.eta - news.on).days + 1)
    known = [one for _, one in _open(deliveries, news.po_line)]
    if not any(one.lead_to is None for one in known):
        arrived = max((one.arrived_on for one in known if one.arrived_on is not None), default=None)
        deliveries[len(deliveries)] = AnnouncedDate(
            news.po_line, news.supplier, news.eta, (news.eta - news.on).days, None, arrived
        )


def _update_open(deliveries: Deliveries, po_line: str, *, arrived_on: date) -> None:
    for number, one in _open(deliveries, po_line):
        deliveries[number] = one._replace(arrived_on=arrived_on)


def _open(deliveries: Deliveries, po_line: str) -> Iterable[tuple[int, AnnouncedDate]]:
    return [(number, one) for number, one in deliveries.items() if one.po_line == po_line and one.observed_at is None]
