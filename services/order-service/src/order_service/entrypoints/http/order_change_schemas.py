"""Bodies that change an order."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from order_service.entrypoints.http.line_units import LineUnits, refuse_repeated_lines
from order_service.entrypoints.http.order_schemas import Destination, Metadata, NewLine, UnitPrice
from service_kit.http.fields import Day, Instant, Name, PersonId, Reason, Units
from service_kit.http.models import RequestModel


class OrderPatch(RequestModel):
    """What may change of an order; a field left out stays, null clears it. ``metadata`` is replaced as a whole."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tier": "gold", "needed_by": "2026-06-01", "metadata": {"gift": True}}]}
    )

    customer_id: PersonId | None = Field(default=None, description="Whose order it is; an id, not an e-mail address")
    contact_id: PersonId | None = Field(default=None, description="Whom to tell from now on")
    tier: Name | None = Field(
        default=None, description="The order's rank from now on; its lines keep the moment they joined the queue"
    )
    channel: Name | None = Field(default=None, description="Whose quota its units count against from now on")
    ship_complete: bool = Field(
        default=False,
        description="True: what is allocated is released unless everything is; false: what is there is allocated",
    )
    destination: Destination | None = None
    needed_by: Day | None = Field(default=None, description="A new one not before the day of the change")
    latest_acceptable_date: Day | None = Field(default=None, description="Not before needed_by")
    metadata: Metadata | None = None
    amended_at: Instant | None = Field(default=None, description="Business time; only with the scope import")


class LinePatch(RequestModel):
    """Another quantity of a line, cancelled units included, or a lower price."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 3}]})

    quantity: Units | None = Field(default=None, description="Left out: it stays")
    unit_price: UnitPrice | None = Field(default=None, description="Not above what the customer agreed to")
    amended_at: Instant | None = Field(default=None, description="Business time; only with the scope import")


class LineToAdd(NewLine):
    """A line to add to an open order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reference": "3", "sku": "BULB-E27", "quantity": 4, "unit_price": {"amount": 399}}]
        }
    )

    added_at: Instant | None = Field(default=None, description="Business time; only with the scope import")


class Cancellation(RequestModel):
    """What to cancel: units of some lines, or without ``lines`` everything that has not left."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "changed my mind"}]})

    reason: Reason | None = None
    by_customer: bool = Field(
        default=False,
        description="The customer changed their mind: a deposit may then stay with the merchant. A customer's own key"
        " always says so",
    )
    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=1000)] | None = None
    cancelled_at: Instant | None = Field(default=None, description="Business time; only with the scope import")

    def check(self) -> None:
        """Raise the problem 422 if a line is listed twice."""
        refuse_repeated_lines(self.lines or [])
