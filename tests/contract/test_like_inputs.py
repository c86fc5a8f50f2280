"""Inputs of one kind are refused alike, wherever they stand: dates that are digits, and characters that nobody sees.

Every field of every body and every parameter of all services is tried, as the API's document describes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from service_kit.http.models import RequestModel

NO_TIMES = [
    "20270328", "0", "-1", "1", "1e9", "1743120000", "2027-03-28T10:00:00", "2027-3-28", "2027-02-30", "28.03.2027",
    "2027-W13-7", "2027-087", "now", "", " ", "2027-03-28T10:00:00Z\n", "٢٠٢٧-٠٣-٢٨",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01", "9999-12-31", 20270328, 0, -1, 1.5, True,
]  # fmt: skip
"""None of these is a day or an instant with its offset, or of a year that means something."""

UNSEEN = [
    "\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u200b", "\u200d", "\u2060", "\ufeff",
    "\u00ad", "\u202e", "\u2066", "\u061c", "\u3164", "\u2800", "\u180e",
]  # fmt: skip
"""Control characters, line breaks, zero-width and formatting characters, and fillers without a mark."""

FREE_TEXT = {
    "note": "people explain in it, in more than one line, why they drafted a policy",
    "description": "people describe a webhook endpoint in it",
    "cursor": "an opaque text of our own, which is refused as a whole if it is another",
    "topic": "parked keys are named as they were stored, whatever that is",
    "event_id": "parked events are named as they were stored, whatever that is",
    "key": "parked keys are named as they were stored, whatever that is",
    "last_event_id": "an id of our own",
}
"""Names of fields that may hold such characters, and why."""

Place = tuple[str, Any, Mapping[str, Any]]


@pytest.fixture(scope="session")
def api(build_service: Any, service_name: str) -> Any:
    """A service's routes and application, all of its schemas loaded."""
    return build_service(service_name).api


def _models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in kind.__subclasses__():
        yield one
        yield from _models(one)


def _schemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema with its alternatives and the items of its lists."""
    yield schema
    for one in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _schemas(one)
    if "items" in schema:
        yield from _schemas(schema["items"])


def _in_lists(schema: Mapping[str, Any], value: object) -> object:
    alternatives = [schema, *schema.get("anyOf", ())]
    return [value] if any(one.get("type") == "array" for one in alternatives) else value


def _refused(check: Any, value: object) -> bool:
    try:
        check(value)
    except ValidationError:
        return True
    return False


def _fields_of_bodies(api: Any) -> Iterator[Place]:
    package = type(api.application).__module__.split(".")[0]
    for model in _models(RequestModel):
        if model.__module__.split(".")[0] not in (package, "service_kit") or "__main__" in model.__module__:
            continue
        schema = model.model_json_schema(by_alias=True)
        for name, described in schema.get("properties", {}).items():
            yield f"{model.__module__}.{model.__name__}.{name}", _field_check(model, name), described


def _field_check(model: type[BaseModel], name: str) -> Any:
    def check(value: object) -> None:
        try:
            model.model_validate({name: value})
        except ValidationError as error:
            if any(one["loc"][:1] == (name,) and one["type"] != "missing" for one in error.errors()):
                raise
            if any(one["type"] == "unstorable_text" for one in error.errors()):
                raise

    return check


def _parameters(api: Any) -> Iterator[Place]:
    for route in (route for router in api.routers for route in router.routes if isinstance(route, APIRoute)):
        for parameter in _parameters_of(route.dependant):
            adapter = TypeAdapter(parameter.field_info.rebuild_annotation())
            yield f"{route.path} ?{parameter.alias}", adapter.validate_python, adapter.json_schema()


def _parameters_of(dependant: Any) -> Iterator[Any]:
    """The path and query parameters of a route, those that its dependencies declare included."""
    yield from dependant.path_params
    yield from dependant.query_params
    for inner in dependant.dependencies:
        yield from _parameters_of(inner)


def _places(api: Any) -> list[Place]:
    return [*_fields_of_bodies(api), *_parameters(api)]


def _is_time(schema: Mapping[str, Any]) -> bool:
    return any(one.get("format") in ("date", "date-time") for one in _schemas(schema))


def _is_text(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "string" and "enum" not in one and "const" not in one for one in _schemas(schema))


def test_what_is_no_date_is_refused_wherever_a_date_is_expected(api: Any, service_name: str) -> None:
    times = [place for place in _places(api) if _is_time(place[2])]
    taken = [
        f"{name}: {value!r}"
        for name, check, schema in times
        for value in NO_TIMES
        if not _refused(check, _in_lists(schema, value))
    ]
    assert taken == []
    assert times or service_name == "notification", "no date was found to be tried"


def test_characters_that_nobody_sees_are_refused_in_every_name_and_reason(api: Any) -> None:
    texts = [place for place in _places(api) if _is_text(place[2]) and not _is_time(place[2])]
    taken = [
        f"{name}: {value!r}"
        for name, check, schema in texts
        if name.replace("?", ".").rpartition(".")[2] not in FREE_TEXT
        for unseen in UNSEEN
        for value in (f"ab{unseen}", f"{unseen}ab", f"a{unseen}b")
        if not _refused(check, _in_lists(schema, value))
    ]
    assert taken == []
    assert texts


@pytest.mark.parametrize("alike", ["X ", " X", "X\u00a0", "\u2003X", "X\u3000", "\u1680X\u202f"])
def test_names_that_differ_in_their_spaces_are_one(api: Any, alike: str) -> None:
    for parameter in _names(api):
        assert parameter(alike) == "X"


def test_composed_and_decomposed_letters_are_one(api: Any) -> None:
    for parameter in _names(api):
        assert parameter("Cafe\u0301 1") == parameter("Caf\u00e9\u00a01") == "Caf\u00e9 1"
        assert parameter("caf\u00e9") != parameter("Caf\u00e9"), "names are case-sensitive"


def _names(api: Any) -> list[Any]:
    """How the parameters that are names read their values."""
    found = []
    for _, check, schema in _parameters(api):
        if any(one.get("pattern", "").startswith("^[^\\x00") for one in _schemas(schema)) and "items" not in schema:
            found.append(check)
    assert found
    return found
