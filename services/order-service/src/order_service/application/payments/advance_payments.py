"""Use case: bring what is taken and held to what is due, one attempt at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from event_contracts import new_event_id
from order_service.application.change_orders import change_orders
from order_service.application.commands import CancelOrder
from order_service.application.payments.apply_payment import LockedPayment, lock_payment, save_payment
from order_service.application.payments.ports import (
    NEVER_MADE,
    PaymentKey,
    PaymentProvider,
    Providers,
    ProviderUnavailable,
)
from order_service.application.ports import OrderUnitOfWork
from order_service.domain.errors import Refusal
from order_service.domain.payments import next_step as steps
from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, Outcome
from order_service.domain.payments.order_money import money_lines
from order_service.domain.payments.payment import Payment
from service_kit.persistence.unit_of_work import UnitOfWorkFactory
from service_kit.runtime.failpoints import failpoint

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=90)
"""How long a payment is left to whoever called its provider; then somebody else finds out what became of it."""

WAIT_FOR_REPORT = timedelta(minutes=15)
"""How often a payment is looked at whose attempt the merchant's system carries out."""

PAYMENT_FAILED = "payment_failed"
"""The reason of a cancellation of units that were not paid in time."""

MOST_STEPS = 20
"""Steps of one payment in a row; the others have their turn then."""

Units = UnitOfWorkFactory[OrderUnitOfWork]


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be asked of the provider, after everything about it was stored."""

    payment: Payment
    step: steps.Submit | steps.Find | steps.Fetch | steps.Abandon

    @property
    def attempt(self) -> Attempt:
        """The attempt that it is about."""
        return self.step.attempt


async def advance_payments(units: Units, providers: Providers, *, limit: int = 50) -> int:
    """Advance the payments that are due; returns how many were looked at.

    Duty: what is taken and held follows what is due, whatever crashes between two steps. An attempt is stored before
    the provider is called, and its id is the key of the call, so that whoever comes next may make the call again. What
    cannot be advanced is logged, looked at again after its lease, and stops no other payment.
    """
    async with units.reading() as uow:
        keys = await uow.payments.due(uow.now, limit)
    for key in keys:
        try:
            await advance_payment(units, providers, key)
        except Exception as error:
            log.warning("payment_not_advanced", payment_id=key.payment_id, exc_info=error)
            await _leave_alone(units, key)
    return len(keys)


async def _leave_alone(units: Units, key: PaymentKey) -> None:
    """A payment that cannot be advanced is not tried again at once: the others have their turn."""
    async with units.begin() as uow:
        await uow.payments.postpone(key.payment_id, uow.now + LEASE)
        await uow.commit()


async def advance_payment(
    units: Units, providers: Providers, key: PaymentKey, new_id: Callable[[], str] = new_event_id
) -> None:
    """Do what is due about one payment, step by step, until nothing is."""
    for _ in range(MOST_STEPS):
        async with units.begin() as uow:
            call = await _decide(uow, providers, key, new_id)
            await uow.commit()
        if call is None:
            return
        if isinstance(call, Call):
            failpoint("payment_attempt_stored")
            outcome = await _ask(providers[call.payment.provider], call)
            failpoint("payment_provider_answered")
            async with units.begin() as uow:
                await record_outcome(uow, key, call.attempt.attempt_id, outcome)
                await uow.commit()


async def _decide(
    uow: OrderUnitOfWork, providers: Providers, key: PaymentKey, new_id: Callable[[], str]
) -> Call | bool | None:
    """Store the next step: the call to make, True if there may be another step, None if nothing is due."""
    locked = await lock_payment(uow, key)
    if locked is None or locked.stored.look_at is None or locked.stored.look_at > uow.now:
        return None
    payment = locked.stored.payment
    provider = providers.get(payment.provider)
    if provider is None:
        await save_payment(uow, locked, look_at=uow.now + LEASE)
        return None
    step = steps.next_step(payment, money_lines(locked.order), uow.now)
    match step:
        case steps.Rest(until):
            await save_payment(uow, locked, look_at=until)
            return None
        case steps.CancelUnits(units):
            await _cancel_units(uow, locked, key, units)
            return True
        case steps.Start():
            attempt = _new_attempt(payment, step, uow, new_id())
            payment.start(attempt)
            step = steps.Submit(attempt)
    return await _prepare(uow, locked, provider, step)


async def _prepare(
    uow: OrderUnitOfWork,
    locked: LockedPayment,
    provider: PaymentProvider,
    step: steps.Submit | steps.Find | steps.Fetch | steps.Abandon,
) -> Call | bool | None:
    attempt = step.attempt
    if not provider.reports_by_api:
        await save_payment(uow, locked, look_at=uow.now + LEASE)
        return Call(locked.stored.payment, step)
    requested = attempt if isinstance(step, steps.Submit) and attempt.state is AttemptState.STORED else None
    if isinstance(step, steps.Abandon):
        postings = locked.stored.payment.record(attempt, Outcome(AttemptState.CANCELLED), uow.now)
        await save_payment(uow, locked, look_at=uow.now, postings=postings)
        return True
    postings = []
    if requested is not None:
        postings = locked.stored.payment.record(attempt, Outcome(AttemptState.PENDING), uow.now)
    await save_payment(uow, locked, look_at=uow.now + WAIT_FOR_REPORT, postings=postings, requested=requested)
    return None


def _new_attempt(payment: Payment, step: steps.Start, uow: OrderUnitOfWork, attempt_id: str) -> Attempt:
    asks_bank = step.kind in (AttemptKind.CHARGE, AttemptKind.HOLD)
    return Attempt(
        attempt_id=attempt_id,
        kind=step.kind,
        amount=step.amount,
        created_at=uow.now,
        units=step.units,
        of=step.of,
        method=payment.method if asks_bank else None,
    )


async def _cancel_units(uow: OrderUnitOfWork, locked: LockedPayment, key: PaymentKey, units: dict[str, int]) -> None:
    """Cancel what was not paid in time, by the way of every cancellation: somebody else gets the stock."""
    locked.stored.look_at = uow.now
    await uow.payments.save(locked.stored, ())
    command = CancelOrder(order_id=key.order_id, at=uow.now, reason=PAYMENT_FAILED, parts=units)
    [result] = await change_orders(uow, [command])
    if isinstance(result, Refusal):
        log.error("unpaid_units_not_cancelled", order_id=key.order_id, why=str(result))


async def _ask(provider: PaymentProvider, call: Call) -> Outcome:
    attempt = call.attempt
    try:
        match call.step:
            case steps.Submit():
                return await provider.submit(call.payment, attempt)
            case steps.Find():
                return await provider.find(call.payment, attempt) or NEVER_MADE
            case steps.Abandon():
                return await provider.abandon(call.payment, attempt)
            case steps.Fetch():
                return await provider.fetch(call.payment, attempt)
    except ProviderUnavailable as error:
        log.warning("provider_unavailable", attempt_id=attempt.attempt_id, why=str(error))
        return Outcome(AttemptState.UNKNOWN)


async def record_outcome(uow: OrderUnitOfWork, key: PaymentKey, attempt_id: str, outcome: Outcome) -> None:
    """Take note of what a provider says of an attempt, and have the payment looked at at once."""
    locked = await lock_payment(uow, key)
    if locked is None:
        return
    payment = locked.stored.payment
    postings = payment.record(payment.attempt(attempt_id), outcome, uow.now)
    await save_payment(uow, locked, look_at=uow.now, postings=postings)
