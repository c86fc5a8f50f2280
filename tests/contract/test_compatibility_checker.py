"""The checker finds every kind of incompatible change, planted one by one, in the direction it breaks."""

import copy

import pytest

from event_contracts.catalog import EVENT_TYPES
from event_contracts.compatibility import incompatibilities
from event_contracts.schemas import event_schema

OLD = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 100},
        "mode": {"$ref": "#/$defs/Mode"},
        "quantity": {"type": "integer", "minimum": 0, "maximum": 1000},
        "at": {"type": "string", "format": "date-time"},
        "note": {"anyOf": [{"type": "string", "maxLength": 50}, {"type": "null"}], "default": None},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1},
        "levels": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    },
    "required": ["id", "mode", "quantity", "lines"],
    "$defs": {
        "Mode": {"type": "string", "enum": ["a", "b"]},
        "Line": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]},
    },
}


def changed(change):
    schema = copy.deepcopy(OLD)
    change(schema)
    return schema


def set_at(*path):
    *parents, last, value = path

    def change(schema):
        node = schema
        for part in parents:
            node = node[part]
        node[last] = value

    return change


def drop_required(schema):
    del schema["properties"]["quantity"]
    schema["required"].remove("quantity")


def require(name):
    return lambda schema: schema["required"].append(name)


def new_required(schema):
    schema["properties"]["extra"] = {"type": "string"}
    schema["required"].append("extra")


def forget_required_of_lines(schema):
    schema["$defs"]["Line"]["required"] = []


PLANTED = {
    # change: (breaks the new reader of old data, breaks the old reader of new data)
    "a required field is removed": (drop_required, False, True),
    "a new required field": (new_required, True, False),
    "an optional field becomes required": (require("note"), True, False),
    "a required field of a nested object becomes optional": (forget_required_of_lines, False, True),
    "a type is changed": (set_at("properties", "quantity", {"type": "string"}), True, True),
    "an integer becomes a number": (
        set_at("properties", "quantity", {"type": "number", "minimum": 0, "maximum": 1000}),
        False,
        True,
    ),
    "null is no longer allowed": (set_at("properties", "note", {"type": "string", "maxLength": 50}), True, False),
    "null is newly allowed": (
        set_at("properties", "id", {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 100}, {"type": "null"}]}),
        False,
        True,
    ),
    "an enum value is removed": (set_at("$defs", "Mode", "enum", ["a"]), True, False),
    "an enum value is added": (set_at("$defs", "Mode", "enum", ["a", "b", "c"]), False, True),
    "an enum is put on a free string": (set_at("properties", "id", "enum", ["x"]), True, False),
    "a lower bound is raised": (set_at("properties", "quantity", "minimum", 1), True, False),
    "a lower bound is lowered": (set_at("properties", "quantity", "minimum", -1), False, True),
    "an upper bound is tightened": (set_at("properties", "quantity", "maximum", 999), True, False),
    "an upper bound is loosened": (set_at("properties", "id", "maxLength", 101), False, True),
    "a bound is new": (set_at("properties", "lines", "maxItems", 5), True, False),
    "a format is new": (set_at("properties", "id", "format", "uuid"), True, False),
    "a format is changed": (set_at("properties", "at", "format", "date"), True, True),
    "a pattern is new": (set_at("properties", "at", "pattern", "Z$"), True, False),
    "the values of a map are tightened": (
        set_at("properties", "levels", "additionalProperties", "minimum", 1),
        True,
        False,
    ),
    "the names of a map are restricted": (
        set_at("properties", "levels", "propertyNames", {"maxLength": 3}),
        True,
        False,
    ),
    "unknown members are refused": (
        lambda schema: (schema["properties"].pop("note"), schema.update(additionalProperties=False)),
        True,
        False,
    ),
    "the type of an array's items is changed": (
        set_at("properties", "lines", "items", {"type": "string"}),
        True,
        True,
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_incompatible_change_is_found_in_the_direction_that_it_breaks(name):
    change, new_reader_breaks, old_reader_breaks = PLANTED[name]
    new = changed(change)
    assert bool(incompatibilities(reader=new, writer=OLD)) is new_reader_breaks
    assert bool(incompatibilities(reader=OLD, writer=new)) is old_reader_breaks


@pytest.mark.parametrize(
    "change",
    [
        lambda schema: None,
        set_at("properties", "added", {"type": "string"}),
        set_at("properties", "id", "description", "words"),
        lambda schema: schema["properties"].pop("note"),
        lambda schema: (
            schema["$defs"].update(Kind=schema["$defs"]["Mode"])
            or schema["properties"].update(mode={"$ref": "#/$defs/Kind"})
        ),
    ],
    ids=["nothing", "an optional field added", "a description", "an optional field removed", "a definition renamed"],
)
def test_a_compatible_change_passes_both_ways(change):
    new = changed(change)
    assert incompatibilities(reader=new, writer=OLD) == []
    assert incompatibilities(reader=OLD, writer=new) == []


def test_a_rule_that_the_checker_does_not_know_is_reported_and_not_passed():
    for rule in ({"not": {"type": "null"}}, {"multipleOf": 2}, {"anyOf": [{"type": "integer"}], "minimum": 1}):
        new = changed(set_at("properties", "quantity", {"type": "integer", **rule}))
        assert any("does not know" in finding for finding in incompatibilities(reader=new, writer=OLD))


def test_a_finding_names_the_place():
    new = changed(set_at("$defs", "Line", "properties", "sku", {"type": "integer"}))
    assert incompatibilities(reader=new, writer=OLD) == ["$.lines[].sku: string is written where integer is read"]


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_removing_any_required_field_of_a_real_event_is_found(name):
    schema = event_schema(EVENT_TYPES[name])
    for field in schema["required"]:
        new = copy.deepcopy(schema)
        new["required"].remove(field)
        del new["properties"][field]
        assert incompatibilities(reader=schema, writer=new), field
