"""The Stripe adapter keeps what its suite promises, in front of the payment simulator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from tests.unit.order.payments.stripe_shop import StripeShop, open_stripe_shop
from tests.unit.order.payments.stripe_suite import BEHAVIOURS, CHARGE, REFUND

from order_service.adapters.payments.stripe_amounts import NotPayable, from_stripe, to_stripe
from order_service.domain.payments.attempts import AttemptState, Outcome


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
async def test_on_the_simulator(behaviour: Callable[[StripeShop], Awaitable[None]]) -> None:
    async with open_stripe_shop() as shop:
        await behaviour(shop)


@pytest.mark.parametrize(("currency", "sent"), [("JPY", 1000), ("KWD", 1000), ("UGX", 100_000), ("MGA", 10)])
async def test_amounts_are_sent_as_stripe_wants_them(currency: str, sent: int) -> None:
    async with open_stripe_shop(currency) as shop:
        await shop.set_up("pm_card_createDispute")
        await shop.do(CHARGE, 1000)
        [intent] = shop.bank.store.newest("payment_intent")
        [dispute] = shop.bank.store.newest("dispute")
        reported = await shop.provider.dispute(dispute["id"])
    assert (intent["amount"], intent["currency"]) == (sent, currency.lower())
    assert reported is not None
    assert reported.amount == 1000


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 1001), ("MGA", 150)])
async def test_an_amount_that_stripe_cannot_move_is_refused_and_not_rounded(currency: str, amount: int) -> None:
    async with open_stripe_shop(currency) as shop:
        await shop.set_up()
        charge, outcome = await shop.do(CHARGE, amount)
        assert outcome == Outcome(AttemptState.FAILED, reason="amount_not_payable")
        assert (await shop.do(REFUND, amount, charge))[1].reason == "amount_not_payable"
        assert shop.count("payment_intent") == 0


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "UGX", "ISK", "MGA"])
def test_what_is_sent_comes_back_as_it_was(currency: str) -> None:
    for amount in range(0, 2000):
        try:
            sent = to_stripe(amount, currency)
        except NotPayable:
            continue
        assert from_stripe(sent, currency) == amount
