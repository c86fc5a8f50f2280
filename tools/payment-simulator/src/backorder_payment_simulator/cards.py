"""Stripe's test cards: https://docs.stripe.com/testing, the ones that a shop's program has to cope with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backorder_payment_simulator.wire import WireObject, missing

DAY = 24 * 3600
VISA_OFF_SESSION_HOLD = 4 * DAY + 18 * 3600
"""How long Visa holds money when the customer is not there: https://docs.stripe.com/payments/place-a-hold."""
HOLD = 7 * DAY
"""How long any other hold lasts."""


class Authentication(StrEnum):
    """When the customer must authenticate: never, unless the card was set up for later, or each time."""

    NEVER = "never"
    UNLESS_SET_UP = "unless_set_up"
    ALWAYS = "always"


class RefundFate(StrEnum):
    """What becomes of a refund."""

    SUCCEEDS = "succeeds"
    PENDS = "pends"
    FAILS_LATER = "fails_later"


@dataclass(frozen=True, slots=True)
class TestCard:
    """How a card, or an account, behaves. ``declined`` is the bank's code; ``slow``: the bank takes its time."""

    number: str
    brand: str = "visa"
    declined: str | None = None
    authentication: Authentication = Authentication.NEVER
    refund: RefundFate = RefundFate.SUCCEEDS
    disputed: bool = False
    slow: bool = False
    slowly_declined: bool = False

    @property
    def kind(self) -> str:
        """The type of payment method."""
        return "us_bank_account" if self.slow else "card"

    def hold_seconds(self, *, off_session: bool) -> int:
        """How long a hold lasts."""
        return VISA_OFF_SESSION_HOLD if off_session and self.brand == "visa" else HOLD


TEST_CARDS = {
    "pm_card_visa": TestCard("4242424242424242"),
    "pm_card_mastercard": TestCard("5555555555554444", "mastercard"),
    "pm_card_amex": TestCard("378282246310005", "amex"),
    "pm_card_chargeDeclined": TestCard("4000000000000002", declined="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": TestCard("4000000000009995", declined="insufficient_funds"),
    "pm_card_chargeDeclinedLostCard": TestCard("4000000000009987", declined="lost_card"),
    "pm_card_chargeDeclinedExpiredCard": TestCard("4000000000000069", declined="expired_card"),
    "pm_card_chargeCustomerFail": TestCard("4000000000000341", declined="generic_decline"),
    "pm_card_authenticationRequired": TestCard("4000002760003184", authentication=Authentication.ALWAYS),
    "pm_card_authenticationRequiredOnSetup": TestCard("4000002500003155", authentication=Authentication.UNLESS_SET_UP),
    "pm_card_pendingRefund": TestCard("4000000000007726", refund=RefundFate.PENDS),
    "pm_card_refundFail": TestCard("4000000000005126", refund=RefundFate.FAILS_LATER),
    "pm_card_createDispute": TestCard("4000000000000259", disputed=True),
    "pm_usBankAccount_success": TestCard("000123456789", "bank", slow=True),
    "pm_usBankAccount_insufficientFunds": TestCard("000222222227", "bank", slow=True, slowly_declined=True),
}
"""By the name that stands for a card in requests. Stripe's documentation has them under "PaymentMethods"."""

_BY_NUMBER = {card.number: card for card in TEST_CARDS.values()}


def card_named(name: str) -> TestCard:
    """The card behind a name of the documentation; raises ApiError."""
    card = TEST_CARDS.get(name)
    if card is None:
        raise missing("PaymentMethod", name)
    return card


def card_of(method: WireObject) -> TestCard:
    """The card behind a stored payment method."""
    return _BY_NUMBER[method["_number"]]
