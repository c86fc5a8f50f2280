"""Tracking links in bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from service_kit.http.fields import WHOLE_NUMBER
from service_kit.http.models import RequestModel, ResponseModel

_ORDER_ID = "0198a3c4-0000-7000-8000-000000000000"


class NewTrackingLink(RequestModel):
    """How long a tracking link shall open its order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"days": 30}]})

    days: Annotated[int, Field(ge=1, le=3650), WHOLE_NUMBER] | None = Field(
        default=None, description="By default the service's setting"
    )


class TrackingLink(ResponseModel):
    """A link that opens one order read-only, for somebody without a key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": f"https://orders.example/v1/orders/{_ORDER_ID}?token=bo_track_1f2e3d4c.signed",
                    "token": "bo_track_1f2e3d4c.signed",
                    "expires_at": "2026-08-02T10:00:00Z",
                }
            ]
        }
    )

    url: str
    token: str
    expires_at: datetime
