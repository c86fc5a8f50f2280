"""Orders in bodies: what callers send to place one. What they are shown is in `order_views`.

Rules across fields are checked together, so that every field at fault is listed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from order_service.domain.order import MAX_LINES
from order_service.domain.promises.jurisdictions import Jurisdiction, jurisdiction_named
from order_service.entrypoints.http.payments.order_payment_schemas import (
    MOST_FEES,
    Currency,
    DepositTerms,
    NewFee,
    NewPayment,
    payment_faults,
)
from service_kit.http.fields import WHOLE_NUMBER, Day, Instant, Name, PersonId, TimeZone, Units
from service_kit.http.models import RequestModel
from service_kit.http.problems import FieldError, unprocessable


def _no_container(value: object) -> object:
    if isinstance(value, dict | list):
        raise ValueError("must be text, a number, true, false or null")
    return value


_MetadataNumber = Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[float, Field(allow_inf_nan=False)]
MetadataValue = Annotated[
    Annotated[str, StringConstraints(max_length=500)] | bool | _MetadataNumber | None, BeforeValidator(_no_container)
]
Metadata = Annotated[
    dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], MetadataValue], Field(max_length=50)
]
"""The caller's own notes, at most 50: stored and returned as they are, never interpreted, never in an event."""


def _known_jurisdiction(value: object) -> object:
    if isinstance(value, str) and jurisdiction_named(value) is None:
        raise ValueError(f"must be one of {', '.join(Jurisdiction)}; leave it out where no consumer law applies")
    return value


KnownJurisdiction = Annotated[Jurisdiction, BeforeValidator(_known_jurisdiction)]
"""A jurisdiction whose rules on delays are known here."""


DEFAULT_CURRENCY = "EUR"


class Destination(RequestModel):
    """Where the order goes, as far as it matters for allocation. No address."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"country": "DE", "region": "BE"}]})

    country: Name | None = None
    region: Name | None = None


class UnitPrice(RequestModel):
    """Price of one unit in minor units; without a currency, the order's. A bare number is taken as the amount."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 1999, "currency": "EUR"}]})

    amount: Annotated[int, Field(ge=0, le=1_000_000_000_000), WHOLE_NUMBER]
    currency: Currency | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_amount(cls, data: Any) -> Any:
        if isinstance(data, dict | UnitPrice):
            return data
        if isinstance(data, int | float) and not isinstance(data, bool) and data == data // 1:
            return {"amount": data}
        raise ValueError("must be whole minor units, such as 4999, or {amount, currency}")


class NewLine(RequestModel):
    """A line to order. A SKU may stand in several lines; each is a demand of its own."""

    sku: Name
    quantity: Units
    reference: Name | None = Field(default=None, description="The caller's own name of the line")
    unit_price: UnitPrice | None = None
    quoted_date: Day | None = Field(
        default=None, description="The day that was stated to the customer for it; a later one is a delay"
    )


class NewOrder(RequestModel):
    """An order to place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "WEB-100045",
                    "customer_id": "c-1042",
                    "contact_id": "contact-1042",
                    "tier": "gold",
                    "channel": "web",
                    "destination": {"country": "DE", "region": "BE"},
                    "jurisdiction": "EU",
                    "time_zone": "Europe/Berlin",
                    "latest_acceptable_date": "2026-07-01",
                    "ship_complete": False,
                    "charge_at": "shipment",
                    "lines": [
                        {"reference": "1", "sku": "LAMP-4", "quantity": 2, "unit_price": {"amount": 4999}},
                        {"reference": "2", "sku": "BULB-E27", "quantity": 4, "unit_price": {"amount": 399}},
                    ],
                }
            ]
        }
    )

    reference: Name = Field(description="The caller's own name of the order, unique in this installation")
    customer_id: PersonId | None = Field(default=None, description="Null for a guest; an id, not an e-mail address")
    contact_id: PersonId | None = Field(default=None, description="Whom to tell; contacts live at notification")
    tier: Name | None = Field(default=None, description="One that allocation does not know counts as the last")
    channel: Name | None = None
    destination: Destination | None = None
    jurisdiction: KnownJurisdiction | None = Field(
        default=None, description="Whose consumer law applies; null: none, as among merchants"
    )
    time_zone: TimeZone | None = Field(
        default=None, description="Of the destination; by default one of the jurisdiction whose days end early"
    )
    time_essential: bool = Field(
        default=False, description="The customer said before ordering that a late delivery is of no use"
    )
    currency: Currency | None = Field(default=None, description="ISO 4217; by default the lines', else EUR")
    charge_at: Literal["order", "allocation", "shipment", "deposit"] = "shipment"
    deposit_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] | None = Field(
        default=None, description="With charge_at deposit"
    )
    fees: Annotated[list[NewFee], Field(max_length=MOST_FEES)] = Field(
        default=[], description="What it costs besides its units; taken once, with the first money that is"
    )
    payment: NewPayment | None = Field(default=None, description="Null: the order is paid elsewhere")
    deposit_terms: DepositTerms | None = None
    needed_by: Day | None = Field(default=None, description="Not before the day of the order, by its `placed_at`")
    latest_acceptable_date: Day | None = Field(
        default=None, description="Declined if the promise is later; not before needed_by"
    )
    ship_complete: bool = Field(default=False, description="Nothing ships before everything can")
    location_preference: Name | None = Field(default=None, description="Serve from this location first")
    metadata: Metadata = Field(default_factory=dict)
    placed_at: Instant | None = Field(default=None, description="Business time; only with the scope import")
    lines: Annotated[list[NewLine], Field(min_length=1, max_length=MAX_LINES)]

    @property
    def order_currency(self) -> str:
        """The currency of all prices of the order."""
        stated = (line.unit_price.currency for line in self.lines if line.unit_price and line.unit_price.currency)
        return self.currency or next(stated, DEFAULT_CURRENCY)

    def check(self) -> None:
        """Raise the problem 422 that lists every field that contradicts another one."""
        contradictions = list(self._contradictions())
        if contradictions:
            raise unprocessable(contradictions)

    def _contradictions(self) -> Iterator[FieldError]:
        if (self.charge_at == "deposit") != (self.deposit_percent is not None):
            yield FieldError("/deposit_percent", "Give it with charge_at deposit, and only then.")
        yield from payment_faults(
            self.payment,
            self.fees,
            self.deposit_terms,
            charge_at=self.charge_at,
            jurisdiction=self.jurisdiction,
            total=sum(line.quantity * line.unit_price.amount for line in self.lines if line.unit_price),
        )
        currency = self.order_currency
        for index, line in enumerate(self.lines):
            if line.unit_price and line.unit_price.currency not in (None, currency):
                yield FieldError(f"/lines/{index}/unit_price/currency", "All prices of an order have one currency.")
