"""Charges and holds at the simulator do what Stripe's documentation says they do."""

from __future__ import annotations

import pytest
from tests.unit.payment_simulator.shop import DAY, Shop


async def test_a_good_card_is_charged_at_once(shop: Shop) -> None:
    intent = await shop.pay(**{"metadata[attempt_id]": "a1"})
    assert (intent["status"], intent["amount_received"], intent["metadata"]) == (
        "succeeded",
        1000,
        {"attempt_id": "a1"},
    )
    assert (await shop.get(f"charges/{intent['latest_charge']}"))["amount_captured"] == 1000
    assert (await shop.told())[-2:] == ["charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("card", "code", "reason"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_a_decline_is_an_error_that_carries_the_intent(shop: Shop, card: str, code: str, reason: str) -> None:
    error = (await shop.pay(card, 402))["error"]
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, reason)
    stored = await shop.get(f"payment_intents/{error['payment_intent']['id']}")
    assert (stored["status"], stored["last_payment_error"]["decline_code"]) == ("requires_payment_method", reason)


async def test_a_card_that_wants_its_customer_declines_without_and_waits_with_the_customer(shop: Shop) -> None:
    error = (await shop.pay("pm_card_authenticationRequired", 402))["error"]
    assert error["code"] == "authentication_required"
    path = f"payment_intents/{error['payment_intent']['id']}"
    form = {"payment_method": "pm_card_authenticationRequired", "return_url": "https://shop.example/back"}
    waiting = await shop.post(f"{path}/confirm", form)
    assert waiting["status"] == "requires_action"
    page = waiting["next_action"]["redirect_to_url"]["url"]
    assert "EUR" in (await shop.client.get(page)).text
    back = await shop.client.post(page, data={"outcome": "succeed"})
    assert back.headers["Location"].startswith("https://shop.example/back?payment_intent=pi_")
    assert (await shop.get(path))["status"] == "succeeded"


async def test_a_customer_who_fails_to_authenticate_has_not_paid(shop: Shop) -> None:
    form = {"off_session": "false", "return_url": "https://shop.example/back"}
    waiting = await shop.pay("pm_card_authenticationRequired", **form)
    await shop.act(f"payment_intents/{waiting['id']}/authenticate", succeeds=False)
    stored = await shop.get(f"payment_intents/{waiting['id']}")
    assert stored["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    await shop.act(f"payment_intents/{waiting['id']}/authenticate", succeeds=True, status=400)


async def test_a_hold_is_captured_once_and_in_part(shop: Shop) -> None:
    hold = await shop.hold()
    assert (hold["status"], hold["amount_capturable"]) == ("requires_capture", 1000)
    taken = await shop.post(f"payment_intents/{hold['id']}/capture", {"amount_to_capture": "600"})
    assert (taken["status"], taken["amount_received"], taken["amount_capturable"]) == ("succeeded", 600, 0)
    error = (await shop.post(f"payment_intents/{hold['id']}/capture", status=400))["error"]
    assert (error["code"], error["payment_intent"]["status"]) == ("payment_intent_unexpected_state", "succeeded")


async def test_no_more_is_captured_than_is_held(shop: Shop) -> None:
    hold = await shop.hold()
    too_much = {"amount_to_capture": "1001"}
    error = (await shop.post(f"payment_intents/{hold['id']}/capture", too_much, status=400))["error"]
    assert error["code"] == "amount_too_large"
    assert (await shop.get(f"payment_intents/{hold['id']}"))["amount_capturable"] == 1000


@pytest.mark.parametrize(
    ("card", "off_session", "days"),
    [("pm_card_visa", "true", 4.75), ("pm_card_visa", "false", 7), ("pm_card_mastercard", "true", 7)],
)
async def test_a_hold_ends_by_itself(shop: Shop, card: str, off_session: str, days: float) -> None:
    hold = await shop.hold(card, off_session=off_session, return_url="https://shop.example/back")
    charge = hold["latest_charge"]
    assert charge["payment_method_details"]["card"]["capture_before"] - charge["created"] == pytest.approx(
        days * DAY, abs=2
    )
    await shop.act("clock", skip_seconds=days * DAY - 60)
    assert (await shop.get(f"payment_intents/{hold['id']}"))["status"] == "requires_capture"
    await shop.act("clock", skip_seconds=61)
    ended = await shop.get(f"payment_intents/{hold['id']}")
    assert (ended["status"], ended["cancellation_reason"]) == ("canceled", "automatic")
    assert "payment_intent.canceled" in await shop.told()


async def test_a_hold_is_let_go_and_not_captured_after_that(shop: Shop) -> None:
    hold = await shop.hold()
    gone = await shop.post(f"payment_intents/{hold['id']}/cancel", {"cancellation_reason": "abandoned"})
    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "abandoned")
    await shop.post(f"payment_intents/{hold['id']}/capture", status=400)
    await shop.post(f"payment_intents/{hold['id']}/cancel", status=400)


@pytest.mark.parametrize(
    ("account", "status"),
    [("pm_usBankAccount_success", "succeeded"), ("pm_usBankAccount_insufficientFunds", "requires_payment_method")],
)
async def test_a_bank_account_takes_its_time(shop: Shop, account: str, status: str) -> None:
    intent = await shop.pay(account)
    assert intent["status"] == "processing"
    await shop.act("clock", skip_seconds=60)
    assert (await shop.get(f"payment_intents/{intent['id']}"))["status"] == status


async def test_a_card_that_was_set_up_is_charged_without_its_customer(shop: Shop) -> None:
    customer = (await shop.post("customers", {"metadata[shop]": "c1"}))["id"]
    setup = await shop.post("setup_intents", {"customer": customer, "usage": "off_session"})
    card = "pm_card_authenticationRequiredOnSetup"
    await shop.pay(card, 402)
    assert (await shop.post(f"setup_intents/{setup['id']}/confirm", {"payment_method": card}))["status"] == (
        "requires_action"
    )
    await shop.act(f"setup_intents/{setup['id']}/authenticate", succeeds=True)
    done = await shop.get(f"setup_intents/{setup['id']}")
    assert done["status"] == "succeeded"
    assert (await shop.pay(done["payment_method"], customer=customer))["status"] == "succeeded"
    error = (await shop.pay(done["payment_method"], 400))["error"]
    assert "attached to a customer" in error["message"]


async def test_a_browser_confirms_with_the_public_key_and_the_secret_of_its_object_only(shop: Shop) -> None:
    setup = await shop.post("setup_intents")
    form = {"payment_method": "pm_card_visa", "client_secret": "guessed"}
    browser = {"Authorization": "Bearer pk_test_simulator"}
    path = f"/v1/setup_intents/{setup['id']}/confirm"
    assert (await shop.client.post(path, data=form, headers=browser)).status_code == 401
    form["client_secret"] = setup["client_secret"]
    assert (await shop.client.post(path, data=form, headers=browser)).status_code == 200
    assert (await shop.client.get("/v1/events", headers=browser)).status_code == 401


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount": "100000000"}, "amount"),
        ({"currency": "EURO"}, "currency"),
        ({"unheard_of": "1"}, "unheard_of"),
        ({"payment_method_types[0]": "card"}, "payment_method_types[0]"),
        ({"off_session": "false"}, "return_url"),
        ({"capture_method": "later"}, "capture_method"),
        ({"customer": "cus_nobody"}, "id"),
        ({"metadata[x]": "y" * 501}, "metadata[x]"),
    ],
)
async def test_bad_parameters_are_named_and_change_nothing(shop: Shop, form: dict[str, str], param: str) -> None:
    good = {"amount": "1000", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
    good["off_session"] = "true"
    response = await shop.client.post("/v1/payment_intents", data=good | form)
    assert response.status_code in (400, 404)
    assert response.json()["error"]["param"] == param
    assert await shop.told() == []
