"""Shipments in bodies, and what can ship."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from order_service.application.queries import ShippableUnits
from order_service.domain.order import Shipment
from order_service.entrypoints.http.line_units import LineUnits, refuse_repeated_lines
from service_kit.http.fields import Instant, Name, Reason
from service_kit.http.models import RequestModel, ResponseModel


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
    unpaid: bool = Field(
        default=False,
        description="It has left although it was neither paid nor covered by a hold",
    )
    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=1000)]

    def check(self) -> None:
        """Raise the problem 422 if a line is listed twice."""
        refuse_repeated_lines(self.lines)


class VoidBody(RequestModel):
    """Why the shipment was reported by mistake."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the wrong order was scanned"}]})

    reason: Reason | None = None
    voided_at: Instant | None = Field(default=None, description="Business time; only with the scope import")


class ShippedUnitsView(ResponseModel):
    """Units of one line in a shipment."""

    line_id: str
    quantity: int


class ShipmentView(ResponseModel):
    """Units that left a location together."""

    shipment_id: str
    order_id: str
    reference: str | None
    location_id: str
    shipped_at: datetime
    tracking_number: str | None
    voided_at: datetime | None = Field(description="When it was voided; null: its units have left")
    lines: list[ShippedUnitsView]

    @classmethod
    def of(cls, order_id: str, shipment: Shipment) -> ShipmentView:
        """The view of a shipment of an order."""
        return cls(
            shipment_id=shipment.shipment_id,
            order_id=order_id,
            reference=shipment.reference,
            location_id=shipment.location_id,
            shipped_at=shipment.shipped_at,
            tracking_number=shipment.tracking_number,
            voided_at=shipment.voided_at,
            lines=[ShippedUnitsView(line_id=one.line_id, quantity=one.quantity) for one in shipment.lines],
        )


class FulfillableLine(ResponseModel):
    """Units of a line that may leave the location now."""

    order_id: str
    order_reference: str
    line_id: str
    reference: str | None
    sku: str
    location_id: str
    quantity: int
    placed_at: datetime
    needed_by: date | None
    promise_date: date | None
    ship_complete: bool
    tier: str | None
    country: str | None
    region: str | None

    @classmethod
    def of(cls, units: ShippableUnits) -> FulfillableLine:
        """The view of units that may ship."""
        return cls(**asdict(units))
