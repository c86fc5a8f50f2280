"""Where a waiting line stands: what placed it there, what will serve it, and what is kept from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from allocation_service.domain.policies.policy import NO_DATE, Demand, Moment, Policy, Share, Sort
from allocation_service.domain.policies.sorting import MICRO, Ranking
from allocation_service.domain.promising import promise_dates
from allocation_service.domain.supply.sku import Inbound


class Quantities(NamedTuple):
    """The units of a line; ``allocated`` have not left yet, ``queued`` wait in the queue, ``undecided`` do not
    stand in it yet. quantity = the sum of all others."""

    quantity: int
    allocated: int = 0
    queued: int = 0
    undecided: int = 0
    shipped: int = 0
    declined: int = 0
    cancelled: int = 0


class Ahead(NamedTuple):
    """What is served before a line."""

    lines: int
    units: int


class Held(NamedTuple):
    """Units that are kept for better tiers until a day; None where no such day is known. ``tier`` is the last of
    them, ``whom`` all of them in words."""

    units: int
    tier: str
    whom: str
    until: date | None


class Missing(NamedTuple):
    """Another line of an order that ships complete, which waits too."""

    line_id: str
    sku: str
    units: int
    promise_date: date | None


class Receipt(NamedTuple):
    """Units that a delivery will bring a line. ``announced`` is the supplier's date, ``day`` the one that is
    counted on."""

    day: date
    units: int
    po_line: str
    supplier: str
    location: str
    announced: date

    @property
    def overdue(self) -> bool:
        """It should have come by now."""
        return self.day != self.announced


class Cover(NamedTuple):
    """What will serve a line: stock that is there, receipts, and units nothing announced reaches."""

    stock: int = 0
    receipts: tuple[Receipt, ...] = ()
    uncovered: int = 0


class PromisedClaim(NamedTuple):
    """Units that wait, behind ``before`` others by promise date and then by the queue."""

    before: int
    units: int


def cover(
    claims: Iterable[PromisedClaim], stock: int, inbound: Iterable[Inbound], now: datetime, grace_days: int
) -> Cover:
    """What will serve these units, counted as promises are: stock first, then each delivery by its date, to
    those promised first (see ``promising.revise``)."""
    coming = sorted(
        (promise_dates.effective_eta(one.eta, now, grace_days), one.eta, one.po_line, one)
        for one in inbound
        if one.eta is not None and one.remaining > 0
    )
    found: list[Receipt] = []
    from_stock = uncovered = 0
    for before, units in claims:
        end = before + units
        here = max(0, min(end, stock) - before)
        from_stock += here
        left, reached = units - here, stock
        for day, eta, _, one in coming:
            part = min(end, reached + one.remaining) - max(before, reached)
            reached += one.remaining
            if part > 0:
                found.append(Receipt(day, part, one.po_line, one.supplier, one.location, eta.date()))
                left -= part
        uncovered += left
    return Cover(from_stock, _merged(found), uncovered)


def _merged(receipts: Iterable[Receipt]) -> tuple[Receipt, ...]:
    found: dict[str, Receipt] = {}
    for one in receipts:
        known = found.get(one.po_line)
        found[one.po_line] = one._replace(units=one.units + known.units) if known else one
    return tuple(sorted(found.values()))


def held_until(policy: Policy, moment: Moment, queued_at: datetime) -> date:
    """When units are no longer kept from a line: with the next receipt, or when it has waited too long to
    be kept waiting for anybody."""
    receipt = moment.next_supply
    if receipt is None:
        days = policy.holdback.horizon_days if policy.holdback and policy.holdback.horizon_days else moment.horizon_days
        receipt = moment.now.date() + timedelta(days=days)
    if policy.ageing is None:
        return receipt
    return min(receipt, (queued_at + timedelta(days=policy.ageing.max_days)).date())


class Fact(NamedTuple):
    """Something that decided about a place in the queue: what it is called, its value, and what it does."""

    name: str
    value: str | int | float
    words: str


def placing_facts(demand: Demand, policy: Policy, moment: Moment, tier_names: Sequence[str] = ()) -> tuple[Fact, ...]:
    """What of a policy placed a demand where it stands, the most important first.

    ``tier_names`` are the service's tiers where they are known: an order of another counts as of the last, which
    is told under every sort.
    """
    ranking = Ranking(policy, moment)
    facts = list(_on_top(demand, ranking))
    value = Fact(
        "value",
        round(ranking.value(demand.tier_rank, demand.unit_value, ranking.due(demand), demand.queued_at) / MICRO, 3),
        "weighted days that letting one unit wait for the next receipt costs: the dearest is served first",
    )
    joined = Fact("queued_at", demand.queued_at.isoformat(), "joined the queue then; the earliest is served first")
    unknown = bool(tier_names and demand.tier and demand.tier not in tier_names)
    tier, due = _tier(demand, ranking, unknown=unknown), _due(demand, ranking)
    match policy.sort:
        case Sort.FIFO:
            facts += [joined]
        case Sort.PRIORITY:
            facts += [tier, _needed(demand), joined]
        case Sort.EARLIEST_DUE:
            facts += [due, joined]
        case Sort.VALUE_INDEX:
            facts += [value, tier, due]
            if policy.value_index.weights.value:
                facts.append(
                    Fact("unit_value", demand.unit_value, "price of a unit in minor units: dearer ones count more")
                )
            facts.append(joined)
    if unknown and tier not in facts:
        facts.append(tier)
    facts += _shared(policy)
    if demand.bypassed and policy.bypass_limit is not None:
        words = f"times others were served before its order; from {policy.bypass_limit} on its stock is kept for it"
        facts.append(Fact("bypassed", demand.bypassed, words))
    return tuple(facts)


def _on_top(demand: Demand, ranking: Ranking) -> Iterable[Fact]:
    promised, policy = demand.promise_date, ranking.policy
    if promised is not None and promised < ranking.protection.before:
        if promised <= min(ranking.protection.overdue, ranking.protection.through):
            words = "promised for a day that has passed: served before the others"
        elif ranking.protection.in_turn(promised):
            words = "promised for then: served before whoever is promised a later day, so that the promise is kept"
        else:
            known = ranking.moment.next_supply is not None
            words = "promised for before the next receipt" if known else "promised, and no receipt is known"
            words += ": served before the others"
        yield Fact("promise_date", promised.isoformat(), words)
    if policy.ageing is not None and demand.queued_at < ranking.moment.now - timedelta(days=policy.ageing.max_days):
        days = (ranking.moment.now - demand.queued_at).days
        yield Fact("days_waiting", days, f"more than {policy.ageing.max_days} days: goes to the top")


def _tier(demand: Demand, ranking: Ranking, *, unknown: bool) -> Fact:
    tiers = ranking.policy.tiers
    own = min(demand.tier_rank, len(tiers) - 1)
    counts_as = min(ranking.rank(demand.tier_rank, demand.queued_at), own)
    words = f"tier {own + 1} of {len(tiers)}, weight {tiers[own].weight}"
    if unknown:
        words += f"; tier {demand.tier!r} is not known here: it counts as {tiers[own].name}"
    elif demand.tier and demand.tier != tiers[own].name:
        words += f"; the order says {demand.tier}, which this policy treats as {tiers[own].name}"
    if counts_as < own:
        words += f"; having waited so long, it counts as {tiers[counts_as].name}"
    return Fact("tier", tiers[own].name, words)


def _due(demand: Demand, ranking: Ranking) -> Fact:
    if demand.needed_by != NO_DATE:
        return Fact("due", demand.needed_by.isoformat(), "the date it is needed by; the earliest is served first")
    tiers = ranking.policy.tiers
    terms = tiers[min(demand.tier_rank, len(tiers) - 1)]
    words = f"{terms.due_days} days after it was ordered, as {terms.name} may expect; the earliest is served first"
    return Fact("due", ranking.due(demand).isoformat(), words)


def _needed(demand: Demand) -> Fact:
    if demand.needed_by == NO_DATE:
        return Fact("needed_by", "none", "no date it is needed by: behind those of its tier that have one")
    return Fact(
        "needed_by", demand.needed_by.isoformat(), "the date it is needed by; the earliest of a tier is served first"
    )


def _shared(policy: Policy) -> Iterable[Fact]:
    words = {
        Share.PROPORTIONAL: "where stock does not reach a whole class, each gets its part in proportion",
        Share.MAX_MIN: "where stock does not reach a whole class, customers gain evenly by weight until it is gone",
        Share.UNIFORM_LOSSES: "where stock does not reach a whole class, all lose the same number of units",
    }
    if policy.share in words:
        yield Fact("share", policy.share.value, words[policy.share])
