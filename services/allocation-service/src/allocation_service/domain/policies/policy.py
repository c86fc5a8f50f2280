"""Allocation policies: versioned data that say in which order waiting demand is served, how scarce supply
is shared, and what guards those who would lose by it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

NO_DATE = date(9999, 12, 31)
"""Stands for "no date" in sort keys: such demand comes after every dated one."""

DEFAULT_HORIZON_DAYS = 30
"""Days until the next receipt where none is confirmed and the SKU has no lead time."""


class Sort(StrEnum):
    """The order of the queue. ``priority``: tier, needed by, queued; ``earliest_due``: due, queued;
    ``value_index``: the cost of making a unit wait for the next receipt, the dearest first."""

    FIFO = "fifo"
    PRIORITY = "priority"
    EARLIEST_DUE = "earliest_due"
    VALUE_INDEX = "value_index"


class Share(StrEnum):
    """How a class is served when the supply does not reach all of it. A class is what shares the leading
    part of the key: a tier under ``priority``, one value under ``value_index``, else the whole queue.

    ``proportional`` invites inflated orders; under ``max_min`` an order's size beyond its share gains nothing.
    """

    SEQUENTIAL = "sequential"
    PROPORTIONAL = "proportional"
    MAX_MIN = "max_min"
    UNIFORM_LOSSES = "uniform_losses"


class Complete(StrEnum):
    """How orders that ship complete are chosen when several SKUs bind: by value per scarce unit, or by
    an integer programme (a solver is passed in; without one, or without its answer, greedily)."""

    GREEDY = "greedy"
    OPTIMAL = "optimal"


class Weights(NamedTuple):
    """What the value index counts, each in percent: the days since a line was queued, its customer's tier,
    its lateness, and its unit value (by doublings)."""

    date: int = 0
    loyalty: int = 100
    urgency: int = 100
    value: int = 0


class TierTerms(NamedTuple):
    """A class of customers. ``weight``: what a day late of theirs counts; ``patience_days``: the mean time
    until they cancel; ``due_days``: when units without a date are due, after they were ordered."""

    name: str
    weight: int
    patience_days: int
    due_days: int


DEFAULT_TIERS = (
    TierTerms("platinum", 8, 50, 2),
    TierTerms("gold", 4, 40, 3),
    TierTerms("silver", 2, 30, 7),
    TierTerms("standard", 1, 20, 14),
)


class ValueIndex(NamedTuple):
    """``loss_days``: what a cancelled unit costs, in weighted days late."""

    weights: Weights = Weights()
    loss_days: int = 30


class Holdback(NamedTuple):
    """Units are kept for better tiers that are expected to order before the next receipt.

    ``horizon_days``: how far to look where no receipt is confirmed; None for the SKU's lead time.
    ``max_units``: never keep more than that; None for no limit.
    """

    enabled: bool = True
    horizon_days: int | None = None
    max_units: int | None = None


class Quota(NamedTuple):
    """At most ``units`` of a SKU for a channel or region between two receipts: what was granted to it since
    the last one counts, whether it has shipped or not. A cap protects the others only from this one; it
    protects a channel only if all the others are capped.
    """

    field: Literal["channel", "region"]
    name: str
    units: int


class Ageing(NamedTuple):
    """A line counts as one tier better for every ``step_days`` it has waited; older than ``max_days``, it
    goes to the top and nothing is held back from it."""

    step_days: int
    max_days: int


class Lending(NamedTuple):
    """Stock of an order that needs it later may serve one that needs it now, and comes back from a delivery.

    ``confidence_percent``: how surely that delivery must arrive in time; ``lock_days``: before the day the
    lender needs its units nothing of them is lent, and by the first of these days they are back;
    ``min_observations``: with fewer deliveries to judge by, nothing is lent.
    """

    confidence_percent: int = 99
    lock_days: int = 2
    min_observations: int = 30


class BetterTiers(NamedTuple):
    """A tier and, if ``or_better``, all that are better than it."""

    tier: str
    or_better: bool


class Policy(NamedTuple):
    """``protect_promises``: demand whose promise would break by it, or is at risk anyway, is served before the
    rest (``Protection``), so that a sort moves stock among waiters but does not break a promise already made.

    ``tiers`` are the best first; a demand's ``tier_rank`` is a position in them, and whoever stands
    behind the last is treated as the last. ``bypass_limit``: how often an order that ships complete may
    be passed by others; then the stock it waits for is kept for it.
    """

    name: str = "default"
    version: int = 0
    sort: Sort = Sort.FIFO
    protect_promises: bool = True
    share: Share = Share.SEQUENTIAL
    tiers: tuple[TierTerms, ...] = DEFAULT_TIERS
    value_index: ValueIndex = ValueIndex()
    holdback: Holdback | None = None
    quotas: tuple[Quota, ...] = ()
    ageing: Ageing | None = None
    bypass_limit: int | None = None
    complete: Complete = Complete.GREEDY
    lending: Lending | None = None

    @property
    def withholds(self) -> bool:
        """Quotas, or orders that were passed, may keep free stock from some who wait."""
        return bool(self.quotas or self.bypass_limit is not None)

    @property
    def guarded(self) -> bool:
        """Free stock may rightly stand before demand that waits for it."""
        return bool(self.holdback or self.quotas or self.bypass_limit is not None)

    @property
    def lets_go(self) -> bool:
        """Time alone may let go of stock that was kept: what is expected changes, and who stands before whom. What
        quotas keep does not depend on either."""
        return bool(self.holdback or self.bypass_limit is not None or (self.quotas and self.shared))

    @property
    def shared(self) -> bool:
        """Who gets what depends on everybody who waits, not only on those who stand before."""
        return self.share is not Share.SEQUENTIAL or self.complete is Complete.OPTIMAL

    @property
    def in_parts(self) -> bool:
        """A long queue may be decided part by part: what one part did not get matters to no other."""
        return not self.shared and not self.quotas and self.bypass_limit is None

    @property
    def indexed(self) -> bool:
        """The queue's order is that of an index, and whoever stands first is served first."""
        in_order = self.sort in (Sort.FIFO, Sort.PRIORITY) and self.ageing is None
        return in_order and not self.guarded and not self.shared

    def better_than(self, level: int) -> BetterTiers:
        """Whom units are for that are kept from the tier of a level: the one above it, and all that are better."""
        return BetterTiers(self.tiers[level - 1].name, or_better=level > 1)


class Demand(NamedTuple):
    """Units of one line that wait. ``order_skus_locked`` false: its order cannot be decided here.

    ``unit_value``: price of a unit in minor units; ``bypassed``: how often others were served before it
    because it could not be filled whole. ``claim_date``: the day from which it claims supply; ``backed``: known supply
    backs its promise (see ``promising``). ``granted``: units that its line has been given so far, known only where the
    policy shares.
    """

    line_id: str
    order_id: str
    sku: str
    quantity: int
    queued_at: datetime
    tier_rank: int = 0
    needed_by: date = NO_DATE
    promise_date: date | None = None
    preference: str | None = None
    ship_complete: bool = False
    order_skus_locked: bool = True
    tier: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    region: str | None = None
    unit_value: int = 0
    placed_at: datetime | None = None
    bypassed: int = 0
    claim_date: date | None = None
    backed: bool = False
    granted: int = 0


class Moment(NamedTuple):
    """When a SKU's queue is ranked: ``next_supply`` is the date of its next confirmed receipt, None where
    nothing is inbound; ``lead_time_days`` then says how long it would take (0: not known).

    ``kept_through``: backed promises that claim supply by this day would break if free stock went to others (see
    ``promising.kept_through``); None where none would. ``by_claim``: false for decisions of before each promise had a
    claim of its own: they went by promise dates alone.
    """

    now: datetime
    next_supply: date | None = None
    lead_time_days: int = 0
    kept_through: date | None = None
    by_claim: bool = True

    @property
    def horizon_days(self) -> int:
        """Days until the next receipt, at least 1: what comes today is handed out tomorrow."""
        if self.next_supply is not None:
            return max(1, (self.next_supply - self.now.date()).days)
        return self.lead_time_days or DEFAULT_HORIZON_DAYS

    @property
    def protected_before(self) -> date:
        """Promises for days before it are at risk: the day of the next confirmed receipt; where nothing is
        inbound, the day on which what is ordered today would come."""
        return self.next_supply or self.now.date() + timedelta(days=self.horizon_days)


Key = tuple[int, int, date, datetime, str]
"""(band, rank or negative value, date, queued at, line id): smaller is served first; a total order. Bands are
those of ``sorting``: promises to keep, day by day; then what is at the top for another reason; then the rest."""


class Location(NamedTuple):
    """Free units of a SKU at a location; lower ``priority`` serves first."""

    name: str
    priority: int
    free: int


class Expectation(NamedTuple):
    """Units one tier is expected to order before the next receipt."""

    mean: float
    variance: float


Forecast = tuple[Expectation, ...]
"""Expected demand by tier rank, the best first; tiers that are left out are expected to order nothing."""


class Supply(NamedTuple):
    """What can be given of a SKU now, the date of the next expected supply (or the lead time), the demand
    that better tiers may bring before it, from which units are held back, and the promises to keep first."""

    sku: str
    locations: tuple[Location, ...]
    next_supply: date | None = None
    lead_time_days: int = 0
    forecast: Forecast | None = None
    kept_through: date | None = None
    by_claim: bool = True
    coming: tuple[tuple[date, int], ...] = ()
    """Units that can be counted on by day, where promises are to be kept first."""

    def coming_by(self, day: date) -> int:
        """Units that can be counted on by then, beside what is free."""
        return sum([units for when, units in self.coming if when <= day])

    @property
    def free(self) -> int:
        """Free units over all locations."""
        return sum(location.free for location in self.locations if location.free > 0)

    def up_to(self, units: int, preference: str | None) -> Supply:
        """No more than that, so that the locations that serve last keep what is left."""
        locations = []
        for location in sorted(self.locations, key=lambda one: (one.name != preference, one.priority, one.name)):
            part = min(units, location.free)
            if part > 0:
                locations.append(location._replace(free=part))
                units -= part
        return self._replace(locations=tuple(sorted(locations)))

    def moment(self, now: datetime) -> Moment:
        """When its queue is ranked."""
        return Moment(now, self.next_supply, self.lead_time_days, self.kept_through, self.by_claim)


Grants = tuple[tuple[str, int], ...]
"""(location, units) pairs."""
