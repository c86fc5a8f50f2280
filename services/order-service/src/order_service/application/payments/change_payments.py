"""Use case: report results of attempts, replace the method and give money back, for a batch of payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from event_contracts import new_event_id
from order_service.application.payments.apply_payment import LockedPayment, lock_payment, save_payment
from order_service.application.payments.errors import (
    AttemptEnded,
    HoldIsOver,
    NobodyToAct,
    NotReportedByApi,
    PaymentNotFound,
)
from order_service.application.payments.ports import Providers
from order_service.application.ports import OrderUnitOfWork
from order_service.domain.errors import Refusal
from order_service.domain.payments.attempts import TAKING, Attempt, AttemptKind, AttemptState, Outcome, has_lapsed
from order_service.domain.payments.order_money import money_lines
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.postings import Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCommand:
    """Base of the changes of one payment. ``customer_id`` limits it to payments of that customer's orders."""

    payment_id: str
    customer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult(PaymentCommand):
    """What became of an attempt that the merchant's system carried out."""

    attempt_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceMethod(PaymentCommand):
    """Another card or account, by the provider's name of it."""

    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack(PaymentCommand):
    """Give ``amount`` back out of goodwill; or, if ``outside``, it was given back in another way already.

    What is due to be given back anyway, and was paid outside, is no goodwill: it is only taken note of.
    """

    amount: int
    outside: bool = False
    reference: str | None = None


ChangePayment = ReportResult | ReplaceMethod | GiveBack


@dataclass(frozen=True, slots=True)
class PaymentAccepted:
    """A command that was carried out."""

    payment_id: str
    version: int


async def change_payments(
    uow: OrderUnitOfWork, commands: Sequence[ChangePayment], *, providers: Providers
) -> list[PaymentAccepted | Refusal]:
    """Carry out the commands in order; for each its acceptance or its refusal.

    Every payment that changes is looked at at once. Refusals: PaymentNotFound, UnknownAttempt, AttemptEnded,
    HoldIsOver, NobodyToAct, NotReportedByApi, ConcessionTooLarge.
    """
    return [await _change(uow, command, providers) for command in commands]


async def _change(uow: OrderUnitOfWork, command: ChangePayment, providers: Providers) -> PaymentAccepted | Refusal:
    try:
        locked = await _lock(uow, command)
        postings = _apply(uow, locked, command, providers)
    except Refusal as refusal:
        return refusal
    await save_payment(uow, locked, look_at=uow.now, postings=postings)
    return PaymentAccepted(command.payment_id, locked.stored.payment.version)


async def _lock(uow: OrderUnitOfWork, command: ChangePayment) -> LockedPayment:
    key = await uow.payments.key(command.payment_id)
    locked = None if key is None else await lock_payment(uow, key)
    if locked is None or command.customer_id not in (None, locked.order.terms.customer_id):
        raise PaymentNotFound
    return locked


def _apply(uow: OrderUnitOfWork, locked: LockedPayment, command: ChangePayment, providers: Providers) -> list[Posting]:
    payment = locked.stored.payment
    match command:
        case ReportResult(attempt_id=attempt_id, outcome=outcome):
            return _report(uow, payment, payment.attempt(attempt_id), outcome, providers)
        case ReplaceMethod(method=method):
            payment.replace_method(method)
            return []
        case GiveBack(amount=amount, outside=False):
            payment.concede(amount, payment.observe(money_lines(locked.order), uow.now))
            return []
        case GiveBack():
            return _given_outside(uow, locked, command)


def _report(
    uow: OrderUnitOfWork, payment: Payment, attempt: Attempt, outcome: Outcome, providers: Providers
) -> list[Posting]:
    provider = providers.get(payment.provider)
    if provider is None or not provider.reports_by_api:
        raise NotReportedByApi
    if outcome.state is AttemptState.ACTION_REQUIRED and attempt.kind not in TAKING:
        raise NobodyToAct(attempt.kind.value)
    if attempt.open and outcome.state is AttemptState.SUCCEEDED and has_lapsed(outcome.ends_at, uow.now):
        raise HoldIsOver
    if not attempt.open and attempt.state is not outcome.state and not _comes_back(attempt, outcome):
        raise AttemptEnded(attempt.state.value)
    was_open = attempt.open
    postings = payment.record(attempt, outcome, uow.now)
    if was_open and attempt.state is AttemptState.CANCELLED and attempt.kind in TAKING:
        # Whoever ends what was asked for is not asked again at once, as a bank that declined is not.
        payment.note_decline(uow.now)
    return postings


def _comes_back(attempt: Attempt, outcome: Outcome) -> bool:
    """A refund may fail after it succeeded, a hold may end by itself, and what was given up may have succeeded."""
    if attempt.kind is AttemptKind.REFUND:
        return outcome.state is AttemptState.FAILED
    if attempt.stands:
        return outcome.state is AttemptState.CANCELLED
    given_up = attempt.kind in TAKING and attempt.state is AttemptState.CANCELLED
    return given_up and outcome.state is AttemptState.SUCCEEDED


def _given_outside(uow: OrderUnitOfWork, locked: LockedPayment, command: GiveBack) -> list[Posting]:
    """Take note of money that went back in another way, as refunds of the charges that it is left of."""
    payment = locked.stored.payment
    target = payment.observe(money_lines(locked.order), uow.now)
    # What the provider gives back at this moment is paid twice, so that the second time is goodwill.
    surplus = max(0, payment.left - target.captured)
    if command.amount > surplus:
        payment.concede(command.amount - surplus, target)
    left, postings = command.amount, []
    for charge in reversed(payment.charges):
        amount = min(left, payment.refundable(charge))
        if amount == 0:
            continue
        refund = Attempt(new_event_id(), AttemptKind.REFUND, amount, uow.now, of=charge.attempt_id, outside=True)
        payment.start(refund)
        postings += payment.record(refund, Outcome(AttemptState.SUCCEEDED, command.reference), uow.now)
        left -= amount
    return postings
