"""Taking granted units back when stock turns out to be less: the reverse of the order they are served in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from allocation_service.domain.policy import NO_DATE, Policy, Sort


class Holding(NamedTuple):
    """Granted units of a line that have not left the location."""

    line_id: str
    unshipped: int
    queued_at: datetime
    tier_rank: int = 0
    needed_by: date = NO_DATE


class Loss(NamedTuple):
    """Units a line gives back, its rank (1 loses first) and why."""

    rank: int
    holding: Holding
    units: int


def reverse_key(holding: Holding, policy: Policy) -> tuple[int, date, datetime, str]:
    """The place of a holding in the queue's order; the greatest loses first."""
    if policy.sort is Sort.PRIORITY:
        return (holding.tier_rank, holding.needed_by, holding.queued_at, holding.line_id)
    return (0, NO_DATE, holding.queued_at, holding.line_id)


def take_back(shortfall: int, holdings: Sequence[Holding], policy: Policy) -> tuple[Loss, ...]:
    """Who loses how much so that ``shortfall`` units return; less where not enough is still there."""
    losses: list[Loss] = []
    for holding in sorted(holdings, key=lambda one: reverse_key(one, policy), reverse=True):
        if shortfall <= 0:
            break
        units = min(shortfall, holding.unshipped)
        if units > 0:
            losses.append(Loss(len(losses) + 1, holding, units))
            shortfall -= units
    return tuple(losses)
