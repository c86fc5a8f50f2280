"""Where a waiting line stands: what placed it there, what will serve it, and what is kept from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from allocation_service.domain.policies.policy import BetterTiers, Moment, Policy
from allocation_service.domain.promising import promise_dates
from allocation_service.domain.promising.learned_supply import Reliance
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
    """Units that are kept for better tiers until a day; None where no such day is known."""

    units: int
    tiers: BetterTiers
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

    def overdue(self, today: date) -> bool:
        """It should have come by now."""
        return self.announced < today


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
    claims: Iterable[PromisedClaim],
    stock: int,
    inbound: Iterable[Inbound],
    now: datetime,
    grace_days: int,
    *,
    reliance: Reliance | None = None,
) -> Cover:
    """What will serve these units, counted as promises are: stock first, then each delivery by the day that it is
    counted on, to those promised first (see ``promising.revise``)."""
    coming = sorted(
        (*_counted_on(one, eta, now, grace_days, reliance), one.po_line, one)
        for one in inbound
        if (eta := one.eta) is not None and one.remaining > 0
    )
    found: list[Receipt] = []
    from_stock = uncovered = 0
    for before, units in claims:
        end = before + units
        here = max(0, min(end, stock) - before)
        from_stock += here
        left, reached = units - here, stock
        for day, eta, counted, _, one in coming:
            part = min(end, reached + counted) - max(before, reached)
            reached += counted
            if part > 0:
                found.append(Receipt(day, part, one.po_line, one.supplier, one.location, eta.date()))
                left -= part
        uncovered += left
    return Cover(from_stock, _merged(found), uncovered)


def _counted_on(
    one: Inbound, eta: datetime, now: datetime, grace_days: int, reliance: Reliance | None
) -> tuple[date, datetime, int]:
    """The day that a delivery is counted on, its announced moment, and the units that are counted on."""
    if reliance is None:
        return promise_dates.effective_eta(eta, now, grace_days), eta, one.remaining
    table, target = reliance
    units = table.units(one.supplier, one.remaining, target)
    return table.safe_day(one.supplier, eta.date(), now.date(), target).safe, eta, units


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
