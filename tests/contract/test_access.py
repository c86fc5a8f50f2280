"""Who may call what: every route of every service with every scope, and with keys that are bound to one customer.

The table is written out by hand and not derived from the code, so that a route whose demand changes fails here.
"""

import re

import httpx
import orjson
import pytest

from service_kit.http.api_keys import BOUND_SCOPES, KEY_PREFIX, SCOPES, Principal, hash_key
from service_kit.http.app import create_app

ROUTES = {
    "order": """
        POST /v1/orders orders:write customer
        GET /v1/orders orders:read customer
        GET /v1/orders/{order_id} orders:read customer order
        PATCH /v1/orders/{order_id} orders:write customer
        POST /v1/orders/{order_id}/lines orders:write customer
        PATCH /v1/orders/{order_id}/lines/{line_id} orders:write customer
        POST /v1/orders/{order_id}/cancel orders:write customer
        POST /v1/orders/{order_id}/shipments shipments:write
        GET /v1/orders/{order_id}/shipments shipments:read customer
        GET /v1/orders/{order_id}/shipments/{shipment_id} shipments:read customer
        POST /v1/orders/{order_id}/shipments/{shipment_id}/void shipments:write
        GET /v1/fulfillable-lines shipments:read customer
        GET /v1/orders/{order_id}/events orders:read customer order
        POST /v1/orders/{order_id}/tracking-links orders:write customer
        GET /v1/orders/{order_id}/promises orders:read customer order
        GET /v1/offers orders:read customer
        POST /v1/orders/{order_id}/offers/{offer_id}/answer orders:write customer
        POST /v1/orders/{order_id}/offers/{offer_id}/notice orders:write
        POST /v1/payment-setups orders:write customer
        GET /v1/payments/{payment_id} orders:read customer
        GET /v1/orders/{order_id}/payment orders:read customer
        PUT /v1/payments/{payment_id}/method orders:write customer
        POST /v1/payments/{payment_id}/results payments:write
        POST /v1/payments/{payment_id}/refunds payments:write
    """,
    "inventory": """
        PUT /v1/skus inventory:write
        GET /v1/skus inventory:read
        PUT /v1/skus/{sku} inventory:write
        PATCH /v1/skus/{sku} inventory:write
        POST /v1/skus/{sku}/merge inventory:write
        GET /v1/skus/{sku} inventory:read
        GET /v1/locations inventory:read
        PUT /v1/locations/{location_id} inventory:write
        GET /v1/locations/{location_id} inventory:read
        GET /v1/suppliers purchasing:read
        PUT /v1/suppliers/{supplier_id} purchasing:write
        GET /v1/suppliers/{supplier_id} purchasing:read
        POST /v1/purchase-orders purchasing:write
        GET /v1/purchase-orders purchasing:read
        GET /v1/purchase-orders/{purchase_order_id} purchasing:read
        POST /v1/purchase-orders/{purchase_order_id}/cancel purchasing:write
        POST /v1/purchase-orders/{purchase_order_id}/lines purchasing:write
        GET /v1/purchase-orders/{purchase_order_id}/lines/{line_id} purchasing:read
        PATCH /v1/purchase-orders/{purchase_order_id}/lines/{line_id} purchasing:write
        POST /v1/purchase-orders/{purchase_order_id}/lines/{line_id}/close purchasing:write
        POST /v1/receipts inventory:write
        GET /v1/receipts inventory:read
        GET /v1/receipts/{receipt_id} inventory:read
        POST /v1/receipts/{receipt_id}/lines/{line_no}/link inventory:write
        POST /v1/counts inventory:write
        GET /v1/counts inventory:read
        GET /v1/counts/{count_id} inventory:read
        POST /v1/adjustments inventory:write
        GET /v1/adjustments inventory:read
        GET /v1/adjustments/{adjustment_id} inventory:read
        POST /v1/supplier-returns inventory:write
        GET /v1/supplier-returns inventory:read
        GET /v1/supplier-returns/{supplier_return_id} inventory:read
        GET /v1/stock-levels inventory:read
        GET /v1/ledger-entries inventory:read
    """,
    "allocation": """
        POST /v1/availability availability:read customer
        GET /v1/availability availability:read customer
        GET /v1/backorders backorders:read
        GET /v1/decisions decisions:read
        GET /v1/decisions/{decision_id} decisions:read
        GET /v1/calibration decisions:read
        POST /v1/delivery-history policies:write
        GET /v1/promise-targets policies:write
        PUT /v1/promise-targets policies:write
        GET /v1/lending decisions:read
        GET /v1/loans decisions:read
        GET /v1/policy-templates policies:write
        GET /v1/policies policies:write
        POST /v1/policies policies:write
        PUT /v1/policies/{name}/draft policies:write
        DELETE /v1/policies/{name}/draft policies:write
        POST /v1/policies/{name}/validate policies:write
        POST /v1/policies/{name}/activate policies:write
        POST /v1/policies/{name}/retire policies:write
        GET /v1/policies/{name}/history policies:write
        GET /v1/policies/{name} policies:write
        GET /v1/policy-assignments policies:write
        GET /v1/policy-assignments/default policies:write
        PUT /v1/policy-assignments/default policies:write
        GET /v1/policy-assignments/skus/{sku} policies:write
        PUT /v1/policy-assignments/skus/{sku} policies:write
        DELETE /v1/policy-assignments/skus/{sku} policies:write
        GET /v1/policy-assignments/categories/{category} policies:write
        PUT /v1/policy-assignments/categories/{category} policies:write
        DELETE /v1/policy-assignments/categories/{category} policies:write
        POST /v1/runs runs:write
        GET /v1/runs runs:read
        POST /v1/runs/{run_id}/commit runs:write
        GET /v1/runs/{run_id} runs:read
        GET /v1/runs/{run_id}/lines runs:read
        PUT /v1/demands/{line_id}/pin runs:write
        GET /v1/demands/{line_id}/pin runs:read
        DELETE /v1/demands/{line_id}/pin runs:write
        GET /v1/allocation-policies policies:write
        GET /v1/allocation-policies/{name} policies:write
        PUT /v1/allocation-policies/{name} policies:write
        DELETE /v1/allocation-policies/{name} policies:write
        POST /v1/simulations simulations:run
        GET /v1/simulations simulations:run
        GET /v1/simulations/{simulation_id} simulations:run
        GET /v1/demands/{line_id}/why decisions:read
    """,
    "notification": """
        PUT /v1/contacts/{contact_id} contacts:write
        GET /v1/contacts/{contact_id} contacts:write
        DELETE /v1/contacts/{contact_id} contacts:write
        GET /v1/notifications notifications:read customer
        GET /v1/notifications/{notification_id} notifications:read customer
        POST /v1/notifications/{notification_id}/resend notifications:write customer
        POST /v1/webhook-endpoints webhooks:write
        GET /v1/webhook-endpoints webhooks:write
        GET /v1/webhook-endpoints/{endpoint_id} webhooks:write
        PATCH /v1/webhook-endpoints/{endpoint_id} webhooks:write
        DELETE /v1/webhook-endpoints/{endpoint_id} webhooks:write
        POST /v1/webhook-endpoints/{endpoint_id}/rotate webhooks:write
        POST /v1/webhook-endpoints/{endpoint_id}/test webhooks:write
        GET /v1/webhook-endpoints/{endpoint_id}/deliveries webhooks:write
    """,
}
"""Method, path, the scope it demands, and which restricted callers it serves: a customer's key, a tracking link."""

SHARED = """
        GET /v1/parked-keys ops
        POST /v1/parked-keys/replay ops
        POST /v1/parked-keys/{key}/replay ops
        POST /v1/parked-keys/{key}/discard ops
        GET /v1/parked-work ops
        POST /v1/parked-work/retry ops
    """

OPEN = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/startupz"), ("GET", "/asyncapi.json")}


@pytest.fixture
def rows(service_name):
    lines = [line.split() for line in (ROUTES[service_name] + SHARED).split("\n") if line.strip()]
    return [(method, path, scope, set(bound)) for method, path, scope, *bound in lines]


def filled(path):
    return re.sub(r"\{[^}]*\}", "x", path)


def as_caller(monkeypatch, **principals):
    """Keys that are found without a file: each secret stands for its principal."""
    keys = {f"{KEY_PREFIX}{name}": principal for name, principal in principals.items()}
    monkeypatch.setattr("service_kit.http.authentication.Authenticator.principal", _found_in(keys))
    return keys


def _found_in(keys):
    def principal(_, scope):
        given = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        return keys.get(given)

    return principal


async def answers(app, rows, secret):
    """What each route answers to the key, as (status, code); its body is empty."""
    found = {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        for method, path, *_ in rows:
            response = await client.request(method, filled(path), headers={"Authorization": f"Bearer {secret}"})
            problem = response.headers.get("Content-Type") == "application/problem+json"
            found[method, path] = (response.status_code, response.json()["code"] if problem else "")
    return found


def test_the_table_names_every_route(rows, document):
    there = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert {(method, path) for method, path, *_ in rows} == there - OPEN


def test_the_document_shows_the_scope_that_is_demanded(rows, document):
    for method, path, scope, _ in rows:
        assert document["paths"][path][method.lower()]["security"] == [{"bearer": [scope]}], f"{method} {path}"


async def test_each_route_demands_its_scope_and_no_other_will_do(app, rows, monkeypatch):
    as_caller(
        monkeypatch,
        **{scope: Principal(scope, frozenset({scope})) for scope in SCOPES},
        **{f"without:{scope}": Principal(scope, SCOPES - {scope}) for scope in SCOPES},
    )
    for scope in sorted(SCOPES):
        alone = await answers(app, rows, f"{KEY_PREFIX}{scope}")
        others = await answers(app, [row for row in rows if row[2] == scope], f"{KEY_PREFIX}without:{scope}")
        for method, path, needed, _ in rows:
            status, code = alone[method, path]
            if needed == scope:
                assert status not in {401, 403}, f"{method} {path} refuses {scope}: {code}"
                assert others[method, path] == (403, "missing_scope"), f"{method} {path} without {scope}"
            else:
                assert (status, code) == (403, "missing_scope"), f"{method} {path} with {scope} alone"


async def test_a_bound_caller_is_refused_wherever_the_route_does_not_say_how_it_binds(app, rows, monkeypatch):
    as_caller(
        monkeypatch,
        customer=Principal("customer", BOUND_SCOPES, customer_id="c1"),
        order=Principal("order", BOUND_SCOPES, order_id="o1"),
    )
    refusals = {"customer": "bound_key", "order": "tracking_link"}
    for kind, refusal in refusals.items():
        found = await answers(app, rows, f"{KEY_PREFIX}{kind}")
        for method, path, _, bound in rows:
            status, code = found[method, path]
            if kind in bound:
                assert status not in {401, 403}, f"{method} {path}: {code}"
            else:
                assert (status, code) == (403, refusal), f"{method} {path}"


async def test_a_bound_key_of_an_old_keyring_with_more_scopes_than_it_may_have_opens_nothing(
    build_service, service_name, rows, tmp_path
):
    """Such a key could be made once, so the file holds it as it was written then."""
    secret = f"{KEY_PREFIX}old"
    path = tmp_path / "keyring.json"
    entry = {"id": "key_1", "name": "old", "sha256": hash_key(secret), "scopes": sorted(SCOPES), "customer_id": "c1"}
    path.write_bytes(orjson.dumps([entry]))
    found = await answers(create_app(build_service(service_name, keyring_path=path)), rows, secret)
    assert set(found.values()) == {(403, "bound_key_scopes")}


async def test_without_a_key_every_route_answers_401_whatever_is_sent(app, rows):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        for method, path, *_ in rows:
            for content in (b"", b"{", b"[" * 10_000):
                response = await client.request(method, filled(path), content=content)
                assert response.status_code == 401, f"{method} {path}"
