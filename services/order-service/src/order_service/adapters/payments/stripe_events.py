"""Stripe's webhooks: who signed them, when, and which object they are about. What they say of it is not read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import stripe

from order_service.adapters.payments.stripe_client import StripeAccount
from order_service.application.payments.ports import InvalidSignature, ProviderEvent

TOLERANCE = timedelta(minutes=5)
"""How far the moment of the signature may be from now: a request that was recorded is not played again later."""

_OF_ITS_INTENT = "charge"
"""The kind of object that we know by its payment intent."""


def verified_event(
    account: StripeAccount, headers: Mapping[str, str], body: bytes, now: datetime, provider: str
) -> ProviderEvent:
    """The event in a request that Stripe signed for this account. Raises InvalidSignature.

    Refused are bodies that were not signed with one of our secrets, or more than five minutes ago or ahead, and events
    of another account or of test mode where real money moves, or the other way round.
    """
    header = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
    _verify_signature(account.webhook_secrets, header, body)
    signed_at = _moment_of(header)
    if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
        raise InvalidSignature("the signature is not of the last five minutes")
    try:
        event = json.loads(body)
        if event.get("account") is not None or bool(event["livemode"]) is not account.is_live:
            raise InvalidSignature("the event is of another account, or of the other mode")
        return ProviderEvent(provider, str(event["id"]), str(event["type"]), _object_id(event["data"]["object"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidSignature("the body is no event of Stripe") from error


def _verify_signature(secrets: tuple[str, ...], header: str, body: bytes) -> None:
    for secret in secrets:
        try:
            # The tolerance is ours: the library reads a clock of its own.
            stripe.WebhookSignature.verify_header(body, header, secret)
        except (stripe.SignatureVerificationError, UnicodeError, TypeError):
            # TypeError: the library compares strings, and Python refuses to where they are not ASCII.
            continue
        return
    raise InvalidSignature("no secret of ours made this signature")


def _moment_of(header: str) -> int:
    """The signed moment, in seconds since 1970; the signature was verified, so there is one."""
    # As the library reads it, whose signature covers this moment: " t=…" and a second "t=…" are not signed.
    return next(int(part[2:]) for part in header.split(",") if part.startswith("t="))


def _object_id(item: Mapping[str, Any]) -> str:
    named = item.get("payment_intent") if item.get("object") == _OF_ITS_INTENT else None
    return str(named or item["id"])
