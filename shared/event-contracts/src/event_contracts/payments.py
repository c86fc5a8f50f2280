"""Events about the payment of an order, on the ``orders`` topic. Each carries the payment as it is now."""

from __future__ import annotations

from pydantic import Field

from event_contracts.model import Identifier, Instant, Payload, PlannedInstant, Version

Amount = int
"""Minor units of the payment's currency (ISO 4217: JPY has no decimal, KWD three)."""


class PaymentRequest(Payload):
    """An attempt that the merchant's system is asked to carry out, once however often it is asked."""

    attempt_id: Identifier = Field(description="The idempotency key; the result names it")
    kind: Identifier = Field(description="charge, hold, capture, void or refund")
    amount: Amount = Field(ge=1, description="Minor units")
    method: str | None = Field(default=None, max_length=255, description="The provider's name of the card or account")
    reference: str | None = Field(
        default=None, max_length=255, description="Of a capture, void or refund: the provider's id of what it is about"
    )


class PaymentAction(Payload):
    """What the customer has to do so that a payment goes on. One for each problem, however often the bank is asked."""

    kind: Identifier = Field(description="authenticate (confirm it with the bank) or replace_method; new ones may come")
    attempt_id: Identifier = Field(description="The attempt that needs the customer; of several declines, the first")
    url: str | None = Field(
        default=None, max_length=2048, description="Where the customer confirms this payment, and nothing else"
    )
    until: PlannedInstant = Field(description="When units that are still not paid are cancelled")


class PaymentStatus(Payload):
    """``PaymentUpdated``, ``PaymentRequested``, ``RefundRequested``: the payment of an order as it is now.

    ``version`` counts the changes of the payment. No personal data, and nothing that opens an account.
    """

    payment_id: Identifier
    order_id: Identifier
    version: Version
    provider: Identifier
    currency: str
    due: Amount = Field(ge=0, description="What ought to be taken and not given back")
    held: Amount = Field(ge=0, description="What is authorised and not taken")
    captured: Amount = Field(ge=0, description="All that was taken")
    refunded: Amount = Field(ge=0, description="All that was given back")
    refund_due: Amount = Field(ge=0, description="What ought to be given back still")
    refund_due_by: PlannedInstant | None = Field(default=None, description="By when the law wants it sent")
    state: Identifier = Field(description="Such as paid, held, declined, owed; new ones may come")
    request: PaymentRequest | None = None
    action: PaymentAction | None = Field(default=None, description="What the customer has to do; null: nothing")
    occurred_at: Instant
