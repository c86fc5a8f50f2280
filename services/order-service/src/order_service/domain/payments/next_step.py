"""What is to be done next about a payment: one pure function of what is stored, the order and the moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState
from order_service.domain.payments.holds import HoldPlan, hold_to_capture, next_renewal, plan_holds
from order_service.domain.payments.looks import KEY_LIFE
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.refunds import charge_to_refund, refund_amount
from order_service.domain.payments.steady_units import next_steady
from order_service.domain.payments.target import LineMoney, Target
from order_service.domain.payments.terms import ChargeAt


@dataclass(frozen=True, slots=True)
class Start:
    """Make a new attempt: store it, and then submit it."""

    kind: AttemptKind
    amount: int
    units: dict[str, int]
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Submit:
    """Send a stored attempt, perhaps once more: its id is the key, so that it takes effect once."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Find:
    """Look for an attempt at the provider by its id: its key may have been forgotten there."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask how an attempt stands."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Abandon:
    """Give up an attempt that waits for the customer."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class CancelUnits:
    """Cancel the units, by line, that were not paid within the grace; somebody else gets them."""

    units: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do before ``until``; None: not before something changes."""

    until: datetime | None


Step = Start | Submit | Find | Fetch | Abandon | CancelUnits | Rest


def next_step(payment: Payment, lines: Sequence[LineMoney], at: datetime) -> Step:
    """Take note of the order and decide what is to be done ``at`` this moment.

    One attempt is open at a time: while the outcome of one is not known, nothing else is asked of the provider.
    """
    target = payment.observe(lines, at)
    blocking = blocking_attempts(payment)
    if blocking:
        return _go_on_with(blocking[0], payment, target, at)
    plan = plan_holds(payment, target, at)
    if payment.net >= target.captured and plan.missing <= 0:
        payment.end_grace()
    return (
        _refund(payment, target)
        or _let_go(plan.lapsed)
        or _capture(payment, target, at)
        or _cancel_unpaid(payment, lines, target, at)
        or _take(payment, target, plan, at)
        or _let_go([*plan.idle, *plan.replaced] if payment.net >= target.captured else ())
        or _rest(payment, at)
    )


def blocking_attempts(payment: Payment) -> list[Attempt]:
    """Attempts whose outcome has to be known before anything else is asked of the provider: all open ones."""
    return payment.open_attempts


def units_to_pay(payment: Payment, target: Target) -> dict[str, int]:
    """Units that the target pays in full and that were not paid before."""
    units = {key: number - payment.charged.get(key, 0) for key, number in target.units.items()}
    return {key: number for key, number in units.items() if number > 0}


def _go_on_with(attempt: Attempt, payment: Payment, target: Target, at: datetime) -> Step:
    if attempt.look_at is not None and at < attempt.look_at and not _is_given_up(attempt, payment, target, at):
        return Rest(attempt.look_at)
    if attempt.state in (AttemptState.STORED, AttemptState.UNKNOWN):
        return Find(attempt) if at >= attempt.created_at + KEY_LIFE else Submit(attempt)
    if attempt.state is AttemptState.ACTION_REQUIRED and _is_given_up(attempt, payment, target, at):
        return Abandon(attempt)
    return Fetch(attempt)


def _is_given_up(attempt: Attempt, payment: Payment, target: Target, at: datetime) -> bool:
    """Whether an attempt waits for a customer in vain: too long, for another method, or for more than is due."""
    if attempt.state is not AttemptState.ACTION_REQUIRED:
        return False
    wanted = target.held if attempt.kind is AttemptKind.HOLD else target.captured - payment.net
    too_late = payment.grace_until is not None and at >= payment.grace_until
    return too_late or attempt.method != payment.method or attempt.amount > wanted


def _refund(payment: Payment, target: Target) -> Step | None:
    charge = charge_to_refund(payment)
    surplus = payment.net - target.captured
    if surplus <= 0 or charge is None:
        return None
    return Start(AttemptKind.REFUND, refund_amount(surplus, payment.refundable(charge)), {}, charge.attempt_id)


def _let_go(holds: Sequence[Attempt]) -> Step | None:
    return Start(AttemptKind.VOID, holds[0].amount, {}, holds[0].attempt_id) if holds else None


def _capture(payment: Payment, target: Target, at: datetime) -> Step | None:
    """Take what is due of a hold. Where that is not enough, the attempt that pays the rest names the units."""
    due, units = target.captured - payment.net, units_to_pay(payment, target)
    hold = hold_to_capture(payment, units, at) if due > 0 else None
    if hold is None:
        return None
    amount = min(due, hold.amount)
    return Start(AttemptKind.CAPTURE, amount, units if amount == due else {}, hold.attempt_id)


def _cancel_unpaid(payment: Payment, lines: Sequence[LineMoney], target: Target, at: datetime) -> Step | None:
    if payment.grace_until is None or at < payment.grace_until:
        return None
    units = units_to_cancel(payment, lines, target, at)
    payment.grace_until = None
    return CancelUnits(units) if units else None


def _take(payment: Payment, target: Target, plan: HoldPlan, at: datetime) -> Step | None:
    """Ask the bank for what is due, or to hold what will be."""
    due = target.captured - payment.net
    if payment.retry_at is not None and at < payment.retry_at:
        return None
    if due > 0:
        return Start(AttemptKind.CHARGE, due, units_to_pay(payment, target))
    return Start(AttemptKind.HOLD, plan.missing, plan.missing_units) if plan.missing > 0 else None


def units_to_cancel(payment: Payment, lines: Sequence[LineMoney], target: Target, at: datetime) -> dict[str, int]:
    """What is cancelled at the end of the grace: all of a line that is neither paid nor held, and has not shipped.

    A line of which nothing is due is left alone, unless the deposit of the whole order was never paid.
    """
    secured = payment.secured(lines, at)
    whole = payment.terms.charge_at is ChargeAt.DEPOSIT and not payment.charges
    cancelled: dict[str, int] = {}
    for line in lines:
        due = target.units.get(line.line_id, 0) + target.held_units.get(line.line_id, 0)
        if whole or due > secured[line.line_id]:
            cancelled[line.line_id] = cancellable(line, secured[line.line_id])
    return {line_id: units for line_id, units in cancelled.items() if units > 0}


def cancellable(line: LineMoney, secured: int) -> int:
    """Units of a line that may be cancelled: never those that have shipped, paid or not."""
    return line.wanted + line.declined - max(secured, line.shipped)


def _rest(payment: Payment, at: datetime) -> Rest:
    """Until the next moment at which something may follow from the clock alone."""
    renewals = [next_renewal(hold) for hold in payment.attempts if hold.stands]
    ends = [hold.ends_at for hold in payment.attempts if hold.stands]
    steady = [next_steady(since, at) for since in payment.allocated.values()]
    moments = [payment.grace_until, payment.retry_at, *renewals, *ends, *steady]
    return Rest(min((moment for moment in moments if moment is not None and moment > at), default=None))
