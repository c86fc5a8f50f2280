"""Which holds are kept, which are let go, and what is still to be held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from order_service.domain.payments.attempts import Attempt, AttemptKind
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.target import Target

RENEW_BEFORE = timedelta(hours=24)
"""How long before its end a hold is renewed; a short one is renewed in the middle of its life."""


VOID_TRIES = 3
"""After so many refusals a hold is left to end by itself."""


@dataclass(frozen=True, slots=True)
class HoldPlan:
    """What becomes of the holds, and what is still to be held: ``missing`` minor units for ``missing_units``.

    ``lapsed`` holds ended by themselves. ``idle`` ones do not fit into the target and are let go; ``replaced`` ones
    end soon, and another stands in their place.
    """

    lapsed: Sequence[Attempt]
    idle: Sequence[Attempt]
    replaced: Sequence[Attempt]
    missing: int
    missing_units: dict[str, int]


def plan_holds(payment: Payment, target: Target, at: datetime) -> HoldPlan:
    """Compare the holds of a payment with its target ``at`` this moment."""
    lapsed: list[Attempt] = []
    idle: list[Attempt] = []
    renewed: list[Attempt] = []
    units = dict(target.held_units)
    for hold in open_holds(payment):
        # Each hold is worth its own units, so that those are covered whatever becomes of another hold.
        fits = hold.amount == target.value(hold.units)
        fits = fits and all(number <= units.get(key, 0) for key, number in hold.units.items())
        if not hold.holds_at(at):
            lapsed.append(hold)
        elif is_renewed(hold, at):
            renewed.append(hold)
        elif not fits or has_failed(payment, hold):
            idle.append(hold)
        else:
            units = {key: number - hold.units.get(key, 0) for key, number in units.items()}
    still = {key: number for key, number in units.items() if number}
    missing = target.value(still)
    return HoldPlan(lapsed, idle, renewed if missing <= 0 else (), missing, still)


def open_holds(payment: Payment) -> list[Attempt]:
    """Holds that were made and have not ended, without those that the provider refuses to let go."""
    return [
        hold
        for hold in payment.attempts
        if hold.stands and payment.failures(AttemptKind.VOID, hold.attempt_id) < VOID_TRIES
    ]


def is_renewed(hold: Attempt, at: datetime) -> bool:
    """Whether the hold ends so soon that another one takes its place."""
    renewal = next_renewal(hold)
    return renewal is not None and at >= renewal


def next_renewal(hold: Attempt) -> datetime | None:
    """When the hold will be renewed; None: it does not end by itself."""
    if hold.ends_at is None:
        return None
    return max(hold.ends_at - RENEW_BEFORE, hold.created_at + (hold.ends_at - hold.created_at) / 2)


def has_failed(payment: Payment, hold: Attempt) -> bool:
    """Whether the provider refused to capture the hold: then it is let go, and the money is taken in another way."""
    return payment.failures(AttemptKind.CAPTURE, hold.attempt_id) > 0


def hold_to_capture(payment: Payment, due_units: dict[str, int], at: datetime) -> Attempt | None:
    """The hold that pays for units which are due now; of several the largest. One hold is captured only once."""
    candidates = [
        hold
        for hold in payment.attempts
        if hold.holds_at(at) and not has_failed(payment, hold) and hold.units.keys() & due_units.keys()
    ]
    return max(candidates, key=lambda hold: hold.amount, default=None)
