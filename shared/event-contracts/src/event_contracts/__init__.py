"""The public contracts of Backorder: event envelope, topics and payload models.

Everything that crosses Kafka is described here and nowhere else. Consumers in other languages read
the generated JSON Schemas (``schemas/``), the golden examples (``examples/``) and ``asyncapi.json``.
"""

from event_contracts.allocations import AllocationLine, AllocationState, Promise
from event_contracts.catalog import EVENT_TYPES, EventType, Topic, event_type_named, payload_model
from event_contracts.delays import DelayedLine, DelayOffer, DelayReply
from event_contracts.envelope import Event, new_event, new_event_id
from event_contracts.inventory import (
    InboundChange,
    InboundLine,
    LocationState,
    PurchaseOrderLine,
    SellingMode,
    SkuMerge,
    SkuPolicy,
    StockChange,
    StockLevel,
    Weekday,
)
from event_contracts.notifications import NotificationOutcome
from event_contracts.orders import OrderLine, OrderState, ShippedLine
from event_contracts.payments import PaymentAction, PaymentRequest, PaymentStatus

__all__ = [
    "EVENT_TYPES",
    "AllocationLine",
    "AllocationState",
    "DelayOffer",
    "DelayReply",
    "DelayedLine",
    "Event",
    "EventType",
    "InboundChange",
    "InboundLine",
    "LocationState",
    "NotificationOutcome",
    "OrderLine",
    "OrderState",
    "PaymentAction",
    "PaymentRequest",
    "PaymentStatus",
    "Promise",
    "PurchaseOrderLine",
    "SellingMode",
    "ShippedLine",
    "SkuMerge",
    "SkuPolicy",
    "StockChange",
    "StockLevel",
    "Topic",
    "Weekday",
    "event_type_named",
    "new_event",
    "new_event_id",
    "payload_model",
]
