"""The one place that wires the order service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.payments.merchant_provider import MerchantProvider
from order_service.adapters.polling_order_watch import PollingOrderWatch
from order_service.adapters.promises.signed_offer_links import SignedOfferLinks
from order_service.adapters.signed_tracking_tokens import SignedTrackingTokens
from order_service.adapters.single_statement import SingleStatementAttempt
from order_service.adapters.sql_new_orders import PlaceOrdersInOneStatement
from order_service.adapters.sql_unit_of_work import SqlOrderUnitOfWork
from order_service.application.apply_allocations import apply_allocations
from order_service.application.change_orders import change_orders
from order_service.application.commands import Accepted, ChangeOrder, PlaceOrder
from order_service.application.payments.change_payments import ChangePayment, PaymentAccepted, change_payments
from order_service.application.payments.ports import PaymentProvider, Providers
from order_service.application.place_orders import place_orders
from order_service.application.ports import OrderUnitOfWork
from order_service.application.promises.judge_orders import LawRules
from order_service.application.promises.record_notices import record_sent_notices
from order_service.config import OrderSettings
from order_service.domain.promises.refunds import RefundTerms
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.commands.each_alone import ParkedItems
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.messaging.subscription import EventUseCase
from service_kit.persistence.database import Database
from service_kit.persistence.parked_work import ParkedWork
from service_kit.persistence.unit_of_work import UnitOfWorkFactory
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class OrderApplication:
    """The service as its entrypoints see it.

    ``new_orders`` and ``changes`` carry out commands in batches. ``joined_unit`` makes a unit of work in a transaction
    that is open already, the consumer's. ``apply_allocations`` and ``record_sent_notices`` are use cases bound to what
    they need, ``law`` is what judging orders needs. ``providers`` take money, by their names.
    """

    settings: OrderSettings
    clock: Clock
    business_clock: BusinessClock
    database: Database
    units: UnitOfWorkFactory[OrderUnitOfWork]
    joined_unit: Callable[[AsyncConnection], OrderUnitOfWork]
    new_orders: CommandBatcher[PlaceOrder, Accepted]
    changes: CommandBatcher[ChangeOrder, Accepted]
    watch: PollingOrderWatch
    tracking_tokens: SignedTrackingTokens
    apply_allocations: EventUseCase[OrderUnitOfWork]
    offer_links: SignedOfferLinks
    law: LawRules
    record_sent_notices: EventUseCase[OrderUnitOfWork]
    providers: Providers
    payment_changes: CommandBatcher[ChangePayment, PaymentAccepted]
    parked_work: ParkedItems


def wire(
    settings: OrderSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> OrderApplication:
    """Wire the service from its settings, by default those of the environment; tests pass a clock and a database."""
    settings = settings or OrderSettings()
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="order-service",
        idle_in_transaction=settings.idle_in_transaction,
    )
    units = SqlUnitOfWorkFactory(database, SqlOrderUnitOfWork, clock)
    business_clock = BusinessClock(clock, follow_events=settings.business_clock == "events")
    watch = PollingOrderWatch(units)
    secrets = [*([settings.tracking_secret] if settings.tracking_secret else []), *settings.tracking_old_secrets]
    offer_links = SignedOfferLinks(settings.own_url, secrets, clock)
    rules = law_rules(settings, offer_links)
    providers = payment_providers(settings)
    return OrderApplication(
        settings=settings,
        clock=clock,
        business_clock=business_clock,
        database=database,
        units=units,
        joined_unit=units.within,
        new_orders=CommandBatcher(SingleStatementAttempt(database, PlaceOrdersInOneStatement(place_orders, clock))),
        changes=CommandBatcher.on(units, partial(change_orders, refunds=rules.refunds)),
        watch=watch,
        tracking_tokens=SignedTrackingTokens(secrets, clock),
        apply_allocations=partial(apply_allocations, business_clock=business_clock, watch=watch),
        offer_links=offer_links,
        law=rules,
        record_sent_notices=partial(record_sent_notices, link=offer_links.link),
        providers=providers,
        payment_changes=CommandBatcher.on(units, partial(change_payments, providers=providers)),
        parked_work=ParkedWork(database),
    )


def law_rules(settings: OrderSettings, offer_links: SignedOfferLinks) -> LawRules:
    """What judging by the law needs of the settings."""
    return LawRules(offer_links.link, RefundTerms(settings.refund_days, settings.billing_cycle_days))


def payment_providers(settings: OrderSettings) -> Providers:
    """The providers of this installation: the merchant's own system always, Stripe where it is set up."""
    providers: dict[str, PaymentProvider] = {"webhook": MerchantProvider()}
    if settings.stripe_api_key is not None:
        # The library costs 13 MB and half a second, which nobody else pays.
        from order_service.adapters.payments.stripe_client import StripeAccount  # noqa: PLC0415
        from order_service.adapters.payments.stripe_provider import NAME, StripeProvider  # noqa: PLC0415

        secrets = [settings.stripe_webhook_secret] if settings.stripe_webhook_secret else []
        account = StripeAccount(
            settings.stripe_api_key,
            (*secrets, *settings.stripe_old_webhook_secrets),
            settings.stripe_url,
            settings.payment_return_url or settings.own_url,
        )
        providers[NAME] = StripeProvider(account)
    return providers
