"""The provider "webhook": the merchant's system is asked by events, and reports results by the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from order_service.application.payments.ports import InvalidSignature, ProviderEvent, ReportedDispute, Setup
from order_service.domain.payments.attempts import Attempt, Outcome
from order_service.domain.payments.payment import Payment


class MerchantProvider:
    """`PaymentProvider` that calls nobody: `PaymentRequested` and `RefundRequested` go to the merchant's webhooks.

    The result of an attempt is what the merchant's system reported last; until then it is as it is stored.
    """

    reports_by_api = True

    async def submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        return Outcome(attempt.state, attempt.reference)

    async def fetch(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        return Outcome(attempt.state, attempt.reference, attempt.reason, attempt.ends_at, attempt.action_url)

    async def find(self, payment: Payment, attempt: Attempt) -> Outcome | None:
        """See PaymentProvider."""
        return Outcome(attempt.state, attempt.reference)

    async def abandon(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        return Outcome(attempt.state, attempt.reference)

    async def dispute(self, dispute_id: str) -> ReportedDispute | None:
        """See PaymentProvider."""
        return None

    async def set_up(self, order_reference: str | None, customer: str | None) -> Setup:
        """See PaymentProvider: the merchant's own form stores the card; its name of it is the token."""
        return Setup("", "webhook", None)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        """See PaymentProvider."""
        raise InvalidSignature("the merchant's system reports by POST /v1/payments/{payment_id}/results")

    async def close(self) -> None:
        """See PaymentProvider."""
