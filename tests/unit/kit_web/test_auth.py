"""Keys: made once, stored hashed, scoped, expiring, revocable, several at once."""

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from fastapi import APIRouter

from service_kit.http.api_keys import BOUND_SCOPES, DEFAULT_LIFETIME, SCOPES, Keyring, KeyringError, Principal
from service_kit.http.authentication import Authenticator, require
from service_kit.testing.eventually import eventually

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path):
    return Keyring(tmp_path / "keys" / "keyring.json")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "keyring.json"


def test_a_key_is_found_by_its_secret_and_the_file_does_not_hold_it(ring, path):
    secret, key = ring.create_key("shop", ["orders:write", "orders:read"])
    assert secret.startswith("bo_live_")
    assert len(secret) - len("bo_live_") >= 43  # 256 bits in base64
    assert ring.find(secret) == key
    assert ring.find(secret + "x") is None
    assert secret.removeprefix("bo_live_") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_expired_and_a_revoked_key_open_nothing(ring):
    secret, key = ring.create_key("shop", ["ops"], expires_at=NOW)
    assert ring.find(secret, NOW - timedelta(seconds=1)) == key
    assert ring.find(secret, NOW) is None
    second, other = ring.create_key("shop", ["ops"])
    ring.revoke(other.id)
    assert ring.find(second) is None
    assert ring.revoke(other.id).revoked_at is not None


def test_two_keys_of_one_name_are_active_at_once_so_that_they_can_be_rotated(ring):
    old, key = ring.create_key("shop", ["ops"])
    new, _ = ring.create_key("shop", ["ops"])
    assert ring.find(old)
    assert ring.find(new)
    ring.revoke(key.id)
    assert not ring.find(old)
    assert ring.find(new)
    assert [one.name for one in ring.list_keys()] == ["shop", "shop"]


def test_a_scope_that_does_not_exist_is_refused_and_named(ring):
    with pytest.raises(KeyringError, match="unknown scope 'order:write'"):
        ring.create_key("shop", ["order:write"])
    with pytest.raises(KeyringError, match="needs a scope"):
        ring.create_key("shop", [])
    with pytest.raises(KeyringError, match="there is no key 'x'"):
        ring.revoke("x")


def test_a_key_expires_after_a_year_unless_its_maker_says_otherwise(ring):
    before = datetime.now(UTC)
    _, usual = ring.create_key("shop", ["ops"])
    assert before + DEFAULT_LIFETIME <= usual.expires_at <= datetime.now(UTC) + DEFAULT_LIFETIME
    assert timedelta(days=365) == DEFAULT_LIFETIME
    _, lasting = ring.create_key("shop", ["ops"], expires_at="never")
    assert lasting.expires_at is None
    with pytest.raises(KeyringError, match="offset"):
        ring.create_key("shop", ["ops"], expires_at=NOW.replace(tzinfo=None))


@pytest.mark.parametrize("scope", sorted(SCOPES - BOUND_SCOPES))
def test_a_key_for_one_customer_is_not_made_with_a_scope_that_such_a_key_may_not_have(ring, scope):
    with pytest.raises(KeyringError, match=f"bound to a customer may not have {scope}"):
        ring.create_key("app", ["orders:read", scope], customer_id="c1")
    assert ring.list_keys() == []


def test_a_key_for_one_customer_may_have_the_others(ring):
    _, key = ring.create_key("app", sorted(BOUND_SCOPES), customer_id="c1")
    assert key.principal() == Principal(key.id, BOUND_SCOPES, customer_id="c1")
    assert not key.principal().scopes_beyond_binding


@pytest.mark.parametrize("customer_id", ["", " ", "a\nb", "x" * 101])
def test_a_key_is_not_bound_to_what_is_no_customers_id(ring, customer_id):
    with pytest.raises(KeyringError, match="customer's id"):
        ring.create_key("app", ["orders:read"], customer_id=customer_id)


def test_another_process_sees_a_new_key_at_once(ring, path):
    reader = Keyring(path)
    assert reader.find("bo_live_x") is None
    secret, _ = ring.create_key("late", ["ops"])
    assert reader.find(secret)


def test_keys_made_at_once_are_all_kept(ring, path):
    threads = [threading.Thread(target=Keyring(path).create_key, args=(f"k{i}", ["ops"])) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in ring.list_keys()} == {f"k{i}" for i in range(12)}
    assert not list(path.parent.glob(".*"))


def test_a_broken_keyring_is_named_and_its_content_is_not_shown(ring, path):
    ring.create_key("shop", ["ops"])
    path.write_text('{"secret": ')
    with pytest.raises(KeyringError, match=r"keyring\.json is not a readable keyring") as failure:
        Keyring(path).list_keys()
    assert "secret" not in str(failure.value)


def test_a_keyring_written_by_hand_needs_no_creation_time(path):
    path.parent.mkdir()
    path.write_text(json.dumps([{"id": "k", "name": "n", "sha256": "0" * 64, "scopes": ["ops"]}]))
    assert Keyring(path).list_keys()[0].principal() == Principal("k", frozenset({"ops"}))


class TestOverHttp:
    async def test_without_a_key_401_with_a_challenge(self, api):
        async with api.client() as client:
            answer = await client.get("/v1/orders")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="backorder"'

    @pytest.mark.parametrize("token", ["bo_live_wrong", "nonsense", "bo_live_" + "é"])
    async def test_a_wrong_key_is_401_and_says_so(self, api, token):
        async with api.client() as client:
            answer = await client.get("/v1/orders", headers={"Authorization": f"Bearer {token}".encode()})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert token not in answer.text

    @pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", "bo_live_x", ""])
    async def test_other_schemes_are_no_key(self, api, header):
        async with api.client() as client:
            assert (await client.get("/v1/orders", headers={"Authorization": header})).status_code == 401

    async def test_a_missing_scope_is_403_and_named(self, api):
        async with api.client("orders:read") as client:
            answer = await client.post("/v1/orders", json={})
        assert (answer.status_code, answer.json()["missing_scope"]) == (403, "orders:write")
        assert 'scope="orders:write"' in answer.headers["WWW-Authenticate"]

    async def test_whoever_may_not_at_all_learns_nothing_about_the_body(self, api):
        async with api.client() as client:
            assert (await client.post("/v1/orders", json={"lines": 1})).status_code == 401

    @pytest.mark.parametrize("held", [("orders:read",), ("orders:write",), ("orders:read", "ops")])
    async def test_of_several_scopes_all_must_be_held(self, make_api, held):
        router = APIRouter()

        @router.post("/v1/both")
        async def both(principal: Annotated[Principal, require("orders:read", "orders:write")]) -> str:
            return principal.key_id

        async with make_api(router=router).client(*held) as client:
            answer = await client.post("/v1/both")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
        async with make_api(router=router).client("orders:read", "orders:write") as client:
            assert (await client.post("/v1/both")).status_code == 200

    async def test_a_route_that_does_not_say_how_it_binds_refuses_a_customers_key(self, api):
        secret, _ = api.keyring.create_key("app", ["orders:read", "orders:write"], customer_id="c-7")
        async with api.client(token=secret) as client:
            for response in (await client.get("/v1/orders"), await client.patch("/v1/orders/1")):
                assert (response.status_code, response.json()["code"]) == (403, "bound_key")

    async def test_a_key_bound_to_the_empty_customer_is_bound_all_the_same(self, api, monkeypatch):
        monkeypatch.setattr(Authenticator, "principal", lambda *_: Principal("old", SCOPES, customer_id=""))
        async with api.client() as client:
            assert (await client.get("/v1/orders/1")).json()["code"] == "bound_key_scopes"

    async def test_a_customers_key_is_bound_to_the_customer(self, api):
        secret, _ = api.keyring.create_key("app", ["orders:read"], customer_id="c-7")
        async with api.client(token=secret) as client:
            assert (await client.get("/v1/orders/1")).json()["order_id"] == "1 for c-7"

    async def test_a_tracking_token_is_taken_from_the_header_or_the_query_of_a_get(self, make_api):
        def verify(token):
            return Principal("link", frozenset({"orders:read"}), order_id="o-1") if token == "good" else None

        api = make_api(verify_token=verify)
        async with api.client() as client:
            by_query = await client.get("/v1/orders/1?token=good")
            by_header = await client.get("/v1/orders/1", headers={"Authorization": "Bearer good"})
            assert by_query.json()["order_id"] == by_header.json()["order_id"] == "1 for o-1"
            assert (await client.get("/v1/orders/1?token=bad")).status_code == 401
            assert (await client.post("/v1/orders/1/cancel?token=good")).status_code == 401

    async def test_an_api_key_in_a_url_is_never_taken(self, make_api):
        api = make_api(verify_token=lambda token: None)
        secret, _ = api.keyring.create_key("shop", ["orders:read"])
        async with api.client() as client:
            assert (await client.get(f"/v1/orders/1?token={secret}")).status_code == 401

    async def test_only_an_importing_key_may_state_business_times(self, api):
        async with api.client("orders:write") as client:
            refused = await client.post("/v1/orders/1/receive")
        assert (refused.status_code, refused.json()["code"]) == (403, "import_scope_required")
        assert refused.json()["field"] == "received_at"
        async with api.client("orders:write", "import") as client:
            assert (await client.post("/v1/orders/1/receive")).status_code == 200


async def test_a_keyring_that_cannot_be_read_opens_nothing(api):
    async with api.client("orders:read") as client:

        async def unreadable() -> bool:
            return (await client.get("/v1/orders")).status_code == 503

        assert (await client.get("/v1/orders")).status_code == 200
        api.service.settings.keyring_path.write_text("[{")
        await eventually(unreadable, 30)
        assert (await client.get("/v1/orders")).json()["code"] == "keys_unreadable"
