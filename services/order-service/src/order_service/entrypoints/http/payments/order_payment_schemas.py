"""What an order says about its payment: currency, fees, who takes the money, and the terms of a deposit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from order_service.application.payments.currencies import minor_unit_digits
from order_service.domain.payments.terms import Fee
from service_kit.http.fields import WHOLE_NUMBER, Name
from service_kit.http.models import RequestModel
from service_kit.http.problems import FieldError

MOST_FEES = 20

MOST_MONEY = 10**15
"""The most that an order with a payment may cost, in minor units: sums of it stay exact in JSON and in the database."""


def _known_currency(code: str) -> str:
    if minor_unit_digits(code) is None:
        raise ValueError("must be a currency of ISO 4217, such as EUR, JPY or KWD")
    return code


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
"""A currency of ISO 4217. Its amounts are in minor units: JPY has no decimal, KWD has three."""

ProviderToken = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
"""A provider's name of a card or account, as it was given: no number of a card."""


class NewFee(RequestModel):
    """What the order costs besides its units, such as shipping; it is taken once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shipping", "amount": 490}]})

    name: Name
    amount: Annotated[int, Field(ge=0, le=1_000_000_000_000), WHOLE_NUMBER] = Field(
        description="Minor units of the order's currency"
    )


class NewPayment(RequestModel):
    """Who takes the money, and from which card or account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider": "stripe", "token": "seti_1QJx2"}]})

    provider: Name = Field(description="stripe, or webhook where the merchant's own system takes the money")
    token: ProviderToken = Field(description="From POST /v1/payment-setups, or the merchant's own name of the account")


class DepositTerms(RequestModel):
    """Who keeps a deposit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kept_if_customer_cancels": True}]})

    kept_if_customer_cancels: bool = Field(
        description="Only where US law applies; never kept of what the law, the merchant or a missing payment cancels"
    )


def fees_of(fees: Sequence[NewFee]) -> tuple[Fee, ...]:
    """The fees as the payment's terms have them."""
    return tuple(Fee(fee.name, fee.amount) for fee in fees)


def payment_faults(
    payment: NewPayment | None,
    fees: Sequence[NewFee],
    deposit: DepositTerms | None,
    *,
    charge_at: str,
    jurisdiction: str | None,
    total: int,
) -> Iterator[FieldError]:
    """What contradicts what about the payment of an order that costs ``total`` minor units, without fees."""
    if payment is not None and total > MOST_MONEY:
        yield FieldError("/lines", f"All of it costs {total} minor units: split the order, at most {MOST_MONEY} each.")
    if fees and payment is None:
        yield FieldError("/fees", "Give them with payment: without it nobody takes them.")
    if deposit is None:
        return
    if payment is None or charge_at != "deposit":
        yield FieldError("/deposit_terms", "Give them with payment and charge_at deposit, and only then.")
    elif deposit.kept_if_customer_cancels and jurisdiction != "US":
        detail = "A deposit may be kept only under jurisdiction US: elsewhere the customer gets it back."
        yield FieldError("/deposit_terms/kept_if_customer_cancels", detail)
