"""Payments in bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from order_service.application.payments.currencies import minor_unit_digits
from order_service.application.payments.ports import Setup
from order_service.application.payments.read_payment import PaymentRecord
from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, HoldEnd, Outcome
from order_service.domain.payments.summary import PaymentState
from order_service.entrypoints.http.payments.order_payment_schemas import ProviderToken
from service_kit.http.fields import WHOLE_NUMBER, Instant, Name, PersonId, Reason
from service_kit.http.models import RequestModel, ResponseModel

_PAYMENT_ID = "0198a3c4-0000-7000-8000-000000000009"
_ATTEMPT_ID = "0198a3c4-0000-7000-8000-00000000000a"
_ORDER_ID = "0198a3c4-0000-7000-8000-000000000000"


class NewSetup(RequestModel):
    """Whose card or account is to be stored, and with whom."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider": "stripe", "customer_id": "c-1042"}]})

    provider: Name
    customer_id: PersonId | None = None


class SetupView(ResponseModel):
    """What the storefront needs to show the provider's form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider": "stripe", "token": "seti_1QJx2", "client_secret": "seti_1QJx2_secret_x"}]
        }
    )

    provider: str
    token: str = Field(description="What to place an order with, once the customer has filled in the form")
    client_secret: str | None = Field(description="For the provider's form in the customer's browser only")

    @classmethod
    def of(cls, setup: Setup) -> SetupView:
        """The view of a setup."""
        return cls(provider=setup.provider, token=setup.setup_id, client_secret=setup.client_secret)


class NewMethod(RequestModel):
    """Another card or account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "seti_2QJx3"}]})

    token: ProviderToken


class NewResult(RequestModel):
    """What became of an attempt that the merchant's system carried out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"attempt_id": _ATTEMPT_ID, "outcome": "succeeded", "reference": "bank-4711"}]}
    )

    attempt_id: Name
    outcome: Literal["succeeded", "pending", "action_required", "failed", "cancelled"]
    reference: ProviderToken | None = Field(default=None, description="The own name of what was made")
    reason: Name | None = Field(default=None, description="A code, such as insufficient_funds")
    hold_ends_at: Instant | None = Field(default=None, description="Of a hold: until when it can be captured")
    action_url: Annotated[str, Field(pattern=r"^https://[^\s]{1,500}$")] | None = Field(
        default=None, description="With action_required: where the customer authenticates"
    )

    def result(self) -> Outcome:
        """The outcome that it states."""
        return Outcome(AttemptState(self.outcome), self.reference, self.reason, self.hold_ends_at, self.action_url)


class NewRefund(RequestModel):
    """Money to give back out of goodwill, or that was given back in another way."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 500, "reason": "scratched on arrival"}]})

    amount: Annotated[int, Field(ge=1, le=1_000_000_000_000), WHOLE_NUMBER] = Field(
        description="Minor units of the payment's currency; what is due by itself needs no request"
    )
    paid_outside: bool = Field(
        default=False, description="It was given back already, in another way than the provider's"
    )
    reference: ProviderToken | None = Field(default=None, description="With paid_outside: the own name of the transfer")
    reason: Reason | None = None


class AttemptView(ResponseModel):
    """One request to the provider."""

    attempt_id: str
    kind: AttemptKind
    amount: int
    state: AttemptState
    of: str | None = Field(description="Of a capture, void or refund: the attempt whose money it is about")
    reference: str | None = Field(description="The provider's id")
    reason: str | None = Field(description="The provider's code, such as insufficient_funds")
    ends_at: datetime | None = Field(description="Of a hold: until when it can be captured")
    hold_end: HoldEnd | None
    created_at: datetime

    @classmethod
    def of_attempt(cls, attempt: Attempt) -> AttemptView:
        """The view of an attempt."""
        return cls(
            attempt_id=attempt.attempt_id,
            kind=attempt.kind,
            amount=attempt.amount,
            state=attempt.state,
            of=attempt.of,
            reference=attempt.reference,
            reason=attempt.reason,
            ends_at=attempt.ends_at,
            hold_end=attempt.hold_end,
            created_at=attempt.created_at,
        )


class ActionView(ResponseModel):
    """What the customer has to do."""

    kind: Literal["authenticate", "replace_method"]
    url: str | None = Field(description="Where they authenticate; null: a page of the storefront's own")
    until: datetime | None = Field(description="What is still not paid then is cancelled")


class PaymentView(ResponseModel):
    """How an order is paid. Amounts are minor units of the currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment_id": _PAYMENT_ID,
                    "order_id": _ORDER_ID,
                    "version": 4,
                    "provider": "stripe",
                    "currency": "EUR",
                    "currency_digits": 2,
                    "charge_at": "allocation",
                    "state": "paid",
                    "due": 9998,
                    "held": 0,
                    "captured": 9998,
                    "refunded": 0,
                    "disputed": 0,
                    "refund_due": 0,
                    "refund_due_by": None,
                    "action": None,
                    "attempts": [],
                }
            ]
        }
    )

    payment_id: str
    order_id: str
    version: int
    provider: str
    currency: str
    currency_digits: int | None = Field(description="How many decimals an amount has: JPY 0, EUR 2, KWD 3")
    charge_at: str
    state: PaymentState
    due: int = Field(description="What ought to be taken and not given back")
    held: int = Field(description="What is authorised and not taken")
    captured: int = Field(description="All that was taken")
    refunded: int = Field(description="All that was given back")
    disputed: int = Field(description="What banks have taken back and not returned")
    refund_due: int = Field(description="What ought to be given back still")
    refund_due_by: datetime | None = Field(description="By when the law wants it sent")
    action: ActionView | None = Field(description="What the customer has to do; null: nothing")
    attempts: list[AttemptView]

    @classmethod
    def of(cls, record: PaymentRecord) -> PaymentView:
        """The view of a payment."""
        payment, summary = record.stored.payment, record.stored.summary
        return cls(
            payment_id=payment.payment_id,
            order_id=payment.order_id,
            version=payment.version,
            provider=payment.provider,
            currency=payment.terms.currency,
            currency_digits=minor_unit_digits(payment.terms.currency),
            charge_at=payment.terms.charge_at.value,
            state=summary.state,
            due=summary.due,
            held=summary.held,
            captured=summary.captured,
            refunded=summary.refunded,
            disputed=payment.disputed,
            refund_due=summary.refund_due,
            refund_due_by=record.stored.refund_due_by,
            action=_action(record),
            attempts=[AttemptView.of_attempt(attempt) for attempt in payment.attempts],
        )


def _action(record: PaymentRecord) -> ActionView | None:
    payment, state = record.stored.payment, record.stored.summary.state
    waiting = [one for one in payment.open_attempts if one.state is AttemptState.ACTION_REQUIRED]
    if waiting:
        return ActionView(kind="authenticate", url=waiting[0].action_url, until=payment.grace_until)
    if state in (PaymentState.DECLINED, PaymentState.OWED):
        return ActionView(kind="replace_method", url=None, until=payment.grace_until)
    return None
