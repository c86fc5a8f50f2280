"""Bodies that callers send. Rules across fields are checked in one go, so that every bad place is listed at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from service_kit.http.fields import WHOLE_NUMBER, Day, Instant, Name, Units
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
"""The caller's own notes, at most 50: kept and given back, never interpreted, never sent on."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
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
    customer_id: Name | None = Field(default=None, description="Null for a guest")
    contact_id: Name | None = Field(default=None, description="Whom to tell; contacts live at notification")
    tier: Name | None = Field(default=None, description="One that allocation does not know counts as the last")
    channel: Name | None = None
    destination: Destination | None = None
    jurisdiction: Name | None = Field(default=None, description="Whose consumer law applies: US, EU, UK, ...")
    currency: Currency | None = Field(default=None, description="ISO 4217; by default the lines', else EUR")
    charge_at: Literal["order", "allocation", "shipment", "deposit"] = "shipment"
    deposit_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] | None = Field(
        default=None, description="With charge_at deposit"
    )
    needed_by: Day | None = Field(default=None, description="Not before the day of the order, by its `placed_at`")
    latest_acceptable_date: Day | None = Field(
        default=None, description="Declined if the promise is later; not before needed_by"
    )
    ship_complete: bool = Field(default=False, description="Nothing ships before everything can")
    location_preference: Name | None = Field(default=None, description="Serve from this location first")
    metadata: Metadata = Field(default_factory=dict)
    placed_at: Instant | None = Field(default=None, description="Business time; only with the scope import")
    lines: Annotated[list[NewLine], Field(min_length=1, max_length=1000)]

    @property
    def order_currency(self) -> str:
        """The currency of all prices of the order."""
        stated = (line.unit_price.currency for line in self.lines if line.unit_price and line.unit_price.currency)
        return self.currency or next(stated, DEFAULT_CURRENCY)

    def check(self) -> None:
        """Raise the 422 that lists what does not fit together."""
        _refuse(list(self._misfits()))

    def _misfits(self) -> Iterator[FieldError]:
        if (self.charge_at == "deposit") != (self.deposit_percent is not None):
            yield FieldError("/deposit_percent", "Give it with charge_at deposit, and only then.")
        currency = self.order_currency
        for index, line in enumerate(self.lines):
            if line.unit_price and line.unit_price.currency not in (None, currency):
                yield FieldError(f"/lines/{index}/unit_price/currency", "All prices of an order have one currency.")


class OrderPatch(RequestModel):
    """What may change of an order; a field left out stays, null clears it. ``metadata`` is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"needed_by": "2026-06-01", "metadata": {"gift": True}}]})

    destination: Destination | None = None
    needed_by: Day | None = Field(default=None, description="A new one not before the day of the change")
    latest_acceptable_date: Day | None = Field(default=None, description="Not before needed_by")
    metadata: Metadata | None = None
    amended_at: Instant | None = Field(default=None, description="Business time; only with the scope import")


class LinePatch(RequestModel):
    """Another quantity of a line, cancelled units included."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 3}]})

    quantity: Units
    amended_at: Instant | None = Field(default=None, description="Business time; only with the scope import")


class LineUnits(RequestModel):
    """Units of one line."""

    line_id: Name
    quantity: Units


class Cancellation(RequestModel):
    """What to cancel: units of some lines, or without ``lines`` everything that has not left."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "changed my mind"}]})

    reason: Annotated[str, StringConstraints(max_length=500)] | None = None
    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=1000)] | None = None
    cancelled_at: Instant | None = Field(default=None, description="Business time; only with the scope import")

    def check(self) -> None:
        """Raise the 422 for a line that stands twice."""
        _refuse(_repeated(self.lines or []))


class NewShipment(RequestModel):
    """Units that left a location together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "PARCEL-77",
                    "location_id": "BER-1",
                    "tracking_number": "JD0142",
                    "lines": [{"line_id": "0198a3c4-0000-7000-8000-000000000001", "quantity": 2}],
                }
            ]
        }
    )

    reference: Name | None = Field(default=None, description="The caller's own name of the shipment, unique")
    location_id: Name
    shipped_at: Instant | None = Field(default=None, description="Business time; only with the scope import")
    tracking_number: Name | None = None
    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=1000)]

    def check(self) -> None:
        """Raise the 422 for a line that stands twice."""
        _refuse(_repeated(self.lines))


class NewTrackingLink(RequestModel):
    """How long a tracking link shall open its order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"days": 30}]})

    days: Annotated[int, Field(ge=1, le=3650), WHOLE_NUMBER] | None = Field(
        default=None, description="By default the service's setting"
    )


def _repeated(lines: Sequence[LineUnits]) -> list[FieldError]:
    times = Counter(line.line_id for line in lines)
    return [
        FieldError(f"/lines/{index}/line_id", "The line stands more than once; give the sum.")
        for index, line in enumerate(lines)
        if times[line.line_id] > 1
    ]


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise unprocessable(errors)
