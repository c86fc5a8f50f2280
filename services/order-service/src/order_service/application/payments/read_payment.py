"""Use cases: read a payment, and begin to store a customer's card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from order_service.application.payments.errors import NoForm, PaymentNotFound, ProviderDown, UnknownProvider
from order_service.application.payments.ports import Providers, ProviderUnavailable, Setup, StoredPayment
from order_service.application.ports import OrderUnitOfWork
from order_service.application.queries import Visibility
from order_service.domain.order import Order


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """A payment and the order that it pays."""

    stored: StoredPayment
    order: Order


async def read_payment(uow: OrderUnitOfWork, payment_id: str, visibility: Visibility) -> PaymentRecord:
    """The payment as it is. Raises PaymentNotFound for one whose order the caller may not see."""
    stored = await uow.payments.find(payment_id)
    record = None if stored is None else await uow.queries.order(stored.payment.order_id, visibility)
    if stored is None or record is None:
        raise PaymentNotFound
    return PaymentRecord(stored, record.order)


async def read_payment_of_order(uow: OrderUnitOfWork, order_id: str, visibility: Visibility) -> PaymentRecord:
    """The payment of an order. Raises PaymentNotFound where there is none, or the caller may not see the order."""
    stored = await uow.payments.of_order(order_id)
    record = None if stored is None else await uow.queries.order(order_id, visibility)
    if stored is None or record is None:
        raise PaymentNotFound
    return PaymentRecord(stored, record.order)


async def count_refunds_due(uow: OrderUnitOfWork, before: datetime) -> int:
    """How many payments have money to give back that the law wants sent before this moment."""
    return await uow.payments.count_refunds_due(before)


async def begin_setup(providers: Providers, name: str, customer_id: str | None) -> Setup:
    """Begin to store a card or account. Raises UnknownProvider, NoForm and ProviderDown."""
    if name not in providers:
        raise UnknownProvider(name, tuple(providers), "/provider")
    if providers[name].reports_by_api:
        raise NoForm
    try:
        return await providers[name].set_up(None, customer_id)
    except ProviderUnavailable as error:
        raise ProviderDown(str(error)) from error
