"""Why a line waits, or got what it got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from allocation_service.application.decisions.decision_records import DecisionAboutLine, LineRow, QueueEntry
from allocation_service.application.decisions.queue_barrier import Barrier, barrier
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.decisions.position_facts import Fact, position_facts
from allocation_service.domain.decisions.queue_position import Ahead, Cover, Missing, Quantities, cover
from allocation_service.domain.policies.policy import NO_DATE, Demand
from allocation_service.domain.promising.learned_supply import source_of_lead_time
from allocation_service.domain.reasons import Reason
from allocation_service.domain.supply.sku import Sku

SHOWN_DECISIONS = 20
"""Decisions that are shown with a line; the rest is found in the list of decisions."""


class DemandNotFound(Exception):
    """There is no such order line."""


@dataclass(frozen=True, slots=True)
class ExplainLine:
    """Explain a line at the business time ``now``. ``tiers`` are the customer tiers, best first."""

    line_id: str
    now: datetime
    grace_days: int
    tiers: tuple[str, ...]


@dataclass(slots=True)
class LineExplanation:
    """A line as it stands: its places, what will serve it, what keeps it from stock, and what was decided."""

    line: LineRow
    sku: Sku
    now: datetime
    decided: Sequence[DecisionAboutLine]
    places: Sequence[tuple[QueueEntry, Ahead]] = ()
    cover: Cover = field(default_factory=Cover)
    barrier: Barrier | None = None
    facts: Sequence[Fact] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def quantities(self) -> Quantities:
        """The units of the line by what has become of them."""
        line = self.line
        waiting = line.live_units - line.granted_units
        return Quantities(
            line.quantity,
            line.granted_units - line.shipped,
            waiting - line.undecided,
            line.undecided,
            line.shipped,
            line.declined,
            line.cancelled,
        )

    @property
    def parts(self) -> list[tuple[date, int]]:
        """The units that wait, by the days on which they can be counted on, where known supply reaches them: what an
        order that takes parts gets before all of it is there."""
        found: dict[date, int] = {}
        if self.cover.stock:
            found[self.now.date()] = self.cover.stock
        for one in self.cover.receipts:
            found[one.day] = found.get(one.day, 0) + one.units
        return sorted(found.items())

    @property
    def confidence(self) -> int | None:
        """Per cent, at most the target: a lower bound of the probability, as it is now, that all units are there by
        the date promised. None without a date, or where dates are taken as announced."""
        told, reliance, today = self.line.promise_date, self.sku.reliance, self.now.date()
        if told is None or reliance is None:
            return None
        if self.cover.uncovered:
            lead_time = self.sku.lead_time_days
            return source_of_lead_time(self.sku.sku, lead_time, told, self.line.placed_on(today), reliance).confidence
        chances = [reliance.table.confidence(one.supplier, one.announced, today, told) for one in self.cover.receipts]
        return min(reliance.target, int(100 * min(chances, default=1.0)))

    @property
    def reason(self) -> Reason | None:
        """Of the last decision about it, which may have left the line as it was."""
        return self.decided[0].reason if self.decided else self.line.reason


async def explain_line(uow: AllocationUnitOfWork, query: ExplainLine) -> LineExplanation:
    """Everything that explains the line. Raises DemandNotFound."""
    line = await uow.queues.line(query.line_id)
    if line is None:
        raise DemandNotFound
    skus = await uow.store.peek_skus([line.sku], query.now)
    sku = skus.get(line.sku) or Sku(line.sku)
    decided = await uow.decisions.decisions_about(line.line_id, SHOWN_DECISIONS)
    found = LineExplanation(line, sku, query.now, decided)
    places = await uow.queues.places(line.line_id)
    if not places:
        return found
    moment = sku.moment(query.now, query.grace_days)
    found.places = [(place, await uow.queues.ahead(place, sku, moment)) for place in places]
    claims = [await uow.queues.promised_before(place, sku) for place in places]
    found.cover = cover(
        claims, sku.open_stock, sku.inbound.values(), query.now, query.grace_days, reliance=sku.reliance
    )
    demand = _demand(line, places[0], found.quantities.queued)
    found.barrier = barrier(sku, demand, query.now, query.grace_days)
    found.facts = position_facts(demand, sku.policy, moment, query.tiers)
    if line.ship_complete:
        found.missing = tuple(await uow.queues.other_waiting_lines(line.order_id, line.line_id))
    return found


def _demand(line: LineRow, place: QueueEntry, units: int) -> Demand:
    return Demand(
        line.line_id,
        line.order_id,
        line.sku,
        units,
        place.queued_at,
        line.tier_rank,
        line.needed_by or NO_DATE,
        line.promise_date,
        line.preference,
        line.ship_complete,
        tier=line.tier,
        customer_id=line.customer_id,
        channel=line.channel,
        region=line.region,
        unit_value=line.unit_value,
        placed_at=line.placed_at,
        bypassed=line.bypassed,
        claim_date=line.claim_date,
        backed=line.backed,
    )
