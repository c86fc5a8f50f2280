"""Refunds: at once, after a while, or back again."""

from __future__ import annotations

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.cards import RefundFate, card_of
from backorder_payment_simulator.wire import ApiError, Form, WireObject, invalid, new_id

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create_refund(bank: Bank, form: Form) -> WireObject:
    """``POST /v1/refunds``."""
    form.only(("payment_intent", "charge", "amount", "metadata", "reason"))
    charge = _charge_to_refund(bank, form)
    reason = form.text("reason")
    if reason is not None and reason not in _REASONS:
        raise invalid(f"Invalid reason: {reason}", param="reason")
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = form.amount("amount", max(left, 1))
    if charge["_charged_back"]:
        raise _refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    if left <= 0:
        raise _refused(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if amount > left:
        raise _refused(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})")
    fate = card_of(bank.store.get("payment_method", charge["payment_method"])).refund
    waits = {RefundFate.PENDS: bank.delays.refund, RefundFate.FAILS_LATER: bank.delays.refund_failure}
    refund: WireObject = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": bank.timestamp(),
        "currency": charge["currency"],
        "metadata": form.metadata(),
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "pending" if fate is RefundFate.PENDS else "succeeded",
        "_due": bank.clock.now() + waits[fate] if fate in waits else None,
    }
    bank.store.put(refund)
    _given_back(bank, charge, amount)
    bank.events.happened("refund.created", refund)
    bank.events.happened("charge.refunded", charge)
    return refund


def finish_refund(bank: Bank, refund: WireObject) -> None:
    """Time has passed: what pended succeeds, and what seemed to have succeeded fails."""
    if refund["status"] == "pending":
        refund |= {"status": "succeeded", "_due": None}
        bank.store.put(refund)
        _tell(bank, "refund.updated", refund)
    else:
        fail_refund(bank, refund)


def fail_refund(bank: Bank, refund: WireObject) -> None:
    """The customer's bank sends a refund back: the money is the merchant's again."""
    if refund["status"] not in ("pending", "succeeded"):
        raise invalid(f"The refund {refund['id']} is {refund['status']}.")
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card", "_due": None}
    bank.store.put(refund)
    _given_back(bank, bank.store.get("charge", refund["charge"]), -refund["amount"])
    _tell(bank, "refund.failed", refund)


def _tell(bank: Bank, kind: str, refund: WireObject) -> None:
    bank.events.happened(kind, refund)
    bank.events.happened("charge.refund.updated", refund)


def _given_back(bank: Bank, charge: WireObject, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount_captured"]
    bank.store.put(charge)


def _charge_to_refund(bank: Bank, form: Form) -> WireObject:
    if form.text("charge") is not None:
        charge = bank.store.get("charge", form.required("charge"))
    else:
        intent = bank.store.get("payment_intent", form.required("payment_intent"))
        if intent["status"] != "succeeded":
            raise _refused(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = bank.store.get("charge", intent["latest_charge"])
    if not charge["captured"]:
        raise _refused(f"Charge {charge['id']} was not captured.")
    return charge


def _refused(message: str, code: str | None = None) -> ApiError:
    return ApiError(400, "invalid_request_error", message, code=code)
