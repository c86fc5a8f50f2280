"""The session of one transaction: the SKUs it locked, the orders and lines it read, and what changed."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from allocation_service.application.session.order import Order
from allocation_service.application.session.published_reason import Wording
from allocation_service.application.session.read_queue import Queue, Unread
from allocation_service.application.session.session_records import (
    CountedLine,
    DeferredOrder,
    LineAsStored,
    Origin,
    SupplyBefore,
)
from allocation_service.application.session.unwritten_changes import UnwrittenChanges
from allocation_service.domain.demand.line import Entry, Line
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.policies.policy import NO_DATE, Demand, Key, Moment, Supply
from allocation_service.domain.policies.sorting import Ranking
from allocation_service.domain.promising.learned_supply import expected_of
from allocation_service.domain.promising.line_promise import NO_PROMISE, PromiseCounters
from allocation_service.domain.promising.promise_dates import Outlook
from allocation_service.domain.reasons import Reason
from allocation_service.domain.supply.lateness import Evidence
from allocation_service.domain.supply.sku import Sku

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the moment of a SKU about which nothing has been decided: nobody waits for it."""


def publishes_nothing(reason: Reason) -> str:
    """The wording of a session that only reads: it needs none."""
    raise RuntimeError(f"a session that was given no wording cannot publish the reason {reason.code}")


@dataclass(slots=True)
class SessionEffects:
    """What a session has brought about, for whoever asked for it and for metrics."""

    events_told: int = 0
    """Events that were published, without those still among the unwritten changes."""
    deferred_orders_decided: int = 0
    orders_were_deferred: bool = False
    """Orders were left to a transaction of their own, which should begin soon."""
    loans_by_outcome: dict[str, int] = field(default_factory=dict)
    """Loans that were lent, repaid, breached or void."""


class AllocationSession:
    """Everything one transaction knows and changes; counters follow from the lines.

    ``grace_days``: how many days after today an overdue delivery is expected. ``wording`` puts the reasons
    of its events into words. Units are pieces of a SKU.
    """

    def __init__(self, *, grace_days: int = 2, wording: Wording = publishes_nothing) -> None:
        self.grace_days, self.wording = grace_days, wording

        # What was locked and read.
        self.skus: dict[str, Sku] = {}
        """By name: the SKUs that are locked until the transaction ends."""
        self.orders: dict[str, Order] = {}
        """By order id."""
        self.lines: dict[str, Line] = {}
        """By line id."""
        self.lines_of: dict[str, set[str]] = {}
        """By SKU: the ids of its lines in the session."""
        self.queues: dict[str, Queue] = {}
        """By SKU: the part of its queue that was read."""
        self.pending: dict[str, set[str]] = {}
        """By SKU: ids of deferred orders that are decided before anybody behind them gets units of it."""
        self.deferred_orders_due: dict[str, DeferredOrder] = {}
        """By order id: the deferred orders that this transaction is to decide."""
        self.short_orders: set[str] = set()
        """Ids of orders that ship complete and were found here to lack something."""
        self.loans: dict[str, list[KeptLoan]] = {}
        """By SKU: its loans that are not back, and those made here."""
        self.lending_skus: set[str] = set()
        """SKUs whose policy lends, or of which units are lent."""
        self.evidence: dict[tuple[str, int], Evidence] = {}
        """By supplier and days to go: how late such deliveries came."""
        self.locked_orders: set[str] = set()
        """Ids of orders whose row this transaction holds, so that events about them may be inserted."""
        self.orders_of_batch: set[str] = set()
        """Ids of the orders that the batch is about; they stay in the session when its lines are dropped."""

        # The moment.
        self.cause_times: dict[str, datetime] = {}
        """By SKU: the newest business time told of it, by which the version of its policy is chosen."""
        self.decision_times: dict[str, datetime] = {}
        """By SKU: the business time of its decisions, where it is later than that of its last one."""
        self.supply_before: dict[str, SupplyBefore] = {}
        """By SKU: its supply when it was locked."""
        self._next_supply: dict[str, date | None] = {}
        self._kept_through: dict[str, date | None] = {}

        # What happened, and what is to follow in this transaction.
        self.newly_known: set[str] = set()
        """SKUs whose first selling policy came: what was ordered before is decided."""
        self.merged_here: set[str] = set()
        """SKUs that were given what belonged to others which were merged into them."""
        self.origins: dict[str, Origin] = {}
        """By SKU whose supply, terms or lines changed: what brought it about. Its promises may have to be revised."""
        self.revisions_due: dict[str, Origin] = {}
        """By SKU whose promises are to be revised, whatever changed: what brought it about."""
        self.unwritten = UnwrittenChanges()
        """What is written next."""
        self.effects = SessionEffects()

    # -- filling it -------------------------------------------------------------------------------

    def add_sku(self, sku: Sku) -> None:
        """Enter a locked SKU."""
        self.skus[sku.sku] = sku
        self.supply_before[sku.sku] = SupplyBefore(
            sku.open_stock, sku.announced(), sku.counters.promised_backed(), sku.reorder_days, sku.release_date()
        )
        if sku.open_loans or sku.policy.lending is not None:
            self.lending_skus.add(sku.sku)

    def add_line(self, line: Line, *, joined: datetime | None = None) -> None:
        """Enter a line as the database has it, or (with the moment it ``joined``) a new one."""
        self.lines[line.line_id] = line
        self.lines_of.setdefault(line.sku, set()).add(line.line_id)
        self.orders[line.order_id].lines[line.line_id] = line
        if joined is not None:
            self.unwritten.lines_as_stored[line.line_id] = LineAsStored(True, (), {}, {}, NO_PROMISE, joined)
            self.unwritten.counted[line.line_id] = CountedLine(NO_PROMISE, 0)

    # -- changing it ------------------------------------------------------------------------------

    def touch(self, line: Line) -> None:
        """Remember the line as it is stored, before its first change."""
        if line.line_id not in self.unwritten.lines_as_stored:
            entries = tuple(line.entries())
            joined = line.layers[0].queued_at if line.layers else self.orders[line.order_id].placed_at
            self.unwritten.lines_as_stored[line.line_id] = LineAsStored(
                False, entries, dict(line.granted), dict(line.shipped), line.promise, joined, line.unit_value
            )
            self.unwritten.counted[line.line_id] = CountedLine(line.promise, line.queued_units)

    def update_counters(self, line: Line) -> None:
        """Bring the SKU's counters in line with a changed line."""
        self._count(line, CountedLine(line.promise, line.queued_units))

    def leave_counters(self, line: Line) -> None:
        """Take a touched line off the SKU's counters until they are updated, so that it is promised as others are."""
        self._count(line, CountedLine(NO_PROMISE, 0))

    def _count(self, line: Line, new: CountedLine) -> None:
        old = self.unwritten.counted[line.line_id]
        if old == new:
            return
        sku = self.skus[line.sku]
        sku.waiting_units += new.units - old.units
        self.unwritten.skus.add(line.sku)
        unwritten = self.unwritten.promises.setdefault(line.sku, PromiseCounters())
        for counters in (sku.counters, unwritten):
            if old.promise == new.promise:
                counters.count(new.promise, new.units - old.units)
            else:
                counters.count(old.promise, -old.units)
                counters.count(new.promise, new.units)
        self.unwritten.counted[line.line_id] = new

    def move_grant(self, line: Line, location: str, units: int) -> None:
        """Count units granted (or, negative, given back) against a location."""
        level = self.skus[line.sku].level(location)
        level.granted += units
        level.changed = True
        if self.skus[line.sku].policy.quotas:
            self._use_quotas(line, units)

    def note_ordered(self, line: Line, units: int, now: datetime) -> None:
        """Remember what was ordered, whether there was enough of it or not."""
        if not units:
            return
        order = self.orders[line.order_id]
        day = (line.layers[-1].queued_at if line.layers else now).date()
        key = (line.sku, day, order.tier_rank)
        self.unwritten.ordered[key] = self.unwritten.ordered.get(key, 0) + units

    def _use_quotas(self, line: Line, units: int) -> None:
        sku, order = self.skus[line.sku], self.orders[line.order_id]
        for quota in sku.policy.quotas:
            if getattr(order, quota.field) == quota.name:
                name = (quota.field, quota.name)
                sku.quota_used[name] = max(0, sku.quota_used.get(name, 0) + units)
                self.unwritten.quotas_used.add((line.sku, name))

    def note_passed(self, order: Order) -> None:
        """Others were served before an order. Other transactions may note the same of it: stored as a difference."""
        order.bypassed += 1
        self.unwritten.passes[order.order_id] = self.unwritten.passes.get(order.order_id, 0) + 1

    def forget_passed(self, order: Order) -> None:
        """Nothing of an order waits any more: from here on, it counts anew."""
        order.bypassed = 0
        self.unwritten.passes.pop(order.order_id, None)
        self.unwritten.passes_restarted.add(order.order_id)

    def clear_quotas(self, sku: str) -> None:
        """Stock was received: from here on, quotas count anew."""
        self.skus[sku].quota_used.clear()
        self.unwritten.quotas_cleared.add(sku)
        self.unwritten.quotas_used = {one for one in self.unwritten.quotas_used if one[0] != sku}

    def mark_prepared(self) -> None:
        """Everything changed so far is in the prepared write; the session counts it as stored."""
        self.effects.events_told += len(self.unwritten.events)
        self.effects.orders_were_deferred |= bool(self.unwritten.orders_deferred)
        for order in self.orders.values():
            order.stored |= order.changed
            order.changed = order.moved = False
        for sku in self.skus.values():
            for level in sku.levels.values():
                level.changed = False
            for inbound in sku.inbound.values():
                inbound.changed = False
            sku.deliveries.clear()
        for loans in self.loans.values():
            for loan in loans:
                loan.new = loan.changed = False
        self.unwritten = UnwrittenChanges()

    def forget(self, sku: str, keep: Collection[str]) -> None:
        """Drop lines of a SKU that nothing is left to do for, and what was read of its queue."""
        self.queues.pop(sku, None)
        for line_id in list(self.lines_of.get(sku, ())):
            order_id = self.lines[line_id].order_id
            if line_id not in keep and order_id not in self.orders_of_batch and not self.orders[order_id].whole:
                del self.lines[line_id]
                self.lines_of[sku].discard(line_id)
                self.orders[order_id].lines.pop(line_id, None)
                if not self.orders[order_id].lines:
                    del self.orders[order_id]

    # -- reading it -------------------------------------------------------------------------------

    def next_supply(self, sku: str) -> date | None:
        """The date of the next expected delivery, the same all through this transaction."""
        if sku not in self._next_supply:
            state = self.skus[sku]
            now = self.decision_times.get(sku, state.last_now)
            self._next_supply[sku] = state.next_supply(now, self.grace_days) if now else None
        return self._next_supply[sku]

    def moment(self, sku: str) -> Moment:
        """When the SKU's queue is ranked: the same all through this transaction, save for the promises to
        keep, which are told anew for each fill."""
        state = self.skus[sku]
        now = self.decision_times.get(sku, state.last_now) or _LONG_AGO
        if sku not in self._kept_through:
            self._kept_through[sku] = state.kept_through(now, self.grace_days)
        return Moment(now, self.next_supply(sku), state.lead_time_days, self._kept_through[sku])

    def refresh_kept_promises(self, sku: str) -> None:
        """Find out which promises the stock that is free now must keep; where these are others than before,
        the queue has another order, and what was read of it is forgotten."""
        before = self.moment(sku).kept_through
        del self._kept_through[sku]
        if self.moment(sku).kept_through != before:
            self.queues.pop(sku, None)

    def supply(self, sku: str, now: datetime) -> Supply:
        """What can be given of a SKU now, for a decision."""
        state, moment = self.skus[sku], self.moment(sku)
        forecast = state.forecast(moment._replace(now=now))
        return state.supply(moment.next_supply, forecast, moment.kept_through, self.grace_days)

    def outlook_before(self, sku: str, now: datetime) -> Outlook:
        """What was expected and promised of a SKU when it was locked."""
        before = self.supply_before[sku]
        reliance = self.skus[sku].reliance
        return Outlook(expected_of(before.free, before.inbound, now, self.grace_days, reliance), before.backed)

    def demand(self, line: Line, entry: Entry, *, locked: bool = True) -> Demand:
        """A place in the queue as a decision sees it."""
        order = self.orders[line.order_id]
        return Demand(
            line.line_id,
            line.order_id,
            line.sku,
            entry.quantity,
            entry.queued_at,
            order.tier_rank,
            order.needed_by or NO_DATE,
            line.promise_date,
            order.preference,
            order.ship_complete,
            locked,
            order.tier,
            order.customer_id,
            order.channel,
            order.region,
            line.unit_value,
            order.placed_at,
            order.bypassed,
            line.claim_date,
            line.backed,
            line.granted_units if self.skus[line.sku].policy.shared else 0,
        )

    def ranking(self, sku: str) -> Ranking:
        """The order of a SKU's queue."""
        return Ranking(self.skus[sku].policy, self.moment(sku))

    def enqueue(self, line: Line) -> None:
        """Show new places of a line in the part of the queue that has been read."""
        queue = self.queues.get(line.sku)
        if queue is not None:
            ranking = self.ranking(line.sku)
            for entry in line.entries():
                key = ranking.key(self.demand(line, entry))
                queue.places[line.line_id, entry.queued_at] = key
                insort(queue.entries, (key, line.line_id, entry.queued_at))

    def open_queue(self, sku: str, horizon: Key | None, limit: int, unread: Sequence[Unread] = ()) -> None:
        """Make the queue of a SKU from all of its lines in the session, after its head has been read.

        The queue is known up to ``horizon``, or all but ``unread``; None and nothing if it is there whole.
        """
        entries = []
        key = self.ranking(sku).key
        for line_id in self.lines_of.get(sku, ()):
            line = self.lines[line_id]
            entries += [(key(self.demand(line, entry)), line_id, entry.queued_at) for entry in line.entries()]
        entries.sort()
        self.queues[sku] = Queue(entries, horizon is None and not unread, horizon, limit, unread)

    def blocked(self, sku: str) -> bool:
        """An older deferred order that is not being processed here waits for this SKU."""
        return bool(self.pending.get(sku))
