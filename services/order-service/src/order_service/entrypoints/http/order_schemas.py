"""Orders in bodies: what callers send to place one, and what they are shown.

Rules across fields are checked together, so that every field at fault is listed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from order_service.domain.lines import Line
from order_service.domain.order import MAX_LINES, Order
from order_service.domain.promises.jurisdictions import Jurisdiction, jurisdiction_named
from order_service.domain.states import State
from order_service.entrypoints.http.payments.order_payment_schemas import (
    MOST_FEES,
    Currency,
    DepositTerms,
    NewFee,
    NewPayment,
    payment_faults,
)
from service_kit.http.fields import WHOLE_NUMBER, Day, Instant, Name, PersonId, TimeZone, Units
from service_kit.http.models import Money, RequestModel, ResponseModel
from service_kit.http.problems import FieldError, unprocessable

_LINE_ID = "0198a3c4-0000-7000-8000-000000000001"
_ORDER_ID = "0198a3c4-0000-7000-8000-000000000000"


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


class PromiseView(ResponseModel):
    """The date that waiting units are promised for; null: no date can be named."""

    date: date | None
    time_zone: str = Field(default="UTC", description="IANA zone of the date")
    revision: int = Field(description="Counts the dates that were named for the line, the first one is 1")
    cause: str = Field(
        description="What brought the date about: the type of an event, such as OrderPlaced or InboundRescheduled, or"
        " where no event did, what allocation was doing, such as Recheck (a deferred order was decided), Run or Lent"
    )


class LineView(ResponseModel):
    """A line. quantity = allocated + backordered + shipped + cancelled + declined, once nothing is pending."""

    line_id: str
    reference: str | None
    sku: str
    state: State
    pending: bool = Field(description="Allocation has not answered the order's latest change yet")
    quantity: int = Field(description="Units ordered, cancelled ones included")
    quantity_allocated: int = Field(description="Units with stock that have not left yet")
    quantity_backordered: int = Field(
        description="Units without stock, those included that nothing was decided about yet because their SKU has no"
        " selling policy: then reason_code is selling_mode_unknown"
    )
    quantity_shipped: int = Field(description="Units that left; those of voided shipments do not count")
    quantity_cancelled: int
    quantity_declined: int = Field(description="Units that cannot be sold")
    quantity_unpaid: int = Field(
        description="Of quantity_allocated, units that must not leave: neither paid nor covered by a hold. 0 where the"
        " order is paid elsewhere"
    )
    allocated: dict[str, int] = Field(description="Units with stock that have not left yet, per location")
    shipped: dict[str, int] = Field(description="Units that left, per location")
    unit_price: Money
    quoted_date: date | None = Field(description="The day that was stated to the customer when the order was taken")
    added_at: datetime | None = Field(description="When it was added to the order; null: it was placed with it")
    promise_date: date | None
    promise: PromiseView | None
    reason: str = Field(
        description="Of the last decision about the line; what was cancelled since changes nothing of it"
    )
    reason_code: str | None = Field(
        description="The same as a code, of which there may be new ones; null: nothing was decided yet"
    )
    reason_parameters: dict[str, str | bool | int] = Field(
        description="What the code says it of: names, units, truth values, and days as ISO 8601 has them"
    )

    @classmethod
    def of(cls, line: Line, order: Order) -> LineView:
        """The view of a line of ``order``."""
        promise = line.promise
        return cls.model_construct(
            line_id=line.line_id,
            reference=line.reference,
            sku=line.sku,
            state=line.state,
            pending=line.basis < order.sequence,
            quantity=line.quantity,
            quantity_allocated=line.allocated,
            quantity_backordered=line.waiting,
            quantity_shipped=line.shipped,
            quantity_cancelled=line.cancelled,
            quantity_declined=line.declined,
            quantity_unpaid=line.unpaid,
            allocated={name: at.open for name, at in sorted(line.locations.items()) if at.open},
            shipped={name: at.shipped for name, at in sorted(line.locations.items()) if at.shipped},
            unit_price=Money.model_construct(amount=line.unit_price, currency=order.terms.currency),
            quoted_date=line.quoted_date,
            added_at=line.added_at,
            promise_date=promise.date if promise else None,
            promise=PromiseView(date=promise.date, revision=promise.revision, cause=promise.cause) if promise else None,
            reason=line.reason.words,
            reason_code=line.reason.code,
            reason_parameters=dict(line.reason.parameters),
        )


class DestinationView(ResponseModel):
    """Where the order goes."""

    country: str | None
    region: str | None


class OrderView(ResponseModel):
    """An order as it is now. A tracking link does not see who ordered, nor the caller's notes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order_id": _ORDER_ID,
                    "reference": "WEB-100045",
                    "version": 2,
                    "sequence": 1,
                    "state": "partially_allocated",
                    "pending": False,
                    "customer_id": "c-1042",
                    "contact_id": "contact-1042",
                    "tier": "gold",
                    "channel": "web",
                    "destination": {"country": "DE", "region": "BE"},
                    "jurisdiction": "EU",
                    "time_zone": "Europe/Berlin",
                    "time_essential": False,
                    "completed_at": None,
                    "currency": "EUR",
                    "charge_at": "shipment",
                    "deposit_percent": None,
                    "payment_provider": None,
                    "needed_by": None,
                    "latest_acceptable_date": "2026-07-01",
                    "ship_complete": False,
                    "location_preference": None,
                    "metadata": {},
                    "placed_at": "2026-05-04T10:00:00Z",
                    "updated_at": "2026-05-04T10:00:01Z",
                    "lines": [
                        {
                            "line_id": _LINE_ID,
                            "reference": "1",
                            "sku": "LAMP-4",
                            "state": "partially_allocated",
                            "pending": False,
                            "quantity": 5,
                            "quantity_allocated": 2,
                            "quantity_backordered": 3,
                            "quantity_shipped": 0,
                            "quantity_cancelled": 0,
                            "quantity_declined": 0,
                            "quantity_unpaid": 0,
                            "allocated": {"BER-1": 2},
                            "shipped": {},
                            "unit_price": {"amount": 4999, "currency": "EUR"},
                            "quoted_date": None,
                            "added_at": None,
                            "promise_date": "2026-05-20",
                            "promise": {
                                "date": "2026-05-20",
                                "time_zone": "UTC",
                                "revision": 1,
                                "cause": "OrderPlaced",
                            },
                            "reason": "partly: supply ran out",
                            "reason_code": "supply_ran_out",
                            "reason_parameters": {"partly": True},
                        }
                    ],
                }
            ]
        }
    )

    order_id: str
    reference: str
    version: int = Field(description="Counts visible changes; the ETag")
    sequence: int = Field(description="Counts published changes; what allocation's answers name as basis")
    state: State = Field(description="Derived from the lines' quantities")
    pending: bool = Field(description="Allocation has not answered the latest change of every line yet")
    customer_id: str | None
    contact_id: str | None
    tier: str | None
    channel: str | None
    destination: DestinationView
    jurisdiction: str | None
    time_zone: str | None = Field(description="In which the order's days end; null: the jurisdiction's default")
    time_essential: bool
    completed_at: datetime | None = Field(
        description="When the order was complete, which takes a valid payment; null: as it was placed"
    )
    currency: str
    charge_at: str
    deposit_percent: int | None
    payment_provider: str | None = Field(description="Who takes the money; null: the order is paid elsewhere")
    needed_by: date | None
    latest_acceptable_date: date | None
    ship_complete: bool
    location_preference: str | None
    metadata: dict[str, str | bool | int | float | None]
    placed_at: datetime
    updated_at: datetime = Field(description="Wall clock of the last visible change")
    lines: list[LineView]

    @classmethod
    def of(cls, order: Order, updated_at: datetime, *, public: bool = False) -> OrderView:
        """The view of ``order``; ``public`` leaves out what a shopper's link must not show."""
        terms = order.terms
        return cls.model_construct(
            order_id=order.order_id,
            reference=terms.reference,
            version=order.version,
            sequence=order.sequence,
            state=order.state,
            pending=order.answered < order.sequence,
            customer_id=None if public else terms.customer_id,
            contact_id=None if public else terms.contact_id,
            tier=None if public else terms.tier,
            channel=terms.channel,
            destination=DestinationView.model_construct(country=terms.country, region=terms.region),
            jurisdiction=terms.jurisdiction,
            time_zone=terms.time_zone,
            time_essential=terms.time_essential,
            completed_at=order.completed_at,
            currency=terms.currency,
            charge_at=terms.charge_at,
            deposit_percent=terms.deposit_percent,
            payment_provider=terms.payment_provider,
            needed_by=terms.needed_by,
            latest_acceptable_date=terms.latest_acceptable_date,
            ship_complete=terms.ship_complete,
            location_preference=terms.location_preference,
            metadata={} if public else dict(terms.metadata),
            placed_at=order.placed_at,
            updated_at=updated_at,
            lines=[LineView.of(line, order) for line in order.lines.values()],
        )
