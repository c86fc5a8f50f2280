"""What can be counted on of what is announced, by a table of what suppliers did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.quantile_table import QuantileTable
from allocation_service.domain.promising.promise_dates import Expected, expected_supply


class AnnouncedDelivery(NamedTuple):
    """A purchase-order line that is still to come."""

    supplier: str
    eta: date
    units: int


class Reliance(NamedTuple):
    """By which table dates are named, and how many of 100 are to be kept."""

    table: QuantileTable
    target: int


class PromiseSource(NamedTuple):
    """What a date rests on: ``source`` is the supplier of the last delivery that it needs or, by the lead time, the
    SKU; ``confidence``: per cent, a lower bound of the probability that the units are there by then."""

    basis: Basis
    source: str
    confidence: int
    table_version: int


class LearnedSupply(NamedTuple):
    """What is on hand today, then what is to come by day, ascending: by the days that it can be counted on (``safe``,
    with what each rests on), and by those on which it is there as likely as not (``median``)."""

    safe: tuple[Expected, ...]
    median: tuple[Expected, ...]
    sources: tuple[PromiseSource, ...]


def learned_supply(
    free: int, deliveries: Iterable[AnnouncedDelivery], today: date, reliance: Reliance
) -> LearnedSupply:
    """S(t) of both kinds. Units that will surely not all be delivered are left out of both."""
    table, target = reliance
    safe: dict[date, int] = {}
    median: dict[date, int] = {}
    last: dict[date, AnnouncedDelivery] = {}
    for one in deliveries:
        units = table.units(one.supplier, one.units, target)
        if units > 0:
            day = table.safe_day(one.supplier, one.eta, today, target)
            safe[day.safe] = safe.get(day.safe, 0) + units
            median[day.median] = median.get(day.median, 0) + units
            last[day.safe] = max(one, last.get(day.safe, one))
    sources = [_source(last[day], day, today, reliance) for day in sorted(safe)]
    return LearnedSupply(_curve(free, safe, today), _curve(free, median, today), (_in_stock(reliance), *sources))


def expected_of(
    free: int, deliveries: Iterable[AnnouncedDelivery], now: datetime, grace_days: int, reliance: Reliance | None
) -> tuple[Expected, ...]:
    """S(t) as promises are made of it: as announced, overdue deliveries ``grace_days`` from now, or as learned."""
    if reliance is not None:
        return learned_supply(free, deliveries, now.date(), reliance).safe
    return expected_supply(free, [(one.eta, one.units) for one in deliveries], now, grace_days)


def _curve(free: int, days: dict[date, int], today: date) -> tuple[Expected, ...]:
    return (Expected(today, max(0, free)), *(Expected(day, days[day]) for day in sorted(days)))


def source_of_supply(
    deliveries: Iterable[AnnouncedDelivery], day: date, today: date, reliance: Reliance
) -> PromiseSource:
    """Of units that known supply covers on a day: the last delivery that is counted on by then decides."""
    coming = learned_supply(0, deliveries, today, reliance)
    counted = [source for (safe, _), source in zip(coming.safe, coming.sources, strict=True) if safe <= day]
    return counted[-1] if counted else _in_stock(reliance)


def _in_stock(reliance: Reliance) -> PromiseSource:
    return PromiseSource(Basis.STOCK, "", reliance.target, reliance.table.version)


def _source(one: AnnouncedDelivery, day: date, today: date, reliance: Reliance) -> PromiseSource:
    chance = reliance.table.confidence(one.supplier, one.eta, today, day)
    return PromiseSource(Basis.INBOUND, one.supplier, _capped(chance, reliance.target), reliance.table.version)


def source_of_lead_time(sku: str, lead_time: int, day: date, today: date, reliance: Reliance) -> PromiseSource:
    """Of units that nothing covers, promised for a day."""
    found = reliance.table.lead_time_confidence(sku, lead_time, today, day)
    return PromiseSource(Basis.LEAD_TIME, sku, _capped(found, reliance.target), reliance.table.version)


def _capped(chance: float, target: int) -> int:
    return min(target, int(100 * chance + 1e-9))
