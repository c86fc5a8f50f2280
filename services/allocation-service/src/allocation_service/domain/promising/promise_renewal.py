"""Renewing the promises of lines that units were taken back from: what they are promised now, and what they claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain.promising import promise_dates
from allocation_service.domain.promising.line_promise import LinePromise
from allocation_service.domain.promising.promise_dates import UNDATED, later


class PromiseOutlook(NamedTuple):
    """What the promises of a SKU are made from, beside what is free; ``kept_back`` units are promised to nobody."""

    inbound: tuple[tuple[datetime, int], ...] = ()
    promised: Mapping[date, int] = {}
    claimed: Mapping[date, int] = {}
    lead_time_days: int = 0
    not_before: date | None = None
    kept_back: int = 0
    grace_days: int = 2


class Promisable(NamedTuple):
    """An outlook without those whose promises are renewed, and the units that are free. ``withheld``: while anybody
    waits, these are promised to nobody (``Policy.withholds``)."""

    outlook: PromiseOutlook
    free: int
    withheld: bool = False


class TakenBack(NamedTuple):
    """The units of a line that wait, now that some were taken back; ``queued_at``: since its first were ordered."""

    line_id: str
    sku: str
    units: int
    queued_at: datetime
    promise: LinePromise


def renew(lines: Iterable[TakenBack], skus: Mapping[str, Promisable], now: datetime) -> dict[str, LinePromise]:
    """Promise again what was taken back and still waits; never earlier than before.

    If known supply covers it, it claims that behind all who were promised in the meantime. If not, it keeps its
    place among those whose promise rests on the lead time: where it was served at once, from when it was ordered.
    Of several lines, the one that was ordered first has the first choice.
    """
    promised = {sku: dict(one.outlook.promised) for sku, one in skus.items()}
    claimed = {sku: dict(one.outlook.claimed) for sku, one in skus.items()}
    found = {}
    for line in sorted(lines, key=lambda one: (one.queued_at, one.line_id)):
        outlook, days, claims = skus[line.sku].outlook, promised[line.sku], claimed[line.sku]
        day, backed = promise_dates.promise(
            promise_dates.expected_supply(_open(skus[line.sku], claims), outlook.inbound, now, outlook.grace_days),
            claims,
            days,
            line.units,
            now,
            lead_time_days=outlook.lead_time_days,
            not_before=outlook.not_before,
        )
        told = later(line.promise.promise_date, day) if day is not None else None
        claim = (day if backed else _claim_of(line)) or UNDATED
        found[line.line_id] = LinePromise(told, claim, backed)
        claims[claim] = claims.get(claim, 0) + line.units
        if told is not None:
            days[told] = days.get(told, 0) + line.units
    return found


def _open(sku: Promisable, claimed: Mapping[date, int]) -> int:
    """Free units that may be promised: whoever waits claims some, from a date or from none."""
    return 0 if sku.withheld and any(claimed.values()) else max(0, sku.free - sku.outlook.kept_back)


def _claim_of(line: TakenBack) -> date:
    """From when a line that no supply covers claims some: units that were served at once, since they were ordered."""
    return line.queued_at.date() if line.promise.claim_date == UNDATED else line.promise.claim_date
