"""Taking granted units back when stock turns out to be less: the reverse of the order they are served in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from allocation_service.domain.allocating.fair_share import Claim, divide
from allocation_service.domain.policies.policy import NO_DATE, Moment, Policy, Share
from allocation_service.domain.policies.sorting import Ranking, class_of
from allocation_service.domain.reasons import TAKEN_BACK, Reason, shared_loss


class Holding(NamedTuple):
    """Granted units of a line that have not left the location."""

    line_id: str
    unshipped: int
    queued_at: datetime
    tier_rank: int = 0
    needed_by: date = NO_DATE
    customer_id: str | None = None
    unit_value: int = 0

    @property
    def promise_date(self) -> None:
        """None counts: whoever was served at once never got a promise, and must not lose to one who did."""
        return

    @property
    def claim_date(self) -> None:
        """See ``promise_date``."""
        return

    @property
    def backed(self) -> bool:
        """See ``promise_date``."""
        return False


class Loss(NamedTuple):
    """Units a line gives back, its rank (1 loses first), and why."""

    rank: int
    holding: Holding
    units: int
    reason: Reason = TAKEN_BACK


def deallocate(shortfall: int, holdings: Sequence[Holding], policy: Policy, moment: Moment) -> tuple[Loss, ...]:
    """Who loses how much so that ``shortfall`` units return; less where not enough is still there.

    The last in the queue's order lose first, class by class; where a class shares what it is given, its
    members keep what they would be given of what is left, so that handing out and taking back agree.
    """
    ranking = Ranking(policy, moment)
    backwards = sorted([(ranking.key(one), one) for one in holdings], key=lambda pair: pair[0], reverse=True)
    if policy.share is Share.SEQUENTIAL:
        return _in_turn(shortfall, [one for _, one in backwards])
    losses: list[Loss] = []
    for _, members in groupby(backwards, key=lambda pair: class_of(pair[0])):
        if shortfall <= 0:
            break
        lost = _shared(shortfall, [one for _, one in members], policy, len(losses))
        losses += lost
        shortfall -= sum(loss.units for loss in lost)
    return tuple(losses)


def _in_turn(shortfall: int, backwards: Sequence[Holding]) -> tuple[Loss, ...]:
    losses: list[Loss] = []
    for holding in backwards:
        if shortfall <= 0:
            break
        units = min(shortfall, holding.unshipped)
        if units > 0:
            losses.append(Loss(len(losses) + 1, holding, units))
            shortfall -= units
    return tuple(losses)


def _shared(shortfall: int, backwards: Sequence[Holding], policy: Policy, before: int) -> list[Loss]:
    """Losses of a class whose members, the last one first, share what it keeps; ``before`` others lost before them."""
    members = backwards[::-1]
    total = sum(one.unshipped for one in members)
    last = len(policy.tiers) - 1
    claims = [
        Claim(
            one.unshipped,
            policy.tiers[min(one.tier_rank, last)].weight,
            one.customer_id if one.customer_id is not None else f"line {one.line_id}",
        )
        for one in members
    ]
    kept = divide(policy.share, claims, total - shortfall)
    losses: list[Loss] = []
    for holding, units in zip(backwards, reversed(kept), strict=True):
        if units < holding.unshipped:
            reason = TAKEN_BACK if shortfall >= total else shared_loss(policy.share)
            losses.append(Loss(before + len(losses) + 1, holding, holding.unshipped - units, reason))
    return losses


def stored_holding(holding: Holding) -> dict[str, Any]:
    """What is kept of a holding; what is absent is as in ``Holding()``."""
    defaults = Holding._field_defaults
    return {name: value for name, value in holding._asdict().items() if name not in defaults or value != defaults[name]}


def holding_from(stored: Mapping[str, Any]) -> Holding:
    """The holding a decision went by."""
    known = dict(stored)
    known["queued_at"] = datetime.fromisoformat(stored["queued_at"])
    if "needed_by" in known:
        known["needed_by"] = date.fromisoformat(stored["needed_by"])
    return Holding(**known)
