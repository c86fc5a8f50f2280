"""The order service without servers: the real application and its HTTP API on stores in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from tests.unit.order.in_memory_stores import InMemoryOrderUnitOfWork, InMemoryOrderUnits

from order_service.adapters.polling_order_watch import PollingOrderWatch
from order_service.adapters.promises.signed_offer_links import SignedOfferLinks
from order_service.adapters.signed_tracking_tokens import SignedTrackingTokens
from order_service.application.apply_allocations import apply_allocations
from order_service.application.change_orders import change_orders
from order_service.application.payments.change_payments import change_payments
from order_service.application.payments.ports import Providers
from order_service.application.place_orders import place_orders
from order_service.application.promises.record_notices import record_sent_notices
from order_service.bootstrap import OrderApplication, law_rules, payment_providers
from order_service.config import OrderSettings
from service_kit.commands.attempt import BatchUseCase
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.persistence.database import Database
from service_kit.persistence.parked_work import SetAside
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock

C = TypeVar("C")
R = TypeVar("R")


class InMemoryAttempt(Generic[C, R]):
    """`Attempt` in memory, with the records of idempotency keys."""

    def __init__(self, units: InMemoryOrderUnits, use_case: BatchUseCase[Any, C, R]) -> None:
        self._units = units
        self._use_case = use_case
        self._records: dict[tuple[str, str, str], IdempotencyRecord] = {}

    async def __call__(
        self, commands: Sequence[C], claims: Sequence[IdempotencyClaim | None]
    ) -> Sequence[R | Exception | IdempotencyRecord | Claimed]:
        """See Attempt."""
        recorded = [self._records.get(claim.identity) if claim else None for claim in claims]
        fresh = [place for place, record in enumerate(recorded) if record is None]
        async with self._units.begin() as uow:
            results = await self._use_case(uow, [commands[place] for place in fresh])
            await uow.commit()
        outcomes: dict[int, R | Exception] = dict(zip(fresh, results, strict=True))
        for place, outcome in outcomes.items():
            claim = claims[place]
            if claim is not None and not isinstance(outcome, Exception):
                record = IdempotencyRecord(claim.fingerprint, claim.resource_id, claim.status)
                self._records[claim.identity] = record
        return [record or outcomes[place] for place, record in enumerate(recorded)]

    async def rest(self) -> None:
        """See Attempt: nothing is held."""


def in_memory_application(
    settings: OrderSettings, clock: Clock, units: InMemoryOrderUnits, providers: Providers | None = None
) -> OrderApplication:
    """The application as `wire` makes it, on ``units``."""
    business_clock = BusinessClock(clock, follow_events=settings.business_clock == "events")
    watch = PollingOrderWatch(units)
    secrets = [*([settings.tracking_secret] if settings.tracking_secret else []), *settings.tracking_old_secrets]
    offer_links = SignedOfferLinks(settings.own_url, secrets, clock)
    providers = providers or payment_providers(settings)
    return OrderApplication(
        settings=settings,
        clock=clock,
        business_clock=business_clock,
        database=Database(settings.database_url),
        units=units,
        joined_unit=_joined_unit,
        new_orders=CommandBatcher(InMemoryAttempt(units, place_orders)),
        changes=CommandBatcher(InMemoryAttempt(units, change_orders)),
        watch=watch,
        tracking_tokens=SignedTrackingTokens(secrets, clock),
        apply_allocations=partial(apply_allocations, business_clock=business_clock, watch=watch),
        offer_links=offer_links,
        law=law_rules(settings, offer_links),
        record_sent_notices=partial(record_sent_notices, link=offer_links.link),
        providers=providers,
        payment_changes=CommandBatcher(InMemoryAttempt(units, partial(change_payments, providers=providers))),
        parked_work=NothingParked(),
    )


class NothingParked:
    """`ParkedItems` in memory: what fails is an error of the test."""

    async def set_aside(self, task: str) -> SetAside:
        """See ParkedItems."""
        return SetAside(frozenset(), frozenset())

    async def release(self, task: str, items: Collection[str]) -> None:
        """See ParkedItems."""

    async def park(self, task: str, item: str, error: BaseException) -> None:
        """See ParkedItems."""
        raise error

    async def database_responds(self) -> bool:
        """See ParkedItems."""
        return True


def _joined_unit(transaction: object) -> InMemoryOrderUnitOfWork:
    """In memory, the transaction that is open already is the unit of work itself."""
    assert isinstance(transaction, InMemoryOrderUnitOfWork)
    return transaction
