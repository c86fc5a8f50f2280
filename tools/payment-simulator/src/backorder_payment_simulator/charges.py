"""Charges: what a bank was asked for on behalf of an intent."""

from __future__ import annotations

from typing import Any

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.cards import card_of
from backorder_payment_simulator.wire import WireObject, new_id


def new_charge(bank: Bank, intent: WireObject, method: WireObject) -> WireObject:
    """A charge to which the bank agrees; the caller stores it."""
    card = card_of(method)
    details: dict[str, Any] = {"last4": card.number[-4:]}
    if not card.slow:
        details |= {"brand": card.brand, "amount_authorized": intent["amount"]}
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "captured": False,
        "created": bank.timestamp(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": card.kind, card.kind: details},
        "refunded": False,
        "status": "succeeded",
        "_charged_back": False,
    }


def decline(bank: Bank, intent: WireObject, method: WireObject, reason: str) -> None:
    """A charge to which the bank does not agree."""
    charge = new_charge(bank, intent, method)
    charge |= {"paid": False, "status": "failed", "failure_code": reason, "failure_message": "The bank declined."}
    bank.store.put(charge)
    intent["latest_charge"] = charge["id"]
    bank.events.happened("charge.failed", charge)


def charge_of(bank: Bank, intent: WireObject) -> WireObject:
    """The newest charge of an intent that has one."""
    return bank.store.get("charge", intent["latest_charge"])
