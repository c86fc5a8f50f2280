"""The history of an order, as callers are shown it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from order_service.application.queries import RecordedEntry
from service_kit.http.models import ResponseModel

_LINE_ID = "0198a3c4-0000-7000-8000-000000000001"
_ORDER_ID = "0198a3c4-0000-7000-8000-000000000000"


class OrderEvent(ResponseModel):
    """One visible change of an order; ``id`` is the order's version after it, as in the live stream."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 2,
                    "event": "OrderBackordered",
                    "order_id": _ORDER_ID,
                    "state": "partially_allocated",
                    "occurred_at": "2026-05-04T10:00:00Z",
                    "recorded_at": "2026-05-04T10:00:01Z",
                    "detail": {"lines": [{"line_id": _LINE_ID, "sku": "LAMP-4", "quantity_backordered": 3}]},
                }
            ]
        }
    )

    id: int
    event: str
    order_id: str
    state: str = Field(description="The order's state after the change")
    occurred_at: datetime = Field(description="Business time")
    recorded_at: datetime
    detail: dict[str, Any] = Field(
        description="The lines concerned with their figures, and the reason if one was given"
    )

    @classmethod
    def of(cls, recorded: RecordedEntry) -> OrderEvent:
        """The view of a history entry."""
        entry = recorded.entry
        return cls(
            id=entry.version,
            event=entry.event,
            order_id=entry.order_id,
            state=entry.state,
            occurred_at=entry.occurred_at,
            recorded_at=recorded.recorded_at,
            detail=dict(entry.detail),
        )
