"""Payment intents: charges and holds, from the request to the money."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.cards import Authentication, TestCard, card_of
from backorder_payment_simulator.charges import charge_of, decline, new_charge
from backorder_payment_simulator.disputes import open_dispute
from backorder_payment_simulator.methods import find_method
from backorder_payment_simulator.wire import ApiError, Form, WireObject, invalid, new_id, public

_CREATE = (
    "amount", "currency", "customer", "payment_method", "confirm", "off_session", "capture_method", "metadata",
    "return_url", "description", "automatic_payment_methods", "statement_descriptor_suffix",
)  # fmt: skip
_CONFIRM = ("payment_method", "off_session", "return_url")
_CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create_intent(bank: Bank, form: Form) -> WireObject:
    """``POST /v1/payment_intents``."""
    form.only(_CREATE)
    amount, currency = form.amount("amount"), form.required("currency")
    if len(currency) != 3 or not currency.islower():
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    customer = form.text("customer")
    if customer is not None:
        bank.store.get("customer", customer)
    identifier = new_id("pi")
    intent: WireObject = {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": form.one_of("capture_method", ("automatic", "automatic_async", "manual"), "automatic"),
        "client_secret": f"{identifier}_secret_{new_id('x')[2:]}",
        "confirmation_method": "automatic",
        "created": bank.timestamp(),
        "currency": currency,
        "customer": customer,
        "description": form.text("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": form.metadata(),
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card", "us_bank_account"],
        "setup_future_usage": None,
        "status": "requires_payment_method",
    }
    confirmed = form.flag("confirm")
    if form.text("off_session") and not confirmed:
        raise invalid("off_session can only be used with confirm=true.", param="off_session")
    method = _usable_method(bank, intent, form) if confirmed else None
    bank.store.put(intent)
    bank.events.happened("payment_intent.created", intent)
    return intent if method is None else _ask_the_bank(bank, intent, method, form)


def confirm_intent(bank: Bank, identifier: str, form: Form) -> WireObject:
    """``POST /v1/payment_intents/…/confirm``."""
    form.only(_CONFIRM)
    intent = bank.store.get("payment_intent", identifier)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise unexpected_state(intent, "confirm", ("requires_payment_method", "requires_confirmation"))
    return _ask_the_bank(bank, intent, _usable_method(bank, intent, form), form)


def capture_intent(bank: Bank, identifier: str, form: Form) -> WireObject:
    """``POST /v1/payment_intents/…/capture``: once for each intent; what is not captured is let go."""
    form.only(("amount_to_capture", "metadata", "final_capture"))
    intent = bank.store.get("payment_intent", identifier)
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "capture", ("requires_capture",))
    amount = form.amount("amount_to_capture", intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        message = "The amount to capture is greater than the remaining amount that can be captured."
        raise ApiError(400, "invalid_request_error", message, code="amount_too_large", param="amount_to_capture")
    intent["metadata"] = form.metadata(intent["metadata"])
    charge = charge_of(bank, intent)
    _take(bank, intent, charge, amount)
    bank.events.happened("charge.captured", charge)
    return intent


def cancel_intent(bank: Bank, identifier: str, form: Form) -> WireObject:
    """``POST /v1/payment_intents/…/cancel``."""
    form.only(("cancellation_reason",))
    reason = form.text("cancellation_reason")
    if reason is not None and reason not in _CANCELLATION_REASONS:
        raise invalid(f"Invalid cancellation_reason: {reason}", param="cancellation_reason")
    intent = bank.store.get("payment_intent", identifier)
    if intent["status"] not in _CANCELLABLE:
        raise unexpected_state(intent, "cancel", _CANCELLABLE)
    end_intent(bank, intent, reason)
    return intent


def end_intent(bank: Bank, intent: WireObject, reason: str | None) -> None:
    """Cancel an intent; what it held is let go."""
    if intent["status"] == "requires_capture":
        charge = charge_of(bank, intent)
        charge["refunded"] = True
        charge["amount_refunded"] = charge["amount"]
        bank.store.put(charge)
        bank.events.happened("charge.expired" if reason == "automatic" else "charge.refunded", charge)
    intent |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": bank.timestamp(),
        "cancellation_reason": reason,
        "next_action": None,
        "_due": None,
    }
    bank.store.put(intent)
    bank.events.happened("payment_intent.canceled", intent)


def authenticate_intent(bank: Bank, intent: WireObject, *, succeeds: bool) -> WireObject:
    """The customer authenticates at the bank, or fails to."""
    if intent["status"] != "requires_action":
        raise invalid(f"The PaymentIntent {intent['id']} does not wait for the customer.")
    method = bank.store.get("payment_method", intent["_method"])
    intent["next_action"] = None
    if succeeds:
        _succeed(bank, intent, method, off_session=False)
    else:
        refuse(bank, intent, method, _NOT_AUTHENTICATED)
    return intent


def finish_debit(bank: Bank, intent: WireObject) -> None:
    """A bank account was debited, or could not be."""
    method = bank.store.get("payment_method", intent["_method"])
    intent["_due"] = None
    if card_of(method).slowly_declined:
        decline(bank, intent, method, "insufficient_funds")
        refuse(bank, intent, method, _EMPTY_ACCOUNT)
    else:
        _succeed(bank, intent, method, off_session=True)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why money was refused, in Stripe's codes."""

    code: str
    message: str
    decline_code: str | None = None


_WANTS_CUSTOMER = Refusal(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
_NOT_AUTHENTICATED = Refusal(
    "payment_intent_authentication_failure", "The provided PaymentMethod has failed authentication."
)
_EMPTY_ACCOUNT = Refusal("payment_method_provider_decline", "The account has insufficient funds.")


def refuse(bank: Bank, intent: WireObject, method: WireObject, why: Refusal) -> WireObject:
    """The money was refused: the intent wants another method. Returns the error, as it is shown."""
    error: WireObject = {**asdict(why), "charge": intent["latest_charge"], "payment_method": public(method)}
    error = {name: value for name, value in error.items() if value is not None} | {"type": "card_error"}
    intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    bank.store.put(intent)
    bank.events.happened("payment_intent.payment_failed", intent)
    return error


def unexpected_state(intent: WireObject, act: str, expected: tuple[str, ...]) -> ApiError:
    """What was asked for cannot be done with an intent of this status."""
    message = (
        f"This PaymentIntent's status is {intent['status']}; to {act} it, it must be one of: {', '.join(expected)}."
    )
    return ApiError(
        400, "invalid_request_error", message, code="payment_intent_unexpected_state", payment_intent=public(intent)
    )


def _usable_method(bank: Bank, intent: WireObject, form: Form) -> WireObject:
    if not form.flag("off_session") and form.text("return_url") is None:
        # Since 2023-08-16 any payment method may be one that redirects, unless nobody is there to be redirected.
        message = "This PaymentIntent may accept payment methods that redirect: you must provide a `return_url`."
        raise invalid(message, param="return_url")
    named = form.text("payment_method") or intent["payment_method"]
    if named is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise ApiError(400, "invalid_request_error", message, code="payment_intent_unexpected_state", stored=False)
    method = find_method(bank, named)
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        message = (
            "The provided PaymentMethod cannot be used for this payment: it is attached to a customer. "
            "You must provide that customer."
        )
        raise invalid(message, param="payment_method")
    return method


def _ask_the_bank(bank: Bank, intent: WireObject, method: WireObject, form: Form) -> WireObject:
    card, off_session = card_of(method), form.flag("off_session")
    intent |= {"payment_method": method["id"], "next_action": None, "_method": method["id"]}
    if _wants_customer(card, method, off_session=off_session):
        if off_session:
            decline(bank, intent, method, "authentication_required")
            raise _refused(bank, intent, method, _WANTS_CUSTOMER)
        return _send_customer(bank, intent, form.required("return_url"))
    if card.declined is not None:
        decline(bank, intent, method, card.declined)
        code = "expired_card" if card.declined == "expired_card" else "card_declined"
        raise _refused(bank, intent, method, Refusal(code, "Your card was declined.", card.declined))
    if card.slow:
        if intent["capture_method"] == "manual":
            raise invalid("This payment method cannot be captured manually.", param="capture_method")
        intent |= {"status": "processing", "last_payment_error": None}
        intent["_due"] = bank.clock.now() + bank.delays.debit
        bank.store.put(intent)
        bank.events.happened("payment_intent.processing", intent)
        return intent
    _succeed(bank, intent, method, off_session=off_session)
    return intent


def _wants_customer(card: TestCard, method: WireObject, *, off_session: bool) -> bool:
    if card.authentication is Authentication.ALWAYS:
        return True
    used_as_set_up = off_session and method["_set_up"]
    return card.authentication is Authentication.UNLESS_SET_UP and not used_as_set_up


def _refused(bank: Bank, intent: WireObject, method: WireObject, why: Refusal) -> ApiError:
    error = refuse(bank, intent, method, why)
    shown = {name: value for name, value in error.items() if name not in ("type", "message", "code")}
    return ApiError(402, "card_error", why.message, code=why.code, payment_intent=public(intent), **shown)


def _send_customer(bank: Bank, intent: WireObject, return_url: str) -> WireObject:
    intent |= {"status": "requires_action", "last_payment_error": None}
    url = f"{bank.public_url}/_simulator/authenticate/{intent['id']}"
    intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    bank.store.put(intent)
    bank.events.happened("payment_intent.requires_action", intent)
    return intent


def _succeed(bank: Bank, intent: WireObject, method: WireObject, *, off_session: bool) -> None:
    """The bank agrees: the money is taken, or held."""
    charge = new_charge(bank, intent, method)
    intent |= {"latest_charge": charge["id"], "payment_method": method["id"], "last_payment_error": None}
    if intent["capture_method"] != "manual":
        _take(bank, intent, charge, intent["amount"])
        return
    ends_at = bank.timestamp() + card_of(method).hold_seconds(off_session=off_session)
    charge["payment_method_details"]["card"]["capture_before"] = ends_at
    intent |= {"status": "requires_capture", "amount_capturable": intent["amount"], "_due": ends_at}
    bank.store.put(charge)
    bank.store.put(intent)
    bank.events.happened("payment_intent.amount_capturable_updated", intent)
    bank.events.happened("charge.succeeded", charge)


def _take(bank: Bank, intent: WireObject, charge: WireObject, amount: int) -> None:
    charge |= {"captured": True, "amount_captured": amount, "paid": True}
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0, "_due": None}
    bank.store.put(charge)
    bank.store.put(intent)
    bank.events.happened("charge.succeeded", charge)
    bank.events.happened("payment_intent.succeeded", intent)
    if card_of(bank.store.get("payment_method", charge["payment_method"])).disputed:
        open_dispute(bank, charge, amount)
