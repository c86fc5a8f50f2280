"""Orders as callers are shown them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import ConfigDict, Field

from order_service.domain.lines import Line
from order_service.domain.order import Order
from order_service.domain.states import State
from service_kit.http.models import Money, ResponseModel

_LINE_ID = "0198a3c4-0000-7000-8000-000000000001"
_ORDER_ID = "0198a3c4-0000-7000-8000-000000000000"


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
