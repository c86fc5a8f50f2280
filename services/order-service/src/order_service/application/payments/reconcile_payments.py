"""Use case: compare what is stored of attempts with the provider's books, once a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from order_service.application.payments.ports import (
    Difference,
    PaymentKey,
    PaymentProvider,
    Providers,
    ProviderUnavailable,
    StoredPayment,
)
from order_service.application.ports import OrderUnitOfWork
from order_service.domain.payments.attempts import AttemptKind
from service_kit.persistence.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(days=3)
"""Payments that changed within this time are compared; older ones have been compared before."""

_PAGE = 200

Units = UnitOfWorkFactory[OrderUnitOfWork]


async def reconcile_payments(units: Units, providers: Providers) -> int:
    """Compare each attempt that has ended with how the provider says that it stands; returns how many differ.

    Differences are listed, one a day for each attempt, and not repaired: somebody decides which books are right.
    """
    found, after = 0, ""
    async with units.reading() as uow:
        now = uow.now
    while keys := await _page(units, now - LOOK_BACK, after):
        differences = [one for key in keys for one in await _compare(units, providers, key)]
        after = keys[-1].payment_id
        if differences:
            found += len(differences)
            log.warning("payments_differ", attempts=[one.attempt_id for one in differences])
            async with units.begin() as uow:
                await uow.payments.save_differences(now.date(), differences, now)
                await uow.commit()
    return found


async def _page(units: Units, since: datetime, after: str) -> list[PaymentKey]:
    async with units.reading() as uow:
        return await uow.payments.changed_since(since, _PAGE, after)


async def _compare(units: Units, providers: Providers, key: PaymentKey) -> list[Difference]:
    async with units.reading() as uow:
        stored = await uow.payments.find(key.payment_id)
    provider = providers.get(stored.payment.provider) if stored else None
    if stored is None or provider is None or provider.reports_by_api:
        return []
    try:
        return await _differences(provider, stored)
    except ProviderUnavailable as error:
        log.warning("payment_not_compared", payment_id=key.payment_id, why=str(error))
        return []


async def _differences(provider: PaymentProvider, stored: StoredPayment) -> list[Difference]:
    payment, differences = stored.payment, []
    for attempt in payment.attempts:
        if attempt.open or attempt.outside or attempt.reference is None or attempt.kind is AttemptKind.VOID:
            continue
        outcome = await provider.fetch(payment, attempt)
        ended = attempt.hold_end is not None
        if outcome.state is not attempt.state and not ended:
            ours: dict[str, str | int | None] = {"state": attempt.state.value, "amount": attempt.amount}
            theirs: dict[str, str | int | None] = {"state": outcome.state.value, "reference": outcome.reference}
            differences.append(Difference(payment.payment_id, attempt.attempt_id, ours, theirs))
    return differences
