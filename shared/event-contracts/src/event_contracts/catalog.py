"""Which events exist, on which topic, with which payload."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from event_contracts.allocations import AllocationState
from event_contracts.delays import DelayOffer
from event_contracts.inventory import InboundChange, LocationState, SkuMerge, SkuPolicy, StockChange
from event_contracts.model import Payload
from event_contracts.notifications import NotificationOutcome
from event_contracts.orders import OrderState
from event_contracts.payments import PaymentStatus


class Topic(StrEnum):
    """The public topics; a consumer group's dead letters go to ``<topic>.<group>.dlq``."""

    ORDERS = "orders"
    INVENTORY = "inventory"
    ALLOCATIONS = "allocations"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event: its name, version, topic, the payload field that keys it, its payload model."""

    name: str
    version: int
    topic: Topic
    key_field: str
    model: type[Payload]
    meaning: str

    @property
    def ce_type(self) -> str:
        """The CloudEvents ``type``: ``backorder.<Name>.v<version>``."""
        return f"backorder.{self.name}.v{self.version}"


def _order(name: str, meaning: str) -> EventType:
    return EventType(name, 1, Topic.ORDERS, "order_id", OrderState, meaning)


def _delay(name: str, meaning: str) -> EventType:
    return EventType(name, 1, Topic.ORDERS, "order_id", DelayOffer, meaning)


def _payment(name: str, meaning: str) -> EventType:
    return EventType(name, 1, Topic.ORDERS, "order_id", PaymentStatus, meaning)


def _allocation(name: str, meaning: str) -> EventType:
    return EventType(name, 1, Topic.ALLOCATIONS, "order_id", AllocationState, meaning)


def _inbound(name: str, meaning: str) -> EventType:
    return EventType(name, 1, Topic.INVENTORY, "sku", InboundChange, meaning)


EVENT_TYPES: dict[str, EventType] = {
    event.name: event
    for event in (
        _order("OrderPlaced", "A customer's order was accepted"),
        _order("OrderAmended", "Quantities, dates or destination changed"),
        _order("OrderCancelled", "The order, or part of it, was cancelled"),
        _order("OrderShipped", "Units of the order left a location"),
        _delay("DelayOffered", "A delay was offered to the customer, to accept or refuse"),
        _delay("DelayConsentRecorded", "The customer answered an offer of a delay"),
        EventType("StockReceived", 1, Topic.INVENTORY, "sku", StockChange, "Units arrived, were returned or opened"),
        EventType("StockLevelChanged", 1, Topic.INVENTORY, "sku", StockChange, "A count, adjustment or shipment"),
        _inbound("InboundScheduled", "A supplier will deliver units"),
        _inbound("InboundRescheduled", "The date or quantity of a delivery changed"),
        _inbound("InboundCancelled", "The rest of a delivery will not come"),
        EventType(
            "SkuPolicyChanged",
            1,
            Topic.INVENTORY,
            "sku",
            SkuPolicy,
            "A SKU was created or its policy changed",
        ),
        _allocation("OrderAllocated", "Every open unit of the order has stock"),
        _allocation("OrderBackordered", "Some units wait, with a promise date"),
        _allocation("OrderDeclined", "Units cannot be sold: cap reached, not sold past stock, discontinued"),
        _allocation("BackorderAllocated", "Waiting units were given stock"),
        _allocation("AllocationReleased", "Stock was taken back or released"),
        _allocation("PromiseRevised", "The promised date moved"),
        EventType(
            "NotificationSent",
            1,
            Topic.NOTIFICATIONS,
            "order_id",
            NotificationOutcome,
            "A message was handed over",
        ),
        EventType(
            "NotificationFailed",
            1,
            Topic.NOTIFICATIONS,
            "order_id",
            NotificationOutcome,
            "A message was given up",
        ),
        EventType("SkuMerged", 1, Topic.INVENTORY, "sku", SkuMerge, "A SKU was renamed, or merged into another"),
        _payment("PaymentUpdated", "What is due, held, taken or given back for an order changed"),
        _payment("PaymentRequested", "The merchant's system is asked to take, hold or release money"),
        _payment("RefundRequested", "The merchant's system is asked to give money back"),
        EventType(
            "LocationChanged",
            1,
            Topic.INVENTORY,
            "location",
            LocationState,
            "A location was created or changed, with the calendar by which it ships",
        ),
    )
}

_BY_CE_TYPE = {event.ce_type: event for event in EVENT_TYPES.values()}


def event_type_named(ce_type: str) -> EventType | None:
    """The event type of a CloudEvents ``type`` string, or None for one this version does not know."""
    return _BY_CE_TYPE.get(ce_type)


_CE_TYPE = re.compile(r"backorder\.(\w{1,100})\.v\d{1,9}", re.ASCII)


def other_version_named(ce_type: str) -> EventType | None:
    """The event type of which ``ce_type`` names a version that is not known here; None where it names none."""
    found = _CE_TYPE.fullmatch(ce_type)
    if found is None or ce_type in _BY_CE_TYPE:
        return None
    return EVENT_TYPES.get(found[1])


def payload_model(name: str) -> type[Payload]:
    """The payload model of an event name; KeyError for an unknown name."""
    return EVENT_TYPES[name].model
