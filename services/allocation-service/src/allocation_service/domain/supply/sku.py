"""A SKU as allocation keeps it: how it is sold, its supply, what is inbound, and what is promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain import protocol_rules
from allocation_service.domain.demand import demand_forecast
from allocation_service.domain.demand.demand_forecast import DailyDemand
from allocation_service.domain.policies.holdback import thresholds
from allocation_service.domain.policies.policy import Forecast, Location, Moment, Policy, Share, Supply
from allocation_service.domain.promising import promise_dates
from allocation_service.domain.promising.line_promise import PromiseCounters
from allocation_service.domain.promising.promise_dates import Expected, PromisedDate
from allocation_service.domain.promising.promise_renewal import PromiseOutlook
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
    changed: bool = False


class Announced(NamedTuple):
    """A purchase-order line and its date as they are announced; ``remaining`` 0: it is closed."""

    po_line: str
    supplier: str
    eta: date
    remaining: int
    on: date


class Arrived(NamedTuple):
    """Units of a purchase-order line came; ``remaining`` 0: they were the last."""

    po_line: str
    remaining: int
    on: date


@dataclass(slots=True)
class Sku:
    """``waiting_units`` and ``counters`` count what is in the queue: a promise costs the same with ten
    waiting lines or a million. ``top_value``: no unit that ever waited was worth more (minor
    units). ``kept_back``: free units that are held back from the last tier; nothing is promised of them.
    ``open_loans``: loans of its units that have not come back. ``deliveries``: news of them not yet stored.
    ``merged_into``: what it is called now, if it was renamed or merged into another; nothing belongs to it any more."""

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
        self, next_supply: date | None, forecast: Forecast | None = None, kept_through: date | None = None
    ) -> Supply:
        """What can be given now, for a decision."""
        locations = []
        for location in sorted(self.levels):
            level = self.levels[location]
            units = level.to_give
            if units > 0:
                locations.append(Location(location, level.priority, units))
        return Supply(
            self.sku, tuple(locations), next_supply, self.lead_time_days, forecast, kept_through, by_claim=True
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
        """S(t): free stock that is not kept (or ``on_hand`` of it), then what is inbound."""
        coming = [(one.eta, one.remaining) for one in self.inbound.values() if one.eta is not None]
        return promise_dates.expected_supply(self.open_stock if on_hand is None else on_hand, coming, now, grace_days)

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

    def moment(self, now: datetime, grace_days: int) -> Moment:
        """How its queue is ranked at a moment."""
        next_supply = self.next_supply(now, grace_days)
        return Moment(now, next_supply, self.lead_time_days, self.kept_through(now, grace_days))

    def release_date(self) -> date | None:
        """Preorders are never promised before it."""
        return self.release_at.date() if self.mode == "preorder" and self.release_at else None

    @property
    def reorder_days(self) -> int:
        """Days until something ordered today would come: the lead time; 0 where it is not known, or nothing is ordered
        any more."""
        return 0 if self.mode == "discontinued" else self.lead_time_days

    def outlook(self, grace_days: int) -> PromiseOutlook:
        """What its promises are made from, in one order however it was read."""
        coming = sorted((one.eta, one.remaining) for one in self.inbound.values() if one.eta is not None)
        return PromiseOutlook(
            tuple((eta, units) for eta, units in coming if units > 0),
            dict(sorted(self.counters.promised_units().items())),
            dict(sorted(self.counters.claimed_units().items())),
            self.reorder_days,
            self.release_date(),
            self.kept_back,
            grace_days,
        )

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
