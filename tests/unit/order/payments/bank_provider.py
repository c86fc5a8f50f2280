"""The model's bank as a payment provider, so that the real use cases play against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.unit.order.payments.model_bank import Bank

from order_service.application.payments.ports import (
    InvalidSignature,
    ProviderEvent,
    ProviderUnavailable,
    ReportedDispute,
    Setup,
)
from order_service.domain.payments.attempts import Attempt, Outcome
from order_service.domain.payments.payment import Payment
from service_kit.runtime.clock import Clock


@dataclass
class BankProvider:
    """`PaymentProvider` on a `Bank`. ``fates`` are what becomes of the next calls: ok, lost_request, lost_response."""

    bank: Bank
    clock: Clock
    reports_by_api: bool = False
    fates: list[str] = field(default_factory=list)

    async def submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        fate = self.fates.pop(0) if self.fates else "ok"
        self.bank.advance(self.clock.now())
        if fate == "lost_request":
            raise ProviderUnavailable("the request was lost")
        of = payment.attempt(attempt.of).reference if attempt.of else None
        outcome = self.bank.submit(attempt, of, attempt.attempt_id)
        if fate == "lost_response":
            raise ProviderUnavailable("the response was lost")
        return outcome

    async def fetch(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        self.bank.advance(self.clock.now())
        return self.bank.fetch(attempt)

    async def find(self, payment: Payment, attempt: Attempt) -> Outcome | None:
        """See PaymentProvider."""
        self.bank.advance(self.clock.now())
        return self.bank.find(attempt)

    async def abandon(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        return self.bank.abandon(attempt)

    async def dispute(self, dispute_id: str) -> ReportedDispute | None:
        """See PaymentProvider."""
        return None

    async def set_up(self, order_reference: str | None, customer: str | None) -> Setup:
        """See PaymentProvider."""
        return Setup("setup-1", "bank", "secret-1")

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        """See PaymentProvider: the signature is the word itself."""
        if headers.get("signature") != "signed":
            raise InvalidSignature("forged")
        return ProviderEvent("bank", *body.decode().split())

    async def close(self) -> None:
        """See PaymentProvider."""
