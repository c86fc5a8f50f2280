"""Idempotency keys, lists, searches, faults, and what survives a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.payment_simulator.shop import DAY, Shop, open_shop

FORM = {"amount": "1000", "currency": "eur", "confirm": "true", "off_session": "true", "payment_method": "pm_card_visa"}


async def test_a_repeated_key_gets_the_first_response_and_pays_once(shop: Shop) -> None:
    first = await shop.post("payment_intents", FORM, key="k1")
    await shop.post("payment_intents/" + first["id"] + "/cancel", status=400)
    response = await shop.client.post("/v1/payment_intents", data=FORM, headers={"Idempotency-Key": "k1"})
    assert (response.json(), response.headers["Idempotent-Replayed"]) == (first, "true")
    assert len((await shop.get("payment_intents"))["data"]) == 1


async def test_a_repeated_key_with_another_body_or_for_another_call_is_refused(shop: Shop) -> None:
    first = await shop.post("payment_intents", FORM, key="k1")
    for path, form in (("payment_intents", FORM | {"amount": "1001"}), (f"payment_intents/{first['id']}/cancel", {})):
        error = (await shop.post(path, form, key="k1", status=400))["error"]
        assert error["type"] == "idempotency_error"


async def test_a_decline_is_repeated_and_bad_parameters_are_not(shop: Shop) -> None:
    declined = FORM | {"payment_method": "pm_card_chargeDeclined"}
    first = await shop.post("payment_intents", declined, key="k1", status=402)
    assert await shop.post("payment_intents", declined, key="k1", status=402) == first
    await shop.post("payment_intents", FORM | {"amount": "x"}, key="k2", status=400)
    assert (await shop.post("payment_intents", FORM, key="k2"))["status"] == "succeeded"


async def test_a_key_is_forgotten_after_a_day_and_then_pays_again(shop: Shop) -> None:
    first = await shop.post("payment_intents", FORM, key="k1")
    await shop.act("clock", skip_seconds=DAY)
    assert (await shop.post("payment_intents", FORM, key="k1"))["id"] != first["id"]


async def test_a_search_finds_metadata_a_minute_late_and_a_list_finds_it_at_once(shop: Shop) -> None:
    customer = (await shop.post("customers"))["id"]
    intent = await shop.pay(customer=customer, **{"metadata[attempt_id]": "it's"})
    query = r"metadata['attempt_id']:'it\'s'"
    assert (await _search(shop, query))["data"] == []
    assert [one["id"] for one in (await shop.get(f"payment_intents?customer={customer}"))["data"]] == [intent["id"]]
    await shop.act("clock", skip_seconds=61)
    assert [one["id"] for one in (await _search(shop, query))["data"]] == [intent["id"]]
    assert (await _search(shop, "metadata['attempt_id']:'else' AND currency:'eur'"))["data"] == []


@pytest.mark.parametrize("query", ["", "metadata", "name:'x'", "status='succeeded'"])
async def test_a_query_that_stripe_would_not_understand_is_refused(shop: Shop, query: str) -> None:
    response = await shop.client.get("/v1/payment_intents/search", params={"query": query})
    assert response.json()["error"]["param"] == "query"


async def _search(shop: Shop, query: str) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = (
        await shop.client.get("/v1/payment_intents/search", params={"query": query})
    ).json()
    return found


async def test_lists_are_in_pages_from_new_to_old(shop: Shop) -> None:
    made = [(await shop.pay())["id"] for _ in range(5)][::-1]
    first = await shop.get("payment_intents?limit=3")
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (made[:3], True)
    rest = await shop.get(f"payment_intents?limit=3&starting_after={made[2]}")
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (made[3:], False)


async def test_a_lost_request_is_not_carried_out_and_a_lost_response_is(shop: Shop) -> None:
    await shop.act("faults", next=["lost_request", "lost_response", "too_many_requests"])
    seen = []
    for _ in range(3):
        response = await shop.client.post("/v1/payment_intents", data=FORM, headers={"Idempotency-Key": "k1"})
        seen.append((response.status_code, len((await shop.get("payment_intents"))["data"])))
    assert seen == [(504, 0), (504, 1), (429, 1)]
    assert (await shop.post("payment_intents", FORM, key="k1"))["status"] == "succeeded"
    assert len((await shop.get("payment_intents"))["data"]) == 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk_test_other"}, {"Authorization": "Basic %%"}])
async def test_without_the_secret_key_nothing_is_shown(shop: Shop, headers: dict[str, str]) -> None:
    response = await shop.client.get("/v1/events", headers={"Authorization": "", **headers})
    assert response.status_code == 401


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path / "bank.sqlite") as shop:
        hold = await shop.hold()
        await shop.post("payment_intents", FORM, key="k1")
        await shop.act("clock", skip_seconds=3 * DAY)
        now = (await shop.act("clock", skip_seconds=0))["now"]
    async with open_shop(tmp_path / "bank.sqlite") as shop:
        assert (await shop.act("clock", skip_seconds=0))["now"] >= now
        assert (await shop.get(f"payment_intents/{hold['id']}"))["status"] == "requires_capture"
        await shop.act("clock", skip_seconds=2 * DAY)
        assert (await shop.get(f"payment_intents/{hold['id']}"))["status"] == "canceled"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("clock", {"skip_seconds": -1}),
        ("clock", {"skip_seconds": 1e12}),
        ("clock", {"skip_seconds": True}),
        ("clock", {}),
        ("faults", {"next": ["flood"]}),
        ("faults", {"next": [["lost_request"]]}),
        ("faults", {"next": "lost"}),
    ],
)
async def test_bad_acts_are_refused(shop: Shop, path: str, wanted: dict[str, object]) -> None:
    assert (await shop.act(path, status=400, **wanted))["error"]["param"] in wanted.keys() | {"skip_seconds"}


@pytest.mark.parametrize("body", [b"rubbish", b"[1]", b"null", b"\xff", b'{"skip_seconds": NaN}'])
async def test_an_act_without_a_json_object_is_refused(shop: Shop, body: bytes) -> None:
    assert (await shop.client.post("/_simulator/clock", content=body)).status_code == 400


@pytest.mark.parametrize("body", [b"\xff", b"amount=%ff", b"a=1&" * 1001])
async def test_a_body_that_is_no_form_is_refused(shop: Shop, body: bytes) -> None:
    response = await shop.client.post("/v1/payment_intents", content=body)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "created[gte]=x", "starting_after=pi_none", "other=1"])
async def test_a_list_with_a_wrong_parameter_is_refused(shop: Shop, query: str) -> None:
    assert (await shop.client.get(f"/v1/payment_intents?{query}")).status_code == 400
