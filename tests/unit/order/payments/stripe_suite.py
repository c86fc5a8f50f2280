"""What the Stripe adapter promises. Run on the simulator; the requests it makes go to Stripe's own mock server too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.order.payments.stripe_shop import StripeShop

from order_service.application.payments.ports import ProviderUnavailable
from order_service.domain.payments.attempts import AttemptKind, AttemptState, Outcome
from order_service.domain.payments.disputes import DisputeState

CHARGE, HOLD, CAPTURE, VOID, REFUND = AttemptKind
DAY = 24 * 3600


async def a_card_is_set_up_and_charged(shop: StripeShop) -> None:
    setup = await shop.set_up()
    assert (setup.provider, setup.setup_id[:5]) == ("stripe", "seti_")
    charge, outcome = await shop.do(CHARGE)
    assert (outcome.state, outcome.reference and outcome.reference[:3]) == (AttemptState.SUCCEEDED, "pi_")
    assert await shop.fetch(charge) == outcome
    [intent] = shop.bank.store.newest("payment_intent")
    assert intent["metadata"] == {"attempt_id": charge.attempt_id, "payment_id": "payment-1", "order_id": "order-1"}


async def a_payment_method_of_a_customer_is_charged_too(shop: StripeShop) -> None:
    await shop.set_up()
    [setup] = shop.bank.store.newest("setup_intent")
    shop.payment.method = setup["payment_method"]
    _, outcome = await shop.do(CHARGE)
    assert outcome.state is AttemptState.SUCCEEDED


async def a_method_that_is_not_set_up_or_unknown_is_refused(shop: StripeShop) -> None:
    shop.payment.method = (await shop.provider.set_up(None, None)).setup_id
    unfinished, outcome = await shop.do(CHARGE)
    assert outcome == Outcome(AttemptState.FAILED, reason="method_not_set_up")
    shop.payment.method = "pm_unknown"
    unknown, outcome = await shop.do(CHARGE)
    assert outcome == Outcome(AttemptState.FAILED, reason="resource_missing")
    assert [await shop.find(unfinished), await shop.find(unknown)] == [None, None]
    assert shop.count("payment_intent") == 0


async def a_decline_says_why(shop: StripeShop) -> None:
    for card, reason in (
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclined", "generic_decline"),
    ):
        await shop.set_up(card)
        for kind in (CHARGE, HOLD):
            attempt, outcome = await shop.do(kind)
            assert (outcome.state, outcome.reason) == (AttemptState.FAILED, reason)
            assert await shop.fetch(attempt) == outcome


async def a_card_that_was_authenticated_when_it_was_set_up_needs_no_customer(shop: StripeShop) -> None:
    await shop.set_up("pm_card_authenticationRequiredOnSetup")
    _, outcome = await shop.do(CHARGE)
    assert outcome.state is AttemptState.SUCCEEDED


async def a_bank_that_wants_the_customer_gets_them(shop: StripeShop) -> None:
    await shop.set_up("pm_card_authenticationRequired")
    for kind in (CHARGE, HOLD):
        attempt, outcome = await shop.do(kind)
        assert outcome.state is AttemptState.ACTION_REQUIRED
        assert outcome.action_url == f"http://simulator/_simulator/authenticate/{outcome.reference}"
        assert await shop.fetch(attempt) == outcome
        back = await shop.browser.post(outcome.action_url, data={"outcome": "succeed"})
        assert back.headers["Location"].startswith("https://shop.example/back?")
        outcome = await shop.fetch(attempt)
        assert (outcome.state, outcome.action_url) == (AttemptState.SUCCEEDED, None)
        assert (outcome.ends_at is not None) is (kind is HOLD)


async def a_customer_who_does_not_authenticate_has_not_paid(shop: StripeShop) -> None:
    await shop.set_up("pm_card_authenticationRequired")
    attempt, outcome = await shop.do(CHARGE)
    await shop.act(f"payment_intents/{outcome.reference}/authenticate", succeeds=False)
    outcome = await shop.fetch(attempt)
    assert (outcome.state, outcome.reason) == (AttemptState.FAILED, "payment_intent_authentication_failure")
    assert await shop.submit(attempt) == outcome


async def an_attempt_that_waits_for_the_customer_is_given_up(shop: StripeShop) -> None:
    await shop.set_up("pm_card_authenticationRequired")
    attempt, _ = await shop.do(CHARGE)
    given_up = await shop.provider.abandon(shop.payment, attempt)
    assert given_up.state is AttemptState.CANCELLED
    assert await shop.provider.abandon(shop.payment, attempt) == given_up
    attempt, outcome = await shop.do(CHARGE)
    await shop.act(f"payment_intents/{outcome.reference}/authenticate", succeeds=True)
    assert (await shop.provider.abandon(shop.payment, attempt)).state is AttemptState.SUCCEEDED


async def sending_the_customer_to_the_bank_survives_lost_responses(shop: StripeShop) -> None:
    await shop.set_up("pm_card_authenticationRequired")
    for faults in (("lost_response",), ("none", "lost_request"), ("none", "lost_response")):
        attempt = shop.attempt(CHARGE)
        await shop.lose(attempt, *faults)
        assert (await shop.submit(attempt)).state is AttemptState.ACTION_REQUIRED
    found = shop.attempt(CHARGE)
    await shop.lose(found, "none", "lost_request")
    outcome = await shop.find(found)
    assert outcome is not None
    assert outcome.state is AttemptState.ACTION_REQUIRED
    assert shop.count("payment_intent") == 4


async def a_hold_is_captured_once_and_in_part(shop: StripeShop) -> None:
    await shop.set_up()
    hold, held = await shop.do(HOLD)
    assert held.ends_at is not None
    assert timedelta(days=4.7) < held.ends_at - hold.created_at < timedelta(days=4.8)
    capture, outcome = await shop.do(CAPTURE, 600, hold)
    assert outcome == Outcome(AttemptState.SUCCEEDED, hold.reference)
    assert await shop.fetch(capture) == outcome
    assert (await shop.fetch(hold)).state is AttemptState.SUCCEEDED
    second, outcome = await shop.do(CAPTURE, 400, hold)
    assert (outcome.state, outcome.reason) == (AttemptState.FAILED, "intent_is_succeeded")
    assert await shop.find(second) == outcome
    [charge] = shop.bank.store.newest("charge")
    assert (charge["amount_captured"], charge["captured"]) == (600, True)


async def a_hold_that_has_ended_is_not_captured(shop: StripeShop) -> None:
    await shop.set_up()
    hold, _ = await shop.do(HOLD)
    await shop.skip(5 * DAY)
    assert (await shop.fetch(hold)).state is AttemptState.CANCELLED
    capture, outcome = await shop.do(CAPTURE, 600, hold)
    assert (outcome.state, outcome.reason) == (AttemptState.CANCELLED, "automatic")
    assert await shop.find(capture) == outcome
    assert (await shop.do(VOID, of=hold))[1].state is AttemptState.SUCCEEDED


async def a_hold_is_let_go(shop: StripeShop) -> None:
    await shop.set_up()
    hold, _ = await shop.do(HOLD)
    void, outcome = await shop.do(VOID, of=hold)
    assert outcome == Outcome(AttemptState.SUCCEEDED, hold.reference)
    assert [await shop.submit(void), await shop.fetch(void), await shop.find(void)] == [outcome] * 3
    assert (await shop.do(CAPTURE, of=hold))[1].state is AttemptState.CANCELLED


async def a_hold_that_was_captured_is_not_let_go(shop: StripeShop) -> None:
    await shop.set_up()
    hold, _ = await shop.do(HOLD)
    await shop.do(CAPTURE, of=hold)
    assert (await shop.do(VOID, of=hold))[1].state is AttemptState.CANCELLED


async def a_charge_is_refunded_in_parts_up_to_what_was_taken(shop: StripeShop) -> None:
    await shop.set_up()
    charge, _ = await shop.do(CHARGE)
    refund, outcome = await shop.do(REFUND, 400, charge)
    assert (outcome.state, outcome.reference and outcome.reference[:3]) == (AttemptState.SUCCEEDED, "re_")
    assert [await shop.submit(refund), await shop.fetch(refund), await shop.find(refund)] == [outcome] * 3
    assert (await shop.do(REFUND, 601, charge))[1].state is AttemptState.FAILED
    assert (await shop.do(REFUND, 600, charge))[1].state is AttemptState.SUCCEEDED
    none_left = (await shop.do(REFUND, 1, charge))[1]
    assert (none_left.state, none_left.reason) == (AttemptState.FAILED, "charge_already_refunded")


async def what_was_captured_of_a_hold_is_refunded(shop: StripeShop) -> None:
    await shop.set_up()
    hold, _ = await shop.do(HOLD)
    capture, _ = await shop.do(CAPTURE, 600, hold)
    assert (await shop.do(REFUND, 600, capture))[1].state is AttemptState.SUCCEEDED
    assert (await shop.do(REFUND, 1, capture))[1].state is AttemptState.FAILED


async def a_refund_pends(shop: StripeShop) -> None:
    await shop.set_up("pm_card_pendingRefund")
    charge, _ = await shop.do(CHARGE)
    refund, outcome = await shop.do(REFUND, 400, charge)
    assert outcome.state is AttemptState.PENDING
    await shop.skip(60)
    assert (await shop.fetch(refund)).state is AttemptState.SUCCEEDED
    assert (await shop.submit(refund)).state is AttemptState.SUCCEEDED


async def a_refund_fails_after_it_has_succeeded(shop: StripeShop) -> None:
    await shop.set_up("pm_card_refundFail")
    charge, _ = await shop.do(CHARGE)
    refund, outcome = await shop.do(REFUND, 1000, charge)
    assert outcome.state is AttemptState.SUCCEEDED
    await shop.skip(120)
    outcome = await shop.fetch(refund)
    assert (outcome.state, outcome.reason) == (AttemptState.FAILED, "expired_or_canceled_card")
    assert await shop.find(refund) == outcome
    assert (await shop.do(REFUND, 1000, charge))[1].state is AttemptState.SUCCEEDED


async def a_bank_account_takes_its_time(shop: StripeShop) -> None:
    for account, state in (
        ("pm_usBankAccount_success", AttemptState.SUCCEEDED),
        ("pm_usBankAccount_insufficientFunds", AttemptState.FAILED),
    ):
        await shop.set_up(account)
        charge, outcome = await shop.do(CHARGE)
        assert outcome.state is AttemptState.PENDING
        await shop.skip(60)
        assert (await shop.fetch(charge)).state is state
        assert (await shop.do(HOLD))[1].state is AttemptState.FAILED


async def a_repeated_request_takes_effect_once_and_tells_what_is_true_now(shop: StripeShop) -> None:
    await shop.set_up()
    hold, outcome = await shop.do(HOLD)
    assert await shop.submit(hold) == outcome
    await shop.skip(5 * DAY - 4 * DAY)
    assert shop.count("payment_intent") == 1
    hold, _ = await shop.do(HOLD)
    await shop.provider.submit(shop.payment, shop.attempt(VOID, of=hold))
    assert (await shop.submit(hold)).state is AttemptState.CANCELLED


async def a_repeated_key_with_another_body_tells_what_came_of_the_first(shop: StripeShop) -> None:
    await shop.set_up()
    charge, outcome = await shop.do(CHARGE)
    charge.amount = 999
    assert await shop.submit(charge) == outcome
    refund, refunded = await shop.do(REFUND, 300, charge)
    refund.amount = 299
    assert await shop.submit(refund) == refunded
    assert (shop.count("payment_intent"), shop.count("refund")) == (1, 1)


async def what_was_lost_is_found_by_its_id(shop: StripeShop) -> None:
    await shop.set_up()
    for kind, amount in ((CHARGE, 1000), (HOLD, 1000)):
        sent, lost = shop.attempt(kind, amount), shop.attempt(kind, amount)
        await shop.lose(sent, "lost_response")
        await shop.lose(lost, "lost_request")
        found = await shop.find(sent)
        assert found is not None
        assert found.state is AttemptState.SUCCEEDED
        assert await shop.find(lost) is None
    charge, _ = await shop.do(CHARGE)
    hold, _ = await shop.do(HOLD)
    for kind, of in ((REFUND, charge), (CAPTURE, hold)):
        lost, sent = shop.attempt(kind, 500, of), shop.attempt(kind, 500, of)
        await shop.lose(lost, "lost_request")
        assert await shop.find(lost) is None
        await shop.lose(sent, "lost_response")
        found = await shop.find(sent)
        assert found is not None
        assert found.state is AttemptState.SUCCEEDED
    hold, _ = await shop.do(HOLD)
    void = shop.attempt(VOID, of=hold)
    await shop.lose(void, "lost_request")
    assert await shop.find(void) is None
    await shop.lose(void, "lost_response")
    found = await shop.find(void)
    assert found is not None
    assert found.state is AttemptState.SUCCEEDED


async def what_was_lost_is_found_after_the_key_was_forgotten(shop: StripeShop) -> None:
    await shop.set_up()
    charge = shop.attempt(CHARGE)
    await shop.lose(charge, "lost_response")
    for _ in range(101):
        await shop.do(CHARGE, 1)
    await shop.skip(23 * 3600)
    found = await shop.find(charge)
    assert found is not None
    assert found.state is AttemptState.SUCCEEDED


async def a_method_without_a_customer_is_searched_for(shop: StripeShop) -> None:
    shop.payment.method = "pm_card_visa"
    charge, other = shop.attempt(CHARGE), shop.attempt(CHARGE)
    await shop.lose(charge, "lost_response")
    await shop.skip(23 * 3600)
    found = await shop.find(charge)
    assert found is not None
    assert found.state is AttemptState.SUCCEEDED
    assert await shop.find(other) is None


async def what_stripe_does_not_decide_is_not_known(shop: StripeShop) -> None:
    await shop.set_up()
    charge = shop.attempt(CHARGE)
    for fault in ("lost_request", "lost_response", "too_many_requests", "key_in_use"):
        await shop.lose(charge, fault)
    assert (await shop.submit(charge)).state is AttemptState.SUCCEEDED
    assert shop.count("payment_intent") == 1
    with pytest.raises(ProviderUnavailable):
        await shop.provider.dispute("dp_unknown")


async def a_disputed_charge_is_reported_and_not_refunded(shop: StripeShop) -> None:
    await shop.set_up("pm_card_createDispute")
    charge, outcome = await shop.do(CHARGE)
    [made] = shop.bank.store.newest("dispute")
    reported = await shop.provider.dispute(made["id"])
    assert reported is not None
    assert (reported.reference, reported.amount, reported.state) == (outcome.reference, 1000, DisputeState.OPEN)
    refused = (await shop.do(REFUND, 1000, charge))[1]
    assert (refused.state, refused.reason) == (AttemptState.FAILED, "charge_disputed")
    await shop.act(f"disputes/{made['id']}/close", won=True)
    reported = await shop.provider.dispute(made["id"])
    assert reported is not None
    assert reported.state is DisputeState.WON


async def a_disputed_charge_is_lost(shop: StripeShop) -> None:
    await shop.set_up()
    charge, _ = await shop.do(CHARGE)
    made = await shop.act(f"payment_intents/{charge.reference}/dispute", amount=300)
    await shop.act(f"disputes/{made['id']}/close", won=False)
    reported = await shop.provider.dispute(made["id"])
    assert reported is not None
    assert (reported.amount, reported.state) == (300, DisputeState.LOST)


BEHAVIOURS = (
    a_card_is_set_up_and_charged,
    a_payment_method_of_a_customer_is_charged_too,
    a_method_that_is_not_set_up_or_unknown_is_refused,
    a_decline_says_why,
    a_card_that_was_authenticated_when_it_was_set_up_needs_no_customer,
    a_bank_that_wants_the_customer_gets_them,
    a_customer_who_does_not_authenticate_has_not_paid,
    an_attempt_that_waits_for_the_customer_is_given_up,
    sending_the_customer_to_the_bank_survives_lost_responses,
    a_hold_is_captured_once_and_in_part,
    a_hold_that_has_ended_is_not_captured,
    a_hold_is_let_go,
    a_hold_that_was_captured_is_not_let_go,
    a_charge_is_refunded_in_parts_up_to_what_was_taken,
    what_was_captured_of_a_hold_is_refunded,
    a_refund_pends,
    a_refund_fails_after_it_has_succeeded,
    a_bank_account_takes_its_time,
    a_repeated_request_takes_effect_once_and_tells_what_is_true_now,
    a_repeated_key_with_another_body_tells_what_came_of_the_first,
    what_was_lost_is_found_by_its_id,
    what_was_lost_is_found_after_the_key_was_forgotten,
    a_method_without_a_customer_is_searched_for,
    what_stripe_does_not_decide_is_not_known,
    a_disputed_charge_is_reported_and_not_refunded,
    a_disputed_charge_is_lost,
)
"""Each gets a shop of its own."""
