"""A SKU as allocation keeps it: how it is sold, its supply, what is inbound, and what is promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from allocation_service.domain import protocol_rules
from allocation_service.domain.demand import demand_forecast
from allocation_service.domain.demand.demand_forecast import DailyDemand
from allocation_service.domain.policies.holdback import thresholds
from allocation_service.domain.policies.policy import Forecast, Location, Moment, Policy, Share, Supply
from allocation_service.domain.promising import promise_dates
from allocation_service.domain.promising.learned_supply import (
    AnnouncedDelivery,
    PromiseSource,
    Reliance,
    expected_of,
    learned_supply,
    source_of_lead_time,
    source_of_supply,
)
from allocation_service.domain.promising.line_promise import PromiseCounters
from allocation_service.domain.promising.promise_dates import Expected, PromisedDate
from allocation_service.domain.promising.promise_renewal import PromiseOutlook
from allocation_service.domain.promising.ship_dates import Calendars, Handling, handling_at
from allocation_service.domain.supply.selling_terms import Terms

QuotaName = tuple[str, str]
"""A quota's field and name."""


@dataclass(slots=True)
class Level:
    """Stock of one (SKU, location) and all units ever granted from it, shipped ones included."""

    location: str
    on_hand: int = 0
    shipped: int = 0
    version: int = -1
    priority: int = 100
    granted: int = 0
    active: bool = True
    changed: bool = False

    @property
    def free(self) -> int:
        """Units not granted to anyone; negative where more was granted than there is."""
        return protocol_rules.supply_of(self.on_hand, self.shipped) - self.granted

    @property
    def to_give(self) -> int:
        """Units that may be handed out: those that are free, none where the location is not active any more."""
        return protocol_rules.units_to_give(self.free, 0) if self.active else 0


@dataclass(slots=True)
class Inbound:
    """A purchase-order line that is still to come; ``eta`` None until the line itself has been announced."""

    po_line: str
    remaining: int
    eta: datetime | None
    supplier: str
    location: str
    version: int
    ordered: int | None = None
    """Units ordered on the line, None where that was never told."""
    ordered_at: datetime | None = None
    changed: bool = False

    @property
    def received(self) -> int | None:
        """Units of those ordered that have come; None where it is not known how many were ordered."""
        return None if self.ordered is None else max(0, self.ordered - self.remaining)


class Announced(NamedTuple):
    """A purchase-order line and its date as they are announced; ``remaining`` 0: it is closed, with so many units
    received of those ordered."""

    po_line: str
    supplier: str
    eta: date
    remaining: int
    on: date
    ordered: int | None = None
    received: int | None = None


class Arrived(NamedTuple):
    """Units of a purchase-order line came; ``remaining`` 0: they were the last."""

    po_line: str
    remaining: int
    on: date
    ordered: int | None = None
    received: int | None = None


@dataclass(slots=True)
class Sku:
    """``waiting_units`` and ``counters`` count what is in the queue: a promise costs the same with ten
    waiting lines or a million. ``top_value``: no unit that ever waited was worth more (minor
    units). ``kept_back``: free units that are held back from the last tier; nothing is promised of them.
    ``open_loans``: loans of its units that have not come back. ``deliveries``: news of them not yet stored.
    ``merged_into``: what it is called now, if it was renamed or merged into another; nothing belongs to it any more.
    ``own_target``: of 100 first dates, how many are to be kept, where the SKU has a target of its own; ``reliance``: by
    what dates are named, None where they are taken as they are announced. ``calendars``: by which locations ship, of
    every location that has one."""

    sku: str
    known: bool = False
    mode: str = "stock_only"
    cap: int | None = None
    release_at: datetime | None = None
    lead_time_days: int = 0
    category: str | None = None
    policy_version: int = -1
    last_now: datetime | None = None
    waiting_units: int = 0
    top_value: int = 0
    kept_back: int = 0
    policy: Policy = field(default_factory=Policy)
    levels: dict[str, Level] = field(default_factory=dict)
    inbound: dict[str, Inbound] = field(default_factory=dict)
    counters: PromiseCounters = field(default_factory=PromiseCounters)
    daily: Mapping[int, DailyDemand] = field(default_factory=dict)
    quota_used: dict[QuotaName, int] = field(default_factory=dict)
    kept_for: dict[str, int] = field(default_factory=dict)
    open_loans: int = 0
    deliveries: list[Announced | Arrived] = field(default_factory=list)
    merged_into: str | None = None
    own_target: int | None = None
    reliance: Reliance | None = None
    calendars: Calendars = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Units that may be handed out, over all locations."""
        return sum([level.to_give for level in self.levels.values()])

    @property
    def open_stock(self) -> int:
        """Free units that anybody may have: none where quotas or passed orders keep them from those who wait."""
        if self.waiting_units and self.policy.withholds:
            return 0
        return max(0, self.free - self.kept_back)

    def level(self, location: str) -> Level:
        """The level of a location, made empty where nothing is known of it yet."""
        found = self.levels.get(location)
        if found is None:
            found = self.levels[location] = Level(location)
        return found

    def supply(
        self,
        next_supply: date | None,
        forecast: Forecast | None = None,
        kept_through: date | None = None,
        grace_days: int = 0,
    ) -> Supply:
        """What can be given now, for a decision."""
        locations = []
        for location in sorted(self.levels):
            level = self.levels[location]
            units = level.to_give
            if units > 0:
                locations.append(Location(location, level.priority, units))
        coming: tuple[tuple[date, int], ...] = ()
        if kept_through is not None and self.last_now is not None:
            coming = tuple((one.day, one.units) for one in self.expected(self.last_now, grace_days, 0) if one.units)
        return Supply(
            self.sku, tuple(locations), next_supply, self.lead_time_days, forecast, kept_through, True, coming
        )

    def forecast(self, moment: Moment) -> Forecast | None:
        """What each tier is expected to order before the next receipt; None where the policy keeps nothing."""
        holdback = self.policy.holdback
        if holdback is None or not holdback.enabled:
            return None
        days = moment.horizon_days
        if moment.next_supply is None and holdback.horizon_days is not None:
            days = holdback.horizon_days
        return demand_forecast.forecast(self.daily, len(self.policy.tiers), days)

    def keep_back(self, now: datetime, grace_days: int) -> None:
        """Work out what is held back from the last tier at a moment."""
        if self.policy.holdback is not None:
            moment = Moment(now, self.next_supply(now, grace_days), self.lead_time_days)
            self.kept_back = max(thresholds(self.policy, self.forecast(moment)), default=0)

    def terms(self) -> Terms:
        """How it is sold past stock, for a decision."""
        return Terms(self.mode, self.cap, self.waiting_units, self.release_date())

    def expected(self, now: datetime, grace_days: int, on_hand: int | None = None) -> tuple[Expected, ...]:
        """S(t): free stock that is not kept (or ``on_hand`` of it), then what is inbound, by the days that it can be
        counted on."""
        free = self.open_stock if on_hand is None else on_hand
        return expected_of(free, self.announced(), now, grace_days, self.reliance)

    def likely(self, now: datetime) -> tuple[Expected, ...] | None:
        """The same by the days on which it is there as likely as not; None where dates are taken as announced."""
        if self.reliance is None:
            return None
        return learned_supply(self.open_stock, self.announced(), now.date(), self.reliance).median

    def announced(self) -> tuple[AnnouncedDelivery, ...]:
        """What is inbound, with its dates."""
        return tuple(
            AnnouncedDelivery(one.supplier, one.eta.date(), one.remaining)
            for one in self.inbound.values()
            if one.eta is not None and one.remaining > 0
        )

    def source_of(self, day: date, now: datetime, *, backed: bool) -> PromiseSource | None:
        """What a date named ``now`` rests on; None where dates are taken as they are announced."""
        if self.reliance is None:
            return None
        if backed:
            return source_of_supply(self.announced(), day, now.date(), self.reliance)
        return source_of_lead_time(self.sku, self.lead_time_days, day, now.date(), self.reliance)

    def handling(self) -> Handling | None:
        """By which days its units may ship: those of each location that has some to give or expects some or, where
        there are none, of each that is active. None where none of these has a calendar."""
        if not self.calendars:
            return None
        coming = [one.location for one in self.inbound.values() if one.remaining > 0]
        there = [one.location for one in self.levels.values() if one.to_give > 0]
        anywhere = [one.location for one in self.levels.values() if one.active]
        return handling_at([*there, *coming] or anywhere, self.calendars)

    def next_supply(self, now: datetime, grace_days: int) -> date | None:
        """The date of the next expected delivery, None where nothing is inbound."""
        return min(
            (
                promise_dates.effective_eta(one.eta, now, grace_days)
                for one in self.inbound.values()
                if one.eta is not None and one.remaining > 0
            ),
            default=None,
        )

    def kept_through(self, now: datetime, grace_days: int) -> date | None:
        """The last claim date of backed promises that would break if what is free, or else the next delivery, went to
        others; None where none would, or where the policy does not protect them or shares among all."""
        policy, backed = self.policy, self.counters.claimed_backed()
        if not backed or not policy.protect_promises or policy.share is not Share.SEQUENTIAL:
            return None
        expected = self.expected(now, grace_days, self.free)
        giving = next((one.units for one in expected if one.units), 0)
        return promise_dates.kept_through(expected, backed, giving, now.date())

    def uncommitted(self, now: datetime, grace_days: int) -> int:
        """Free units that no backed promise needs: whoever takes more breaks one that was made before. Without a policy
        that protects promises, all that are free."""
        policy, backed = self.policy, self.counters.claimed_backed()
        if not backed or not policy.protect_promises or policy.share is not Share.SEQUENTIAL:
            return self.free
        return promise_dates.uncommitted(self.expected(now, grace_days, self.free), backed, now.date())

    def moment(self, now: datetime, grace_days: int) -> Moment:
        """How its queue is ranked at a moment."""
        next_supply = self.next_supply(now, grace_days)
        return Moment(now, next_supply, self.lead_time_days, self.kept_through(now, grace_days))

    def release_date(self) -> date | None:
        """Preorders are never promised before it."""
        return self.release_at.date() if self.mode == "preorder" and self.release_at else None

    @property
    def reorder_days(self) -> int:
        """Days until something ordered today can be counted on: the lead time, as it turned out to be; 0 where it is
        not known, or nothing is ordered any more."""
        if self.mode == "discontinued" or not self.lead_time_days or self.reliance is None:
            return 0 if self.mode == "discontinued" else self.lead_time_days
        return self.reliance.table.lead_time_days(self.sku, self.lead_time_days, self.reliance.target)

    def outlook(self, grace_days: int) -> PromiseOutlook:
        """What its promises are made from, in one order however it was read."""
        return PromiseOutlook(
            self._coming(),
            dict(sorted(self.counters.promised_units().items())),
            dict(sorted(self.counters.claimed_units().items())),
            self.reorder_days,
            self.release_date(),
            self.kept_back,
            grace_days,
        )

    def _coming(self) -> tuple[tuple[datetime, int], ...]:
        """What is inbound, by the moments that it is announced for, or by the days that it can be counted on."""
        if self.reliance is None or self.last_now is None:
            coming = sorted((one.eta, one.remaining) for one in self.inbound.values() if one.eta is not None)
            return tuple((eta, units) for eta, units in coming if units > 0)
        _, *safe = learned_supply(0, self.announced(), self.last_now.date(), self.reliance).safe
        return tuple((datetime.combine(day, time(), UTC), units) for day, units in safe)

    def quote(self, units: int, now: datetime, grace_days: int, on_hand: int | None = None) -> PromisedDate:
        """The promise for ``units`` more, of stock no more than ``on_hand``."""
        return promise_dates.promise(
            self.expected(now, grace_days, on_hand),
            self.counters.claimed_units(),
            self.counters.promised_units(),
            units,
            now,
            lead_time_days=self.reorder_days,
            not_before=self.release_date(),
        )
