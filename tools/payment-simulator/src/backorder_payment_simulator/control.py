"""What only a simulator has: time that is skipped, faults, decisions of banks, and the page of the customer's bank."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.charges import charge_of
from backorder_payment_simulator.disputes import close_dispute, open_dispute
from backorder_payment_simulator.faults import Fault, Faults
from backorder_payment_simulator.intents import authenticate_intent
from backorder_payment_simulator.methods import authenticate_setup
from backorder_payment_simulator.refunds import fail_refund
from backorder_payment_simulator.wire import Form, WireObject, invalid

Act = Callable[[Bank, Faults, Mapping[str, Any], str], WireObject]
"""An act: what it works on, the JSON of the request, and the id in its path."""


LONGEST_SKIP = 10 * 366 * 24 * 3600
"""Ten years, in seconds."""


def wanted_of(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a body; nothing is an object without fields. Raises ApiError."""
    try:
        wanted = json.loads(body or b"{}")
    except ValueError:
        raise invalid("The body must be JSON.") from None
    if not isinstance(wanted, dict):
        raise invalid("The body must be a JSON object.")
    return wanted


def _skip(bank: Bank, _faults: Faults, wanted: Mapping[str, Any], _id: str) -> WireObject:
    seconds = wanted.get("skip_seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= LONGEST_SKIP:
        raise invalid(f"skip_seconds must be a number from 0 to {LONGEST_SKIP}.", param="skip_seconds")
    bank.clock.skip(seconds)
    return {"now": bank.timestamp()}


def _plan(_bank: Bank, faults: Faults, wanted: Mapping[str, Any], _id: str) -> WireObject:
    known = {fault.value: fault for fault in Fault}
    named = wanted.get("next")
    if not isinstance(named, list) or any(name not in [*known] for name in named):
        raise invalid(f"next must be a list of: {', '.join(known)}.", param="next")
    faults.plan([known[name] for name in named])
    return {"next": named}


def _authenticate(bank: Bank, _faults: Faults, wanted: Mapping[str, Any], identifier: str) -> WireObject:
    return authenticate_intent(bank, bank.store.get("payment_intent", identifier), succeeds=_yes(wanted, "succeeds"))


def _authenticate_setup(bank: Bank, _faults: Faults, wanted: Mapping[str, Any], identifier: str) -> WireObject:
    return authenticate_setup(bank, bank.store.get("setup_intent", identifier), succeeds=_yes(wanted, "succeeds"))


def _dispute(bank: Bank, _faults: Faults, wanted: Mapping[str, Any], identifier: str) -> WireObject:
    intent = bank.store.get("payment_intent", identifier)
    if intent["status"] != "succeeded":
        raise invalid(f"Nothing was taken by the PaymentIntent {identifier}.")
    charge = charge_of(bank, intent)
    amount = wanted.get("amount", charge["amount_captured"])
    if not isinstance(amount, int) or isinstance(amount, bool) or not 1 <= amount <= charge["amount_captured"]:
        raise invalid(f"amount must be from 1 to {charge['amount_captured']}.", param="amount")
    return open_dispute(bank, charge, amount)


def _close(bank: Bank, _faults: Faults, wanted: Mapping[str, Any], identifier: str) -> WireObject:
    return close_dispute(bank, bank.store.get("dispute", identifier), won=_yes(wanted, "won"))


def _fail_refund(bank: Bank, _faults: Faults, _wanted: Mapping[str, Any], identifier: str) -> WireObject:
    refund = bank.store.get("refund", identifier)
    fail_refund(bank, refund)
    return refund


ACTS: Mapping[str, Act] = {
    "/_simulator/clock": _skip,
    "/_simulator/faults": _plan,
    "/_simulator/payment_intents/{id}/authenticate": _authenticate,
    "/_simulator/payment_intents/{id}/dispute": _dispute,
    "/_simulator/setup_intents/{id}/authenticate": _authenticate_setup,
    "/_simulator/disputes/{id}/close": _close,
    "/_simulator/refunds/{id}/fail": _fail_refund,
}


def _yes(wanted: Mapping[str, Any], name: str) -> bool:
    value = wanted.get(name)
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false.", param=name)
    return value


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Your bank</title>
<h1>Your bank</h1><p>A shop wants to {what} {amount} {currency}. This bank is simulated.</p>
<form method="post"><button name="outcome" value="succeed">Authenticate</button>
<button name="outcome" value="fail">Refuse</button></form></html>"""


async def show_authentication(bank: Bank, request: Request) -> Response:
    """The page of the customer's bank."""
    intent = bank.store.get("payment_intent", request.path_params["id"])
    if intent["status"] != "requires_action":
        return HTMLResponse("<!doctype html><title>Your bank</title><p>There is nothing to authenticate.</p>")
    what = "hold" if intent["capture_method"] == "manual" else "take"
    text = _PAGE.format(what=what, amount=intent["amount"], currency=html.escape(intent["currency"].upper()))
    return HTMLResponse(text)


async def finish_authentication(bank: Bank, request: Request) -> Response:
    """The customer has pressed a button; the browser goes back to the shop."""
    outcome = Form(await request.body()).one_of("outcome", ("succeed", "fail"), "fail")
    intent = bank.store.get("payment_intent", request.path_params["id"])
    action = intent["next_action"]
    authenticate_intent(bank, intent, succeeds=outcome == "succeed")
    back = str(action["redirect_to_url"]["return_url"])
    told = urlencode({"payment_intent": intent["id"], "redirect_status": f"{outcome}ed"})
    return RedirectResponse(f"{back}{'&' if '?' in back else '?'}{told}", 303)
