"""An example for every request body: the one of its model, or one composed of the examples of its fields."""

from __future__ import annotations

from typing import Any

_DEPTH = 8

Schema = dict[str, Any]


class NoExample(Exception):
    """A required field has neither an example nor a default."""


def add_request_examples(document: dict[str, Any]) -> None:
    """Add an example to each JSON request body that has none and whose schema is enough to compose one."""
    for methods in document.get("paths", {}).values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None or "examples" in content or "example" in content:
                continue
            try:
                content["example"] = compose(document, content["schema"])
            except NoExample:
                continue


def compose(document: dict[str, Any], schema: Schema, depth: int = 0) -> Any:
    """An example of ``schema``; NoExample if a required part has none."""
    schema = _resolve(document, schema)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema or schema.get("enum"):
        return schema.get("const", next(iter(schema.get("enum", [])), None))
    if depth > _DEPTH:
        raise NoExample
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _first(document, choices, depth)
    if schema.get("type") == "array" and "items" in schema:
        return [compose(document, schema["items"], depth + 1)]
    if "properties" in schema:
        return _object(document, schema, depth)
    if "default" in schema:
        return schema["default"]
    raise NoExample


def _first(document: dict[str, Any], choices: list[Schema], depth: int) -> Any:
    for choice in choices:
        try:
            return compose(document, choice, depth + 1)
        except NoExample:
            continue
    raise NoExample


def _object(document: dict[str, Any], schema: Schema, depth: int) -> dict[str, Any]:
    example: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        if name in schema.get("required", ()) or "examples" in field:
            example[name] = compose(document, field, depth + 1)
    return example


def _resolve(document: dict[str, Any], schema: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema
