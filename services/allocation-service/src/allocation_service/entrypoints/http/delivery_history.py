"""Past deliveries, brought along from another system."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from allocation_service.application.promising.import_deliveries import import_deliveries
from allocation_service.domain.lateness.past_delivery import PastDelivery, StatedDate
from allocation_service.entrypoints.http.dependencies import BusinessNow, PolicyWriter, UnitsOfWork
from service_kit.commands.execute import execute
from service_kit.http.business_time import IMPORT_SCOPE
from service_kit.http.fields import Day, Name
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.problems import Problem

PATH = "/v1/delivery-history"

router = APIRouter(tags=["Promises"])


class AnnouncedDay(RequestModel):
    """A date for a delivery, and when the supplier announced it."""

    announced_on: Day
    eta: Day


class DeliveryBody(RequestModel):
    """A purchase-order line that is closed."""

    reference: Name = Field(description="Your own name of the line; one that is known is left as it is")
    supplier_id: Name
    dates: list[AnnouncedDay] = Field(min_length=1, max_length=20, description="In the order they were announced")
    closed_on: Day = Field(description="When nothing more was to come: mostly the day of the last receipt")
    arrived_on: Day | None = Field(default=None, description="When the last units came; null: none ever did")
    ordered: int | None = Field(default=None, ge=1, le=1_000_000_000)
    received: int | None = Field(default=None, ge=0, le=1_000_000_000)

    def delivery(self) -> PastDelivery:
        """As it is recorded."""
        dates = tuple(StatedDate(one.announced_on, one.eta) for one in self.dates)
        return PastDelivery(
            self.reference, self.supplier_id, dates, self.closed_on, self.arrived_on, self.ordered, self.received
        )


class DeliveryHistory(RequestModel):
    """What suppliers did."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deliveries": [
                        {
                            "reference": "PO-7/1",
                            "supplier_id": "ACME",
                            "dates": [{"announced_on": "2026-03-02", "eta": "2026-03-12"}],
                            "closed_on": "2026-03-15",
                            "arrived_on": "2026-03-15",
                            "ordered": 40,
                            "received": 40,
                        }
                    ]
                }
            ]
        }
    )

    deliveries: list[DeliveryBody] = Field(min_length=1, max_length=1_000)


class ImportedHistory(ResponseModel):
    """What was recorded."""

    recorded: int = Field(description="Deliveries that were new")
    known: int = Field(description="Deliveries whose reference was known already")


@router.post(PATH, name="import_delivery_history", summary="Bring past deliveries along")
async def post_history(
    body: DeliveryHistory, principal: PolicyWriter, units: UnitsOfWork, now: BusinessNow
) -> ImportedHistory:
    """The next table of lateness goes by them. The same deliveries may be sent again: they are recorded once. Takes the
    scope `import`, too, as all that states when something happened."""
    if not principal.may(IMPORT_SCOPE):
        raise Problem(
            403,
            "import_scope_required",
            "Forbidden",
            f"Only a key with the scope {IMPORT_SCOPE!r} may state what happened before.",
            extra={"missing_scope": IMPORT_SCOPE},
        )
    deliveries = [one.delivery() for one in body.deliveries]
    recorded = await execute(units, import_deliveries, deliveries, now.date())
    return ImportedHistory(recorded=recorded, known=len(deliveries) - recorded)
