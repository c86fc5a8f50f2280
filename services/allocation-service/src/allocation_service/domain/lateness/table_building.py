"""From outcomes to a table: what suppliers did, and how often promises were missed, folded into the next version."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple, TypeVar

from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.observations import NEWEST, AnnouncedDate, Observation, observations
from allocation_service.domain.lateness.quantile_table import LEAST_OWN, LEVELS, Quantiles, QuantileTable, unit_days
from allocation_service.domain.lateness.quantiles import (
    Duration,
    conformal_quantile,
    lower_quantile,
    survival_quantile,
)
from allocation_service.domain.lateness.situations import LEAD_TIME, Situation

T = TypeVar("T")

Alpha = Callable[[Basis, str, int], float]
"""The share of misses to ask for, of a basis, a source ("" for all) and a target in per cent."""


class ClosedLine(NamedTuple):
    """A purchase-order line that is closed: units ordered, and received on it."""

    supplier: str
    ordered: int
    received: int
    closed_on: date


class LeadTimeLine(NamedTuple):
    """A line that was promised by the lead time alone: ``served_on`` None while units of it wait."""

    sku: str
    asked_on: date
    lead_time: int
    served_on: date | None


class History(NamedTuple):
    """What a table is made of."""

    dates: Sequence[AnnouncedDate] = ()
    closed: Sequence[ClosedLine] = ()
    lead_time_lines: Sequence[LeadTimeLine] = ()


def build_table(version: int, history: History, today: date, targets: Collection[int], alpha: Alpha) -> QuantileTable:
    """The table that a history gives, at the end of the day before ``today``."""
    pool = {
        situation: _pooled(found, targets, partial(alpha, Basis.INBOUND, ""))
        for situation, found in observations(history.dates, today).items()
    }
    own = {
        (supplier, situation): _own(found, targets, partial(alpha, Basis.INBOUND, supplier))
        for supplier, dates in _grouped(history.dates, lambda one: one.supplier).items()
        for situation, found in observations(dates, today).items()
        if len(found) >= LEAST_OWN
    }
    own_lead_times, pool_lead_times = _lead_times(history.lead_time_lines, today, targets, alpha)
    return QuantileTable(version, own | own_lead_times, pool | pool_lead_times, _yields(history.closed, targets, alpha))


def _lead_times(
    lines: Sequence[LeadTimeLine], today: date, targets: Collection[int], alpha: Alpha
) -> tuple[dict[tuple[str, Situation], Quantiles], dict[Situation, Quantiles]]:
    """By SKU, and of all. As with announced dates, only lines whose lead time is over count, those that wait yet as
    missing: of the newest of all, nothing could be seen but that they wait."""
    over = [one for one in lines if (today - one.asked_on).days > one.lead_time]
    newest = sorted(over, key=lambda one: (one.asked_on, one.sku), reverse=True)
    own = {
        (sku, LEAD_TIME): _own(
            [_waited(one, today) for one in some[:NEWEST]], targets, partial(alpha, Basis.LEAD_TIME, sku)
        )
        for sku, some in _grouped(newest, lambda one: one.sku).items()
        if len(some) >= LEAST_OWN
    }
    everybody = [_waited(one, today) for one in newest[:NEWEST]]
    if not everybody:
        return own, {}
    return own, {LEAD_TIME: _pooled(everybody, targets, partial(alpha, Basis.LEAD_TIME, ""))}


def _waited(line: LeadTimeLine, today: date) -> Observation:
    days = ((line.served_on or today) - line.asked_on).days - line.lead_time
    return Observation(days, line.served_on is None, line.lead_time)


def _own(found: Sequence[Observation], targets: Collection[int], alpha: Callable[[int], float]) -> Quantiles:
    return _quantiles([_duration(one, 1) for one in found], targets, alpha)


def _pooled(found: Sequence[Observation], targets: Collection[int], alpha: Callable[[int], float]) -> Quantiles:
    return _quantiles([_duration(one, unit_days(one.lead)) for one in found], targets, alpha)


def _duration(one: Observation, unit: int) -> Duration:
    return Duration(math.inf if one.days is None else one.days / unit, one.missing)


def _quantiles(durations: Sequence[Duration], targets: Collection[int], alpha: Callable[[int], float]) -> Quantiles:
    plain = tuple(survival_quantile(durations, level) or 0.0 for level in LEVELS)
    safe = {target: conformal_quantile(durations, alpha(target)) for target in targets}
    return Quantiles(len(durations), plain, {target: days for target, days in safe.items() if days is not None})


def _yields(closed: Sequence[ClosedLine], targets: Collection[int], alpha: Alpha) -> Mapping[str, Mapping[int, float]]:
    newest = sorted((one for one in closed if one.ordered > 0), key=lambda one: one.closed_on, reverse=True)
    found: dict[str, Mapping[int, float]] = {}
    for source, lines in {"": newest, **_grouped(newest, lambda one: one.supplier)}.items():
        shares = [min(1.0, one.received / one.ordered) for one in lines[:NEWEST]]
        if len(shares) >= LEAST_OWN:
            found[source] = {target: lower_quantile(shares, alpha(Basis.INBOUND, source, target)) for target in targets}
    return found


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for one in items:
        found.setdefault(key(one), []).append(one)
    return found
