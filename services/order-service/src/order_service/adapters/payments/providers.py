"""The providers that an installation has."""

from __future__ import annotations

from order_service.adapters.payments.merchant_provider import MerchantProvider
from order_service.application.payments.ports import PaymentProvider
from order_service.config import OrderSettings

MERCHANT = "webhook"
"""The name of the provider that is the merchant's own system."""


def configured_providers(_: OrderSettings) -> dict[str, PaymentProvider]:
    """The providers by name. The merchant's own system can always be asked; its webhooks say where."""
    return {MERCHANT: MerchantProvider()}
