"""The JSON Schema of each event version, as it is published."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from event_contracts.catalog import EVENT_TYPES, EventType

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def event_schema(event_type: EventType) -> Schema:
    """The schema of the event's JSON data; unknown members are allowed and to be ignored by readers."""
    schema = event_type.model.model_json_schema()
    described = schema.pop("description", "")
    schema.pop("title", None)
    return {
        "$schema": _DIALECT,
        "$id": f"urn:backorder:event:{event_type.name}:v{event_type.version}",
        "title": event_type.name,
        "description": f"{event_type.meaning}.\n\n{described}".strip(),
        "x-topic": event_type.topic.value,
        "x-key": event_type.key_field,
        "x-ce-type": event_type.ce_type,
        **schema,
    }


def component_schemas() -> dict[str, Schema]:
    """Every payload model once, referring to each other as components of one document."""
    models = dict.fromkeys(event.model for event in EVENT_TYPES.values())
    _, document = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Schema] = document["$defs"]
    return schemas
