"""A SKU as allocation keeps it: how it is sold, its supply, what is inbound, and what is promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from allocation_service.domain import promising, rules
from allocation_service.domain.placing import Terms
from allocation_service.domain.policy import Location, Policy, Supply
from allocation_service.domain.promising import Expected


@dataclass(slots=True)
class Level:
    """Stock of one (SKU, location) and all units ever granted from it, shipped ones included."""

    location: str
    on_hand: int = 0
    shipped: int = 0
    version: int = -1
    priority: int = 100
    granted: int = 0
    changed: bool = False

    @property
    def free(self) -> int:
        """Units not granted to anyone; negative where more was granted than there is."""
        return rules.supply_of(self.on_hand, self.shipped) - self.granted


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


@dataclass(slots=True)
class Sku:
    """``waiting_units`` and ``promised`` are counters over the queue: a promise costs the same with ten
    waiting lines or a million."""

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
    policy: Policy = field(default_factory=Policy)
    levels: dict[str, Level] = field(default_factory=dict)
    inbound: dict[str, Inbound] = field(default_factory=dict)
    promised: dict[date, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Units that may be handed out, over all locations."""
        return sum(rules.units_to_give(level.free, 0) for level in self.levels.values())

    def level(self, location: str) -> Level:
        """The level of a location, made empty where nothing is known of it yet."""
        found = self.levels.get(location)
        if found is None:
            found = self.levels[location] = Level(location)
        return found

    def supply(self, next_supply: date | None) -> Supply:
        """What can be given now, for a decision."""
        places = []
        for location in sorted(self.levels):
            level = self.levels[location]
            units = rules.units_to_give(level.free, 0)
            if units > 0:
                places.append(Location(location, level.priority, units))
        return Supply(self.sku, tuple(places), next_supply, self.lead_time_days)

    def terms(self) -> Terms:
        """How it is sold past stock, for a decision."""
        return Terms(self.mode, self.cap, self.waiting_units)

    def expected(self, now: datetime, grace_days: int) -> tuple[Expected, ...]:
        """S(t): free stock, then what is inbound."""
        coming = [(one.eta, one.remaining) for one in self.inbound.values() if one.eta is not None]
        return promising.expected_supply(self.free, coming, now, grace_days)

    def next_supply(self, now: datetime, grace_days: int) -> date | None:
        """The date of the next expected delivery, None where nothing is inbound."""
        return min(
            (
                promising.effective_eta(one.eta, now, grace_days)
                for one in self.inbound.values()
                if one.eta is not None and one.remaining > 0
            ),
            default=None,
        )

    def release_date(self) -> date | None:
        """Preorders are never promised before it."""
        return self.release_at.date() if self.mode == "preorder" and self.release_at else None

    def quote(self, units: int, now: datetime, grace_days: int) -> date | None:
        """The promise date for ``units`` more; stock-only SKUs are promised from known supply alone."""
        return promising.promise(
            self.expected(now, grace_days),
            self.promised,
            units,
            now,
            lead_time_days=self.lead_time_days,
            not_before=self.release_date(),
        )
