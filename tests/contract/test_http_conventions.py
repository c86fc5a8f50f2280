"""What http-api promises of every service: its paths, and one language of keys, errors and documents."""

import re
from typing import Any

import httpx
import jsonschema
import pytest

PATHS = {
    "order": """
        POST GET /v1/orders
        GET PATCH /v1/orders/{order_id}
        POST /v1/orders/{order_id}/lines
        PATCH /v1/orders/{order_id}/lines/{line_id}
        POST /v1/orders/{order_id}/cancel
        POST GET /v1/orders/{order_id}/shipments
        POST /v1/orders/{order_id}/shipments/{shipment_id}/void
        GET /v1/fulfillable-lines
        GET /v1/orders/{order_id}/events
        POST /v1/orders/{order_id}/tracking-links
        GET /v1/orders/{order_id}/promises
        GET /v1/offers
        POST /v1/orders/{order_id}/offers/{offer_id}/answer
        POST /v1/orders/{order_id}/offers/{offer_id}/notice
    """,
    "inventory": """
        PUT /v1/skus
        PUT GET /v1/skus/{sku}
        POST /v1/skus/{sku}/merge
        PUT GET /v1/locations/{location_id}
        PUT GET /v1/suppliers/{supplier_id}
        POST GET /v1/purchase-orders
        POST /v1/purchase-orders/{purchase_order_id}/cancel
        POST /v1/purchase-orders/{purchase_order_id}/lines
        PATCH /v1/purchase-orders/{purchase_order_id}/lines/{line_id}
        POST /v1/purchase-orders/{purchase_order_id}/lines/{line_id}/close
        POST GET /v1/receipts
        POST /v1/receipts/{receipt_id}/lines/{line_no}/link
        POST /v1/counts
        POST /v1/adjustments
        POST GET /v1/supplier-returns
        GET /v1/supplier-returns/{supplier_return_id}
        GET /v1/stock-levels
        GET /v1/ledger-entries
    """,
    "allocation": """
        POST GET /v1/availability
        GET /v1/backorders
        GET /v1/decisions
        GET /v1/decisions/{decision_id}
        GET /v1/demands/{line_id}/why
        GET /v1/calibration
        GET PUT /v1/promise-targets
        POST /v1/delivery-history
        GET /v1/lending
        GET /v1/loans
        GET PUT /v1/allocation-policies/{scope}
        POST GET /v1/runs
        GET /v1/runs/{run_id}
        GET /v1/runs/{run_id}/lines
        POST /v1/runs/{run_id}/commit
        PUT GET DELETE /v1/demands/{line_id}/pin
        GET POST /v1/policies
        GET /v1/policies/{name}
        PUT DELETE /v1/policies/{name}/draft
        POST /v1/policies/{name}/validate
        POST /v1/policies/{name}/activate
        POST /v1/policies/{name}/retire
        GET /v1/policies/{name}/history
        GET /v1/policy-templates
        GET /v1/policy-assignments
        GET PUT /v1/policy-assignments/default
        GET PUT DELETE /v1/policy-assignments/categories/{category}
        GET PUT DELETE /v1/policy-assignments/skus/{sku}
        POST GET /v1/simulations
        GET /v1/simulations/{simulation_id}
    """,
    "notification": """
        PUT GET DELETE /v1/contacts/{contact_id}
        POST GET /v1/webhook-endpoints
        DELETE /v1/webhook-endpoints/{endpoint_id}
        POST /v1/webhook-endpoints/{endpoint_id}/rotate
        POST /v1/webhook-endpoints/{endpoint_id}/test
        GET /v1/notifications
        POST /v1/notifications/{notification_id}/resend
    """,
}
SHARED = """
    GET /livez
    GET /readyz
    GET /startupz
    GET /asyncapi.json
    GET /v1/parked-keys
    POST /v1/parked-keys/{key}/replay
    POST /v1/parked-keys/{key}/discard
"""


def shape(path: str) -> str:
    """A path with its parameters' names left out: a service may call them as it likes."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def promised(text: str) -> set[tuple[str, str]]:
    lines = [line.split() for line in text.split("\n") if line.strip()]
    return {(method.lower(), shape(path)) for *methods, path in lines for method in methods}


def operations(document: dict[str, Any]):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def business(document: dict[str, Any]):
    return [(path, method, operation) for path, method, operation in operations(document) if path.startswith("/v1/")]


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


def is_problem(answer: httpx.Response, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "instance", "code", "trace_id"} <= set(body)
    assert code is None or body["code"] == code


@pytest.fixture
async def client(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        yield client


def test_every_promised_path_is_there(document, service_name):
    there = {(method, shape(path)) for path, method, _ in operations(document)}
    assert promised(PATHS.get(service_name, "") + SHARED) - there == set()


def test_operation_ids_are_unique_and_every_operation_says_what_it_does(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert [operation["operationId"] for _, _, operation in operations(document) if not operation.get("summary")] == []


def test_every_reference_of_the_document_leads_somewhere(document):
    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                assert resolved(document, node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(dict(document))


def test_bounds_are_told_in_keywords_of_json_schema(document):
    strange: list[str] = []

    def walk(node, place):
        if isinstance(node, dict):
            strange.extend(f"{place}/{name}" for name in ("ge", "le", "gt", "lt") if name in node)
            for name, value in node.items():
                walk(value, f"{place}/{name}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{place}/{index}")

    walk(dict(document), "")
    assert strange == []


def test_every_business_operation_is_secured_by_scopes_and_documents_its_problems(document):
    for path, method, operation in business(document):
        scopes = [scope for entry in operation["security"] for values in entry.values() for scope in values]
        assert scopes, f"{method} {path} asks for no scope"
        assert {"400", "401", "403"} <= set(operation["responses"]), f"{method} {path}"


def test_conditional_changes_declare_the_header_that_they_judge(document):
    headers = {
        (method, path): parameter
        for path, method, operation in business(document)
        for parameter in operation.get("parameters", ())
        if parameter["name"].lower() == "if-match"
    }
    refusing = {(method, path) for path, method, operation in business(document) if "412" in operation["responses"]}
    assert headers.keys() == refusing
    patches = {(method, path) for path, method, _ in business(document) if method == "patch"}
    assert patches <= {place for place, parameter in headers.items() if parameter["required"]}
    versioned = {path for path, method, operation in business(document) if method == "put" and path.endswith("}")}
    assert {("put", path) for path in versioned} <= headers.keys()


def test_every_request_body_refuses_fields_that_it_does_not_know(document):
    loose = []
    for path, method, operation in business(document):
        if "requestBody" in operation:
            schema = resolved(document, operation["requestBody"]["content"]["application/json"]["schema"])
            if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
                loose.append(f"{method} {path}")
    assert loose == []


def test_lists_are_cursor_pages(document):
    for path, method, operation in business(document):
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        if method == "get" and {"limit", "cursor"} & names and not path.endswith("}"):
            assert {"limit", "cursor"} <= names, path
            content = operation["responses"]["200"]["content"]["application/json"]
            assert {"data", "next_cursor"} <= set(resolved(document, content["schema"])["properties"]), path


async def test_every_business_operation_needs_a_key(client, document):
    for path, method, _ in business(document):
        is_problem(await client.request(method, filled(path)), 401, "unauthenticated")


async def test_a_key_without_the_scope_is_refused_and_told_which_one(client, document, keyring):
    secret, _ = keyring.create_key("import only", ["import"])
    for path, method, _ in business(document):
        answer = await client.request(method, filled(path), headers={"Authorization": f"Bearer {secret}"})
        is_problem(answer, 403, "missing_scope")
        assert answer.json()["missing_scope"] in answer.json()["detail"]


async def test_every_post_that_creates_needs_an_idempotency_key(client, document, full_key):
    creating = [
        path
        for path, method, operation in business(document)
        # A tracking link is signed and not stored: there is nothing to create twice.
        if method == "post" and "201" in operation["responses"] and not path.endswith("/tracking-links")
    ]
    for path in creating:
        answer = await client.post(filled(path), json={}, headers={"Authorization": f"Bearer {full_key}"})
        is_problem(answer, 400, "idempotency_key_missing")


async def test_malformed_json_is_400_wherever_a_body_is_read(client, document, full_key):
    headers = {"Authorization": f"Bearer {full_key}", "Idempotency-Key": "k", "If-Match": '"1"'}
    for path, method, operation in business(document):
        if "requestBody" in operation:
            is_problem(await client.request(method, filled(path), content=b"{", headers=headers), 400, "malformed_json")


async def test_too_large_a_body_is_413_everywhere(client, document, full_key):
    for path, method, operation in business(document):
        if "requestBody" in operation:
            answer = await client.request(
                method, filled(path), content=b" " * 1_048_577, headers={"Authorization": f"Bearer {full_key}"}
            )
            is_problem(answer, 413, "body_too_large")


async def test_without_its_database_a_service_answers_503_and_lives(client, document, full_key):
    unavailable = 0
    for path, method, _ in business(document):
        # Templates are part of the program.
        if method == "get" and path != "/v1/policy-templates":
            answer = await client.get(filled(path), headers={"Authorization": f"Bearer {full_key}"})
            # 400 where a parameter is demanded.
            is_problem(answer, answer.status_code if answer.status_code == 400 else 503)
            unavailable += answer.status_code == 503
    assert unavailable
    assert (await client.get("/livez")).status_code == 200


def test_every_request_body_shows_an_example_that_fits(document):
    for path, method, operation in business(document):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            shown = [content["example"]] if "example" in content else []
            assert shown or content.get("examples"), f"{method} {path}"
            for example in shown or [one["value"] for one in content["examples"].values()]:
                jsonschema.validate(example, {**content["schema"], "components": document["components"]})
