"""Use cases: take what a provider tells as a hint, and ask it how the object stands that the hint is about."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from order_service.application.payments.apply_payment import lock_payment, save_payment
from order_service.application.payments.errors import ForgedEvent, UnknownProvider
from order_service.application.payments.ports import (
    InvalidSignature,
    PaymentKey,
    PaymentProvider,
    ProviderEvent,
    Providers,
    ProviderUnavailable,
    ReportedDispute,
)
from order_service.application.ports import OrderUnitOfWork
from order_service.domain.payments.attempts import Attempt, AttemptKind, Outcome
from order_service.domain.payments.disputes import Dispute
from order_service.domain.payments.payment import Payment
from service_kit.persistence.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

Units = UnitOfWorkFactory[OrderUnitOfWork]


async def record_provider_event(
    uow: OrderUnitOfWork, providers: Providers, provider: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Store what a provider sent, if it was signed by it; False if it was stored before.

    Nothing of a request that was not signed, or too long ago, is stored. Raises UnknownProvider and ForgedEvent.
    """
    if provider not in providers:
        raise UnknownProvider(provider, tuple(providers), "/provider")
    try:
        event = providers[provider].verify(headers, body, uow.now)
    except InvalidSignature as error:
        raise ForgedEvent(str(error)) from error
    return await uow.payments.record_event(event, uow.now)


async def handle_provider_events(units: Units, providers: Providers, *, limit: int = 50) -> int:
    """Handle events that are stored; returns how many were.

    Duty: whatever the events say, and in whatever order they come, only what the provider answers now counts. An event
    whose provider cannot be asked, or that cannot be handled, is tried again later and stops no other.
    """
    async with units.reading() as uow:
        events = await uow.payments.unhandled_events(limit)
    handled = 0
    for event in events:
        try:
            await _handle(units, providers[event.provider], event)
        except (ProviderUnavailable, KeyError) as error:
            log.warning("provider_event_waits", event_id=event.event_id, why=str(error))
            continue
        except Exception as error:
            log.warning("provider_event_not_handled", event_id=event.event_id, exc_info=error)
            continue
        async with units.begin() as uow:
            await uow.payments.event_handled(event, uow.now)
            await uow.commit()
        handled += 1
    return handled


async def _handle(units: Units, provider: PaymentProvider, event: ProviderEvent) -> None:
    dispute = await provider.dispute(event.object_id) if "dispute" in event.kind else None
    reference = dispute.reference if dispute else event.object_id
    async with units.reading() as uow:
        keys = await uow.payments.keys_by_reference([reference])
        stored = [await uow.payments.find(key.payment_id) for key in keys]
    for key, one in zip(keys, stored, strict=True):
        if one is None:
            continue
        if dispute is not None:
            await _record_dispute(units, key, dispute)
        for attempt in _concerned(one.payment, reference):
            await _record(units, key, attempt.attempt_id, await provider.fetch(one.payment, attempt))


def _concerned(payment: Payment, reference: str) -> list[Attempt]:
    """Attempts that the provider knows under this id and that may still change."""
    return [
        attempt
        for attempt in payment.attempts
        if attempt.reference == reference
        and not attempt.outside
        and (attempt.open or attempt.stands or attempt.kind is AttemptKind.REFUND)
    ]


async def _record(units: Units, key: PaymentKey, attempt_id: str, outcome: Outcome) -> None:
    async with units.begin() as uow:
        locked = await lock_payment(uow, key)
        if locked is not None:
            payment = locked.stored.payment
            postings = payment.record(payment.attempt(attempt_id), outcome, uow.now)
            await save_payment(uow, locked, look_at=uow.now, postings=postings)
            await uow.commit()


async def _record_dispute(units: Units, key: PaymentKey, reported: ReportedDispute) -> None:
    async with units.begin() as uow:
        locked = await lock_payment(uow, key)
        if locked is None:
            return
        payment = locked.stored.payment
        charge = next((one for one in payment.charges if one.reference == reported.reference), None)
        if charge is not None:
            dispute = Dispute(reported.dispute_id, charge.attempt_id, reported.amount, reported.state)
            postings = payment.record_dispute(dispute)
            await save_payment(uow, locked, look_at=uow.now, postings=postings)
            await uow.commit()
