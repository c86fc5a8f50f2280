"""The bodies and views of locations."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field

from inventory_service.domain.catalogue import DEFAULT_PRIORITY, Location
from service_kit.http.fields import WHOLE_NUMBER, Instant, Title
from service_kit.http.models import RequestModel, ResponseModel


class LocationBody(RequestModel):
    """The complete new state of a location."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Main warehouse", "priority": 10}]})

    name: Title
    priority: Annotated[int, Field(ge=0, le=1_000_000), WHOLE_NUMBER] = Field(
        default=DEFAULT_PRIORITY,
        description="If several locations can serve a demand, the one with the lowest number serves first",
    )
    active: bool = Field(
        default=True,
        description="False: nothing is received there and nothing is allocated from there any more; what is allocated"
        " already may ship, and its stock may be counted, adjusted and given back",
    )
    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")


class LocationView(ResponseModel):
    """A place that holds stock."""

    location_id: str
    name: str
    priority: int
    active: bool
    version: int = Field(description="Counts the changes; also the ETag")

    @classmethod
    def of(cls, location: Location, version: int) -> Self:
        """The view of a version of the location."""
        return cls(
            location_id=location.location_id,
            name=location.name,
            priority=location.priority,
            active=location.active,
            version=version,
        )
