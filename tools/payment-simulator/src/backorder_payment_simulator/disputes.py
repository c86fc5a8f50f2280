"""Disputes: the customer's bank takes money back, and the merchant may win it again."""

from __future__ import annotations

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.wire import WireObject, invalid, new_id


def open_dispute(bank: Bank, charge: WireObject, amount: int) -> WireObject:
    """The customer disputes a charge: the money is taken back at once."""
    if charge["disputed"] or not charge["captured"]:
        raise invalid(f"The charge {charge['id']} cannot be disputed.")
    charge |= {"disputed": True, "_charged_back": True}
    dispute: WireObject = {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": bank.timestamp(),
        "currency": charge["currency"],
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }
    bank.store.put(charge)
    bank.store.put(dispute)
    bank.events.happened("charge.dispute.created", dispute)
    bank.events.happened("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(bank: Bank, dispute: WireObject, *, won: bool) -> WireObject:
    """The bank has decided."""
    if dispute["status"] != "needs_response":
        raise invalid(f"The dispute {dispute['id']} is {dispute['status']}.")
    dispute |= {"status": "won" if won else "lost", "is_charge_refundable": won}
    bank.store.put(dispute)
    charge = bank.store.get("charge", dispute["charge"])
    charge["_charged_back"] = not won
    bank.store.put(charge)
    bank.events.happened("charge.dispute.closed", dispute)
    if won:
        bank.events.happened("charge.dispute.funds_reinstated", dispute)
    return dispute
