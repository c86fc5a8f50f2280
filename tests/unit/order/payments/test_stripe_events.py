"""Webhooks are believed if Stripe signed them just now, for this account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.order.payments.stripe_shop import ACCOUNT, SECRET, object_of, open_stripe_shop
from tests.unit.order.payments.stripe_suite import CHARGE, REFUND

from backorder_payment_simulator.events import signature
from order_service.adapters.payments.stripe_client import StripeAccount
from order_service.adapters.payments.stripe_provider import StripeProvider
from order_service.application.payments.ports import InvalidSignature, ProviderEvent

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
EVENT: Mapping[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}


def signed(
    event: object = EVENT, *, secret: str = SECRET, at: datetime = NOW, account: StripeAccount = ACCOUNT
) -> ProviderEvent:
    """What the adapter makes of an event that was signed so, now."""
    body = event if isinstance(event, str) else json.dumps(event)
    headers = {"stripe-signature": signature(body, secret, int(at.timestamp()))}
    return StripeProvider(account).verify(headers, body.encode(), NOW)


def test_an_event_that_stripe_signed_names_its_object() -> None:
    assert signed() == ProviderEvent("stripe", "evt_1", "payment_intent.succeeded", "pi_1")


@pytest.mark.parametrize("seconds", [-299, 299])
def test_clocks_may_differ_by_some_minutes(seconds: int) -> None:
    assert signed(at=NOW + timedelta(seconds=seconds)).event_id == "evt_1"


@pytest.mark.parametrize("seconds", [-301, 301, -86400])
def test_an_event_that_was_signed_at_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidSignature, match="five minutes"):
        signed(at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("before", ["x=1, t={now},", " t={now},", "\tt={now},"])
def test_a_moment_that_was_not_signed_does_not_make_an_old_event_a_new_one(before: str) -> None:
    body = json.dumps(EVENT)
    old = signature(body, SECRET, int((NOW - timedelta(days=1)).timestamp()))
    header = before.format(now=int(NOW.timestamp())) + old
    with pytest.raises(InvalidSignature):
        StripeProvider(ACCOUNT).verify({"stripe-signature": header}, body.encode(), NOW)


def test_an_event_that_somebody_else_signed_is_refused() -> None:
    with pytest.raises(InvalidSignature, match="no secret"):
        signed(secret="whsec_of_somebody_else")


@pytest.mark.parametrize("secrets", [("whsec_new", SECRET), (SECRET, "whsec_new")])
def test_two_secrets_are_valid_while_they_are_exchanged(secrets: tuple[str, ...]) -> None:
    assert signed(account=replace(ACCOUNT, webhook_secrets=secrets)).event_id == "evt_1"


@pytest.mark.parametrize("secrets", [(), ("",), (" ",)])
def test_without_a_secret_nothing_is_believed(secrets: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSignature):
        signed(secret="".join(secrets), account=replace(ACCOUNT, webhook_secrets=secrets))


@pytest.mark.parametrize("change", [{"account": "acct_other"}, {"livemode": True}])
def test_an_event_of_another_account_or_mode_is_refused(change: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidSignature, match="another account"):
        signed({**EVENT, **change})


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x"])
def test_where_real_money_moves_an_event_of_the_test_mode_is_refused(key: str) -> None:
    live = replace(ACCOUNT, api_key=key)
    assert signed({**EVENT, "livemode": True}, account=live).event_id == "evt_1"
    with pytest.raises(InvalidSignature, match="another account"):
        signed(account=live)


@pytest.mark.parametrize("header", ["", "t=1", "v1=aa", "t=x,v1=aa", "t=1,v1=é", ",,,", "t=1774747800,v1=00"])
def test_a_signature_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(InvalidSignature):
        StripeProvider(ACCOUNT).verify({"Stripe-Signature": header}, json.dumps(EVENT).encode(), NOW)


def test_a_body_that_was_changed_is_refused() -> None:
    body = json.dumps(EVENT)
    headers = {"Stripe-Signature": signature(body, SECRET, int(NOW.timestamp()))}
    for forged in (body.replace("pi_1", "pi_2").encode(), b"\xff", b""):
        with pytest.raises(InvalidSignature):
            StripeProvider(ACCOUNT).verify(headers, forged, NOW)


@pytest.mark.parametrize(
    "body",
    ["[]", "no JSON", "1", "{}", '{"livemode": false}', '{"id": "e", "livemode": false, "type": "t", "data": 1}'],
)
def test_a_signed_body_that_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(InvalidSignature, match="no event"):
        signed(body)


async def test_what_the_simulator_tells_is_believed_and_names_objects_that_are_known() -> None:
    async with open_stripe_shop() as shop:
        await shop.set_up("pm_card_createDispute")
        charge, _ = await shop.do(CHARGE)
        await shop.do(REFUND, 100, charge)
        requests = await shop.webhooks()
        events = [shop.provider.verify(one.headers, one.content, datetime.now(UTC)) for one in requests]
    named = {event.kind: event.object_id for event in events}
    assert named["payment_intent.succeeded"] == named["charge.succeeded"] == charge.reference
    disputes = {object_of(one)["id"] for one in requests if object_of(one)["object"] == "dispute"}
    assert {named["charge.dispute.created"]} == disputes
