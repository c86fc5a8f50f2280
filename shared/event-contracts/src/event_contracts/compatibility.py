"""Whether every document that one schema's writer can produce is understood by another schema's reader.

Two versions of an event are compatible when this holds both ways: a new reader meets old records (a
topic is kept for ever, a replay starts at its beginning), and an old reader meets new ones (readers
are not deployed with us). Readers ignore members they do not know. A keyword that this checker does
not know is reported too: it never passes what it did not look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$schema", "$id", "$defs", "deprecated"})
_UNDERSTOOD = _ANNOTATIONS | {
    "type", "enum", "const", "format", "pattern", "properties", "required", "additionalProperties",
    "propertyNames", "items", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems", "uniqueItems",
}  # fmt: skip

_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EXACT = ("format", "pattern", "uniqueItems")


@dataclass(frozen=True, slots=True)
class _Side:
    """A node of a schema, with the document that its references point into."""

    root: Schema
    node: Schema

    def at(self, node: Schema) -> _Side:
        return _Side(self.root, node)

    def alternatives(self) -> list[_Side]:
        """The node without references and choices: each of the shapes that it allows."""
        node = self.node
        rules = set(node) - _ANNOTATIONS
        # With rules beside them, references and choices stay as they are, and are reported as not understood.
        if rules == {"$ref"}:
            return self.at(_resolve(self.root, node["$ref"])).alternatives()
        if rules == {"anyOf"}:
            return [shape for choice in node["anyOf"] for shape in self.at(choice).alternatives()]
        if isinstance(node.get("type"), list):
            return [self.at({**node, "type": one}) for one in node["type"]]
        return [self]


def incompatibilities(reader: Schema, writer: Schema) -> list[str]:
    """Why ``reader`` could fail on what ``writer`` produces, place by place; empty where it never does."""
    return list(_compare(_Side(reader, reader), _Side(writer, writer), "$"))


def _compare(reader: _Side, writer: _Side, place: str) -> Iterator[str]:
    readable = reader.alternatives()
    for written in writer.alternatives():
        attempts = [list(_compare_shape(shape, written, place)) for shape in readable]
        if not any(not attempt for attempt in attempts):
            # The nearest miss tells most: the one of the same type, else the shortest.
            same = [a for a, shape in zip(attempts, readable, strict=True) if _kind(shape) == _kind(written)]
            yield from min(same or attempts, key=len)


def _compare_shape(reader: _Side, writer: _Side, place: str) -> Iterator[str]:
    for side, who in ((reader, "reader"), (writer, "writer")):
        unknown = [name for name in side.node if name not in _UNDERSTOOD and not name.startswith("x-")]
        if unknown:
            yield f"{place}: the checker does not know {unknown[0]!r} of the {who}"
    wanted, given = _kind(reader), _kind(writer)
    if wanted is not None and wanted != given and (wanted, given) != ("number", "integer"):
        yield f"{place}: {given or 'anything'} is written where {wanted} is read"
        return
    yield from _compare_values(reader.node, writer.node, place)
    yield from _compare_bounds(reader.node, writer.node, place)
    if wanted == "object":
        yield from _compare_objects(reader, writer, place)
    if wanted == "array" and "items" in reader.node:
        yield from _compare(reader.at(reader.node["items"]), writer.at(writer.node.get("items", {})), f"{place}[]")


def _kind(side: _Side) -> str | None:
    declared = side.node.get("type")
    if isinstance(declared, str):
        return declared
    values = _values(side.node)
    return "string" if values and all(isinstance(value, str) for value in values) else None


def _values(node: Schema) -> list[Any] | None:
    return [node["const"]] if "const" in node else node.get("enum")


def _compare_values(reader: Schema, writer: Schema, place: str) -> Iterator[str]:
    wanted, given = _values(reader), _values(writer)
    if wanted is None:
        return
    if given is None:
        yield f"{place}: any value is written where one of {wanted} is read"
        return
    strange = [value for value in given if value not in wanted]
    if strange:
        yield f"{place}: {strange} may be written and cannot be read"


def _compare_bounds(reader: Schema, writer: Schema, place: str) -> Iterator[str]:
    for bound in _LOWER_BOUNDS:
        if bound in reader and not (bound in writer and writer[bound] >= reader[bound]):
            yield f"{place}: {bound} {writer.get(bound, 'none')} is written where {reader[bound]} is read"
    for bound in _UPPER_BOUNDS:
        if bound in reader and not (bound in writer and writer[bound] <= reader[bound]):
            yield f"{place}: {bound} {writer.get(bound, 'none')} is written where {reader[bound]} is read"
    for rule in _EXACT:
        if rule in reader and writer.get(rule) != reader[rule]:
            yield f"{place}: {rule} {writer.get(rule, 'none')} is written where {reader[rule]} is read"


def _compare_objects(reader: _Side, writer: _Side, place: str) -> Iterator[str]:
    wanted, given = reader.node.get("properties", {}), writer.node.get("properties", {})
    always = set(writer.node.get("required", ()))
    for name in reader.node.get("required", ()):
        if name not in always:
            yield f"{place}.{name}: required by the reader and not always written"
    for name, schema in wanted.items():
        if name in given:
            yield from _compare(reader.at(schema), writer.at(given[name]), f"{place}.{name}")
    yield from _compare_others(reader, writer, place)


def _compare_others(reader: _Side, writer: _Side, place: str) -> Iterator[str]:
    """Members beyond the declared ones: those of maps, such as units by location."""
    allowed = reader.node.get("additionalProperties", True)
    written = writer.node.get("additionalProperties")
    if allowed is False:
        strange = set(writer.node.get("properties", {})) - set(reader.node.get("properties", {}))
        for name in sorted(strange):
            yield f"{place}.{name}: written and refused by the reader"
    if isinstance(allowed, Mapping):
        if not isinstance(written, Mapping):
            yield f"{place}.*: members of any kind are written where the reader checks them"
        else:
            yield from _compare(reader.at(allowed), writer.at(written), f"{place}.*")
    if "propertyNames" in reader.node:
        names = writer.node.get("propertyNames", {})
        yield from _compare(reader.at(reader.node["propertyNames"]), writer.at(names), f"{place} (names)")


def _resolve(root: Schema, reference: str) -> Schema:
    if not reference.startswith("#/"):
        raise ValueError(f"only references within the document are known, not {reference}")
    node: Any = root
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    found: Schema = node
    return found
