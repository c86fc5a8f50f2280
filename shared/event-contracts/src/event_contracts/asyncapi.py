"""The AsyncAPI 3 document: topics as channels, events as messages, what every reader may rely on."""

from __future__ import annotations

import json
from typing import Any

from event_contracts.catalog import EVENT_TYPES, EventType, Topic
from event_contracts.envelope import Event
from event_contracts.samples import sample_events
from event_contracts.schemas import component_schemas

_OWNERS = {
    Topic.ORDERS: ("order", "Orders and their life, each event with the whole order. Key: `order_id`."),
    Topic.INVENTORY: ("inventory", "Stock levels, inbound deliveries and selling policies. Key: `sku`."),
    Topic.ALLOCATIONS: ("allocation", "What each order line was given, waits for, and is promised. Key: `order_id`."),
    Topic.NOTIFICATIONS: ("notification", "What became of messages to customers. Key: `order_id`."),
}

_DESCRIPTION = """Every topic is a public API. Records are CloudEvents 1.0 in Kafka's binary content mode: attributes in
headers, JSON data in the value.

- Delivery is at least once: skip a record whose `ce_id` was handled before.
- Events of one key are in order; between keys and topics there is no order.
- Facts are absolute state with a version (`ce_sequence`): apply one only if its version is newer.
- Ignore members and event types that you do not know; new ones are added without a new version.
- Events hold ids only, never personal data."""

_PARTITIONS = 12


def _attribute(description: str, **schema: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **schema}


def _header_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": [
            "content-type",
            "ce_specversion",
            "ce_id",
            "ce_type",
            "ce_source",
            "ce_time",
            "ce_partitionkey",
            "ce_sequence",
            "ce_correlationid",
        ],
        "properties": {
            "content-type": _attribute("Always JSON", const="application/json"),
            "ce_specversion": _attribute("CloudEvents version", const="1.0"),
            "ce_id": _attribute("UUIDv7, fixed when the event is made and kept when it is sent again", format="uuid"),
            "ce_type": _attribute("`backorder.<Name>.v<version>`"),
            "ce_source": _attribute("The service that made it", format="uri-reference"),
            "ce_time": _attribute("Wall clock, UTC; business times are in the data", format="date-time"),
            "ce_partitionkey": _attribute("The record's key: the aggregate that events are in order for"),
            "ce_sequence": _attribute("Version of the aggregate's row", pattern="^[0-9]+$"),
            "ce_correlationid": _attribute("The same through everything that one request set off"),
            "ce_causationid": _attribute("`ce_id` of the event that this one answers"),
            "traceparent": _attribute("W3C Trace Context"),
        },
    }


def _message(event_type: EventType, example: Event) -> dict[str, Any]:
    headers = {name: value.decode() for name, value in example.headers()}
    return {
        "name": event_type.ce_type,
        "title": event_type.name,
        "summary": f"{event_type.meaning}.",
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {"$ref": f"#/components/schemas/{event_type.model.__name__}"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": {"type": "string", "description": f"`{event_type.key_field}`"}}},
        "examples": [{"name": event_type.name, "headers": headers, "payload": json.loads(example.value())}],
    }


def _channel(topic: Topic) -> dict[str, Any]:
    names = [name for name, event in EVENT_TYPES.items() if event.topic is topic]
    return {
        "address": topic.value,
        "title": topic.value.capitalize(),
        "description": _OWNERS[topic][1],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"topic": topic.value, "partitions": _PARTITIONS}},
    }


def _operation(topic: Topic) -> dict[str, Any]:
    names = [name for name, event in EVENT_TYPES.items() if event.topic is topic]
    channel = f"#/channels/{topic.value}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": f"The {_OWNERS[topic][0]} service publishes; nobody else writes to this topic.",
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in names],
    }


def asyncapi_document() -> dict[str, Any]:
    """The document for all topics."""
    examples = sample_events()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Backorder events", "version": "1.0.0", "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "local": {"host": "127.0.0.1:9092", "protocol": "kafka", "description": "`backorder status` names it"}
        },
        "channels": {topic.value: _channel(topic) for topic in Topic},
        "operations": {f"publish{topic.value.capitalize()}": _operation(topic) for topic in Topic},
        "components": {
            "messages": {name: _message(event, examples[name]) for name, event in EVENT_TYPES.items()},
            "schemas": {"CloudEventHeaders": _header_schema(), **component_schemas()},
        },
    }
