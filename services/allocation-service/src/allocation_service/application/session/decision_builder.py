"""One cause, the changes it brings, the decision that records them and the events that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_record import DecisionRecord, DecisionRow
from allocation_service.application.session.order import Order
from allocation_service.application.session.session_records import DeferredOrder, Origin
from allocation_service.domain import protocol_rules
from allocation_service.domain.allocating.deciding_new_demand import NewDemandOutcome
from allocation_service.domain.demand.line import Line
from allocation_service.domain.lateness.first_promise import FirstPromise
from allocation_service.domain.policies.policy import Grants
from allocation_service.domain.promising.line_promise import LinePromise
from allocation_service.domain.promising.promise_dates import UNDATED, PromisedDate
from allocation_service.domain.promising.promise_renewal import Promisable, TakenBack, renew
from allocation_service.domain.reasons import Reason
from event_contracts import OrderLine, new_event_id


def units_left(fact: OrderLine) -> dict[str, int]:
    """Units of a line that have left each location: those of voided shipments never did."""
    if not fact.voided:
        return dict(fact.shipped)
    return {location: units - fact.voided.get(location, 0) for location, units in fact.shipped.items()}


class Before(NamedTuple):
    """A line as it was before the decision."""

    granted: dict[str, int]
    granted_units: int
    waiting: int
    declined: int
    promise_date: date | None
    undecided: int


def _promise_of(line: Line, told: date | None, quoted: PromisedDate | None) -> LinePromise:
    """The promise of a line after units were added: their claim is no earlier than what they were quoted."""
    if quoted is None:
        return line.promise._replace(promise_date=told)
    if told is None:
        return LinePromise(None, UNDATED, quoted.backed)
    if line.claim_date == UNDATED:
        return LinePromise(told, told, quoted.backed)
    return LinePromise(told, max(line.claim_date, quoted.day or told), quoted.backed)


class DecisionBuilder:
    """Everything one event, or one round of a background task, makes happen.

    Lines change through here only, so that counters, the queue and the events always follow them.
    """

    def __init__(self, session: AllocationSession, origin: Origin, now: datetime) -> None:
        self.session, self.origin, self.now = session, origin, now
        self.record = DecisionRecord(new_event_id(), origin.event_id or origin.name, origin.name, now)
        self.before: dict[str, Before] = {}
        """By line id: each line that was touched, as it was before."""
        self.queues_to_serve: set[str] = set()
        """SKUs of which units became free, or whose queue changed: their waiting demand is served next."""
        self.short: set[str] = set()
        """SKUs of which more units are granted at a location than are there: the excess is taken back next."""
        self.returned: set[str] = set()
        """Ids of lines that gave units back and wait again, so that they need a new promise."""
        self.losers: set[str] = set()
        """Ids of orders that lost units because there is too little; a ship-complete one releases the rest."""
        self.defers_orders = True
        """Ship-complete orders that cannot be decided here are deferred; otherwise they are left where they stand."""
        self.own: str | None = None
        """Id of the order that the cause is about; its event follows the cause even if nothing changed."""

    # -- lines ------------------------------------------------------------------------------------

    def touch(self, line: Line) -> None:
        """Remember the line before its first change."""
        self.session.origins.setdefault(line.sku, self.origin)
        if line.line_id not in self.before:
            self.before[line.line_id] = Before(
                dict(line.granted), line.granted_units, line.waiting, line.declined, line.promise_date, line.undecided
            )
            self.session.touch(line)

    def learn(self, line: Line, fact: OrderLine) -> None:
        """Apply newer facts about a line; what they free or force is counted."""
        self.touch(line)
        self.session.unwritten.reshaped.add(line.line_id)
        line.unit_value = fact.unit_price
        sku = self.session.skus[line.sku]
        sku.top_value = max(sku.top_value, line.unit_value)
        left_before, queued_before = dict(line.shipped), line.queued_units
        for location, change in line.learn(fact.quantity, fact.cancelled, units_left(fact), self.now).items():
            self.session.move_grant(line, location, change)
            if change < 0:
                self.queues_to_serve.add(line.sku)
            elif protocol_rules.shortfall(sku.level(location).free):
                self.short.add(line.sku)
        # What a shipment had forced beyond the supply cannot be taken back before the units are here again.
        returned = [location for location, units in left_before.items() if line.shipped.get(location, 0) < units]
        if any(protocol_rules.shortfall(sku.level(location).free) for location in returned):
            self.short.add(line.sku)
        if line.backed and line.queued_units < queued_before and sku.free > 0:
            # What is there was kept for these units, whose order waits for another article: see AllocationPass.
            self.queues_to_serve.add(line.sku)
        self.session.update_counters(line)

    def grant(self, line: Line, grants: Grants, reason: Reason) -> None:
        """Give waiting units stock."""
        self.touch(line)
        self._hand_out(line, grants)
        line.reason = reason
        self._keep_release(line)
        self.session.update_counters(line)
        order = self.session.orders[line.order_id]
        if order.bypassed and not any(one.queued_units for one in order.lines.values()):
            # Nobody passes it any more; it must not be looked for among those who were.
            self.session.forget_passed(order)

    def _hand_out(self, line: Line, grants: Grants) -> None:
        for location, units in grants:
            line.grant(location, units)
            self.session.move_grant(line, location, units)

    def _keep_release(self, line: Line) -> None:
        """What is allocated of a preorder leaves with its release: that is the date of the line."""
        release = self.session.skus[line.sku].release_date()
        if release is not None and release > self.now.date() and line.unshipped and not line.queued_units:
            self.promise(line, line.promise._replace(promise_date=release), self.record.cause_type)

    def deallocate(self, line: Line, location: str, units: int, reason: Reason) -> None:
        """Take granted units back; they wait again where they stood."""
        self.touch(line)
        line.deallocate(location, units)
        line.reason = reason
        self.session.move_grant(line, location, -units)
        self.session.update_counters(line)
        self.session.enqueue(line)
        self.returned.add(line.line_id)
        self.queues_to_serve.add(line.sku)

    def apply_outcome(
        self, line: Line, units: int, outcome: NewDemandOutcome, quoted: PromisedDate | None = None
    ) -> None:
        """Decide about ``units`` new ones: some declined, the rest accepted into the queue, from where it is
        given what there is. ``quoted``: the date that was found for them, if one was asked for."""
        self.touch(line)
        self.session.unwritten.reshaped.add(line.line_id)
        self.session.note_ordered(line, units, self.now)
        if outcome.declined:
            line.decline(outcome.declined)
        line.accept(units - outcome.declined)
        self._hand_out(line, outcome.grants)
        line.reason = outcome.reason
        if line.queued_units:
            self.promise(line, _promise_of(line, outcome.promise_date, quoted), self.record.cause_type)
        self._keep_release(line)
        self.session.update_counters(line)

    def promise(self, line: Line, promise: LinePromise, cause: str) -> None:
        """Promise a line's waiting units for a date."""
        if promise == line.promise:
            return
        self.session.unwritten.reshaped.add(line.line_id)
        line.claim_date, line.backed = promise.claim_date, promise.backed
        if promise.promise_date != line.promise_date:
            self._note_source(line, promise)
            line.promise_date, day = promise.promise_date, promise.promise_date
            line.ship_by = None
            if day is not None:
                line.ship_by = self.record.name_ship_date(line.sku, self.session.skus[line.sku].handling(), day)
            line.promise_revision += 1
            line.promise_cause = cause

    def _note_source(self, line: Line, promise: LinePromise) -> None:
        """What a new date rests on; of the first one, it is noted what becomes of it."""
        sku, day, source = self.session.skus[line.sku], promise.promise_date, None
        if day is not None and line.queued_units:
            source = sku.source_of(day, self.now, backed=promise.backed)
        line.promise_source, reliance = source, sku.reliance
        if line.promise_revision or source is None or reliance is None or day is None:
            return
        self.session.unwritten.first_promises.append(
            FirstPromise(
                line.line_id,
                line.sku,
                source.basis,
                source.source,
                reliance.target,
                day,
                self.now,
                sku.lead_time_days,
                source.table_version,
                source.confidence,
            )
        )

    def renew_promises(self) -> None:
        """Promise again what was taken back and still waits."""
        session = self.session
        lines = [line for one in sorted(self.returned) if (line := session.lines[one]).queued_units]
        for line in lines:
            session.leave_counters(line)
        states = {line.sku: session.skus[line.sku] for line in lines}
        skus = {
            sku: Promisable(state.outlook(session.grace_days), state.free, state.policy.withholds)
            for sku, state in states.items()
        }
        taken_back = [
            TakenBack(line.line_id, line.sku, line.queued_units, line.layers[0].queued_at, line.promise)
            for line in lines
        ]
        promises = renew(taken_back, skus, self.now)
        for line in lines:
            self.promise(line, promises[line.line_id], self.record.cause_type)
            session.update_counters(line)
            session.enqueue(line)

    def defer(self, order: Order) -> None:
        """Leave the order to a transaction that locks all of its SKUs up front."""
        session = self.session
        skus = tuple(sorted(order.skus()))
        deferred = DeferredOrder(order.order_id, self.record.cause, self.now, skus)
        session.unwritten.orders_deferred.setdefault(order.order_id, deferred)
        for sku in skus:
            session.pending.setdefault(sku, set()).add(order.order_id)

    # -- the decision -----------------------------------------------------------------------------

    def add_step(self, step: dict[str, Any], rows: Sequence[DecisionRow]) -> None:
        """Record a step with its demands."""
        self.record.steps.append(step)
        self.record.rows.extend(rows)
        self.record.skus.update(row.sku for row in rows)

    def finished_lines(self) -> list[str]:
        """Touched lines that nothing more is done with, save those of the order it answers."""
        return [
            line_id
            for line_id in self.before
            if line_id not in self.returned and self.session.lines[line_id].order_id != self.own
        ]

    def begin_record(self) -> None:
        """Go on under a new decision, after the one so far has been told."""
        was = self.record
        self.record = DecisionRecord(new_event_id(), was.cause, was.cause_type, was.decided_at)

    @property
    def caused_by_inventory(self) -> bool:
        """Caused by an event that is about a SKU, not about an order: what it leads to is told even if
        nobody gets anything."""
        return self.own is None and self.origin.event_id is not None

    @property
    def step_number(self) -> int:
        """Number of the step that is recorded next."""
        return len(self.record.steps)
