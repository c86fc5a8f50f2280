"""What Stripe's objects mean for an attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from order_service.domain.payments.attempts import AttemptKind, AttemptState, Outcome
from order_service.domain.payments.disputes import DisputeState

WireObject = Mapping[str, Any]
"""An object of Stripe's API, as it came over the wire."""

UNCAPTURED_LIFE = timedelta(days=7)
"""When Stripe cancels a hold of which it does not say how long the bank keeps it."""

AUTHENTICATION_REQUIRED = "authentication_required"
CAPTURED_BY = "captured_by"
"""The key of an intent's metadata that names the attempt which captured it."""

_INTENTS = {
    "processing": AttemptState.PENDING,
    "requires_action": AttemptState.ACTION_REQUIRED,
    "requires_capture": AttemptState.SUCCEEDED,
    "succeeded": AttemptState.SUCCEEDED,
    "canceled": AttemptState.CANCELLED,
}
"""The others (requires_payment_method, requires_confirmation) are dead ends: nobody but us would confirm them again."""

_REFUNDS = {
    "pending": AttemptState.PENDING,
    "requires_action": AttemptState.PENDING,
    "succeeded": AttemptState.SUCCEEDED,
}
"""The others (failed, canceled) leave the money with the merchant."""

_DISPUTES = {
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "appeal_under_review": DisputeState.OPEN,
    "lost": DisputeState.LOST,
    "won": DisputeState.WON,
    "prevented": DisputeState.WON,
}
"""The others (warning_…) are inquiries: no money has moved."""


def outcome_of_intent(intent: WireObject, kind: AttemptKind, attempt_id: str) -> Outcome:
    """How the attempt stands that made, captured or cancelled the intent."""
    if kind is AttemptKind.CAPTURE:
        return _outcome_of_capture(intent, attempt_id)
    if kind is AttemptKind.VOID:
        ended = intent["status"] == "canceled"
        return Outcome(AttemptState.SUCCEEDED if ended else AttemptState.CANCELLED, intent["id"])
    state = _INTENTS.get(intent["status"], AttemptState.FAILED)
    return Outcome(
        state,
        intent["id"],
        reason=None if state is not AttemptState.FAILED else reason_of(intent),
        ends_at=_ends_at(intent) if intent["status"] == "requires_capture" else None,
        action_url=_action_url(intent),
    )


def outcome_of_refund(refund: WireObject) -> Outcome:
    """How a refund stands."""
    state = _REFUNDS.get(refund["status"], AttemptState.FAILED)
    failed = state is AttemptState.FAILED
    return Outcome(state, refund["id"], reason=refund.get("failure_reason") or refund["status"] if failed else None)


def dispute_state(status: str) -> DisputeState | None:
    """How a dispute stands; None: it is an inquiry so far, and no money has moved."""
    return _DISPUTES.get(status)


def wants_customer(intent: WireObject) -> bool:
    """Whether the bank declined only because the customer was not there to authenticate."""
    return intent["status"] == "requires_payment_method" and reason_of(intent) == AUTHENTICATION_REQUIRED


def reason_of(intent: WireObject) -> str:
    """Why the bank did not agree, by the code that says most."""
    error: WireObject = intent["last_payment_error"] or {}
    return str(error.get("decline_code") or error.get("code") or error.get("type") or intent["status"])


def declined_method(intent: WireObject) -> str | None:
    """The payment method that was declined last: Stripe takes it off the intent."""
    error: WireObject = intent["last_payment_error"] or {}
    return id_of(error.get("payment_method"))


def id_of(item: str | WireObject | None) -> str | None:
    """The id of what Stripe names either by its id or as a whole."""
    return item if item is None or isinstance(item, str) else str(item["id"])


def _outcome_of_capture(intent: WireObject, attempt_id: str) -> Outcome:
    if intent["status"] == "succeeded" and intent["metadata"].get(CAPTURED_BY) == attempt_id:
        return Outcome(AttemptState.SUCCEEDED, intent["id"])
    if intent["status"] == "canceled":
        return Outcome(AttemptState.CANCELLED, intent["id"], reason=intent["cancellation_reason"] or "canceled")
    return Outcome(AttemptState.FAILED, intent["id"], reason=f"intent_is_{intent['status']}")


def _ends_at(intent: WireObject) -> datetime:
    """When the hold can no longer be captured; Stripe calls it ``capture_before``."""
    charge = intent["latest_charge"]
    details: WireObject = charge["payment_method_details"] if isinstance(charge, Mapping) else {}
    seconds = (details.get("card") or {}).get("capture_before")
    if seconds is None:
        return datetime.fromtimestamp(intent["created"], UTC) + UNCAPTURED_LIFE
    return datetime.fromtimestamp(seconds, UTC)


def _action_url(intent: WireObject) -> str | None:
    redirect = (intent["next_action"] or {}).get("redirect_to_url") or {}
    return redirect.get("url") if intent["status"] == "requires_action" else None
