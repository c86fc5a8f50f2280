"""Errors: one shape for all, places named, input never repeated."""

import re

import pytest

from service_kit.http.errors import json_pointer
from service_kit.http.problems import FieldError, Problem, not_found

BODY = {"reference": "r", "lines": [{"sku": "a", "quantity": 1}]}
KEY = {"Idempotency-Key": "k"}


def is_problem(answer, status, code):
    document = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert document["type"] == f"urn:backorder:problem:{code}"
    assert document["title"]
    assert re.fullmatch("[0-9a-f]{32}", document["trace_id"])
    assert document["trace_id"] == answer.headers["X-Request-Id"]
    assert document["instance"] == answer.request.url.path
    return document


@pytest.fixture
async def client(api):
    async with api.client("orders:write", "orders:read") as client:
        yield client


async def test_every_bad_place_of_a_body_is_listed_by_json_pointer_and_no_input_is_repeated(client):
    body = {
        "lines": [{"sku": "", "quantity": "secret-7"}, {"sku": "b", "quantity": 0, "colour/x": 1}],
        "extra": "secret-8",
    }
    document = is_problem(await client.post("/v1/orders", json=body, headers=KEY), 422, "validation_failed")
    assert {error["pointer"] for error in document["errors"]} == {
        "/reference", "/lines/0/sku", "/lines/0/quantity", "/lines/1/quantity", "/lines/1/colour~1x", "/extra",
    }  # fmt: skip
    assert "secret" not in str(document)


async def test_an_unknown_field_is_named(client):
    document = is_problem(
        await client.post("/v1/orders", json={**BODY, "refrence": 1}, headers=KEY), 422, "validation_failed"
    )
    assert document["errors"] == [{"pointer": "/refrence", "detail": "This field is not known here"}]


@pytest.mark.parametrize("content", [b"{", b"{'a': 1}", b'{"reference": }'])
async def test_malformed_json_is_400(client, content):
    is_problem(await client.post("/v1/orders", content=content, headers=KEY), 400, "malformed_json")


async def test_bytes_that_are_no_text_are_400(client):
    is_problem(await client.post("/v1/orders", content=b'{"reference": "\xff"}', headers=KEY), 400, "bad_request")


async def test_json_without_a_content_type_is_taken(client):
    answer = await client.post("/v1/orders", content=b'{"reference": "r", "lines": []}', headers=KEY)
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "nonsense"])
async def test_another_content_type_is_415(client, media_type):
    answer = await client.post("/v1/orders", content=b"{}", headers={**KEY, "Content-Type": media_type})
    is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"a\u0000b"])
async def test_text_that_the_database_cannot_hold_is_refused_with_its_place(client, text):
    content = f'{{"reference": "r", "lines": [], "metadata": {{"a": "{text}"}}}}'.encode()
    document = is_problem(await client.post("/v1/orders", content=content, headers=KEY), 422, "validation_failed")
    assert document["errors"][0]["pointer"] == "/metadata"


async def test_a_bad_parameter_is_400_and_named(client):
    document = is_problem(await client.get("/v1/orders?limit=many"), 400, "invalid_parameter")
    assert document["errors"][0]["parameter"] == "limit"


async def test_an_unknown_path_and_an_unknown_method_are_problems(client):
    is_problem(await client.get("/v2/nothing"), 404, "not_found")
    answer = await client.put("/v1/orders/1", json={})
    is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, PATCH"


async def test_a_conflict_says_the_state(client):
    document = is_problem(await client.post("/v1/orders/1/cancel"), 409, "already_shipped")
    assert document["state"] == "shipped"


async def test_an_unexpected_error_is_500_and_its_message_stays_inside(client):
    answer = await client.post("/v1/orders/1/fail?message=secret-9")
    is_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


async def test_the_trace_of_the_caller_goes_on(client):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await client.get("/v1/none", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.json()["trace_id"] == trace


@pytest.mark.parametrize("traceparent", ["00-0-0-0", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "\x7f"])
async def test_a_broken_traceparent_starts_a_new_trace(client, traceparent):
    answer = await client.get("/v1/none", headers={"traceparent": traceparent})
    assert re.fullmatch("[0-9a-f]{32}", answer.json()["trace_id"])


def test_a_json_pointer_escapes_its_separators():
    assert json_pointer(["lines", "0", "a/b~c"]) == "/lines/0/a~1b~0c"
    assert json_pointer([]) == ""


def test_a_problem_document_has_exactly_what_it_was_given():
    problem = Problem(
        409, "taken", "Taken", extra={"state": "x"}, errors=[FieldError("/a", "no"), FieldError("", "q", "p")]
    )
    assert problem.document(instance="/x", trace_id="t") == {
        "state": "x", "type": "urn:backorder:problem:taken", "title": "Taken", "status": 409, "instance": "/x",
        "code": "taken", "trace_id": "t",
        "errors": [{"pointer": "/a", "detail": "no"}, {"parameter": "p", "detail": "q"}],
    }  # fmt: skip


def test_extra_members_never_replace_the_standard_ones():
    assert Problem(409, "a", "b", extra={"status": 200}).document(instance="", trace_id="")["status"] == 409


def test_a_missing_thing_is_named_by_its_kind():
    assert not_found("purchase order").code == "purchase_order_not_found"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"bool": 1}, "Must be text, true, false or a number"),
        ([], "Must be text, true, false or a number"),
        ("x" * 6, "String should have at most 5 characters"),
    ],
)
async def test_the_alternatives_of_a_union_are_one_error_at_the_place_that_was_sent(client, value, words):
    body = {**BODY, "notes": {"a": value}}
    document = is_problem(await client.post("/v1/orders", json=body, headers=KEY), 422, "validation_failed")
    assert document["errors"] == [{"pointer": "/notes/a", "detail": words}]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "A JSON body is required."), (b"null", "A JSON object is required."), (b"[]", "A JSON object is required.")],
)
async def test_a_body_that_is_no_object_is_told_so(client, content, words):
    headers = {**KEY, "Content-Type": "application/json"}
    document = is_problem(await client.post("/v1/orders", content=content, headers=headers), 422, "validation_failed")
    assert document["detail"] == words
    assert document["errors"] == [{"pointer": "", "detail": words}]


async def test_a_missing_field_is_named_where_it_should_be(client):
    body = {**BODY, "lines": [{"sku": "LAMP-4"}]}
    document = is_problem(await client.post("/v1/orders", json=body, headers=KEY), 422, "validation_failed")
    assert document["errors"] == [{"pointer": "/lines/0/quantity", "detail": "This field is required"}]


async def test_a_field_left_out_whose_default_does_not_fit_is_named(client):
    body = {**BODY, "lines": [{"sku": "LAMP-4", "quantity": 1000}]}
    document = is_problem(await client.post("/v1/orders", json=body, headers=KEY), 422, "validation_failed")
    assert [error["pointer"] for error in document["errors"]] == ["/lines/0/approved_by"]
