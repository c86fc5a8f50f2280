"""Customers, payment methods, and setting a method up for later."""

from __future__ import annotations

from typing import Any

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.cards import TEST_CARDS, Authentication, card_named, card_of
from backorder_payment_simulator.wire import ApiError, Form, WireObject, invalid, new_id, public

_SETUP = ("customer", "usage", "metadata", "confirm", "payment_method", "automatic_payment_methods", "description")


def create_customer(bank: Bank, form: Form) -> WireObject:
    """``POST /v1/customers``."""
    form.only(("metadata", "name", "email", "description"))
    customer: WireObject = {
        "id": new_id("cus"),
        "object": "customer",
        "created": bank.timestamp(),
        "description": form.text("description"),
        "email": form.text("email"),
        "livemode": False,
        "metadata": form.metadata(),
        "name": form.text("name"),
    }
    bank.store.put(customer)
    bank.events.happened("customer.created", customer)
    return customer


def find_method(bank: Bank, name: str) -> WireObject:
    """The payment method of this id. A test card's name makes a new one, as it does at Stripe."""
    if name not in TEST_CARDS:
        return bank.store.get("payment_method", name)
    card = card_named(name)
    details: dict[str, Any] = {"last4": card.number[-4:]}
    if not card.slow:
        details |= {"brand": card.brand, "exp_month": 12, "exp_year": 2036, "funding": "credit", "country": "US"}
    method: WireObject = {
        "id": new_id("pm"),
        "object": "payment_method",
        "created": bank.timestamp(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": card.kind,
        card.kind: details,
        "_number": card.number,
        "_set_up": False,
    }
    bank.store.put(method)
    return method


def attach(bank: Bank, method: WireObject, customer: str) -> None:
    """Keep a method for a customer."""
    bank.store.get("customer", customer)
    if method["customer"] not in (None, customer):
        message = "The payment method you provided has already been attached to a customer."
        raise ApiError(400, "invalid_request_error", message)
    if method["customer"] is None:
        method["customer"] = customer
        bank.store.put(method)
        bank.events.happened("payment_method.attached", method)


def create_setup(bank: Bank, form: Form) -> WireObject:
    """``POST /v1/setup_intents``."""
    form.only(_SETUP)
    customer = form.text("customer")
    if customer is not None:
        bank.store.get("customer", customer)
    identifier = new_id("seti")
    setup: WireObject = {
        "id": identifier,
        "object": "setup_intent",
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{new_id('x')[2:]}",
        "created": bank.timestamp(),
        "customer": customer,
        "description": form.text("description"),
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "metadata": form.metadata(),
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card", "us_bank_account"],
        "status": "requires_payment_method",
        "usage": form.one_of("usage", ("off_session", "on_session"), "off_session"),
    }
    bank.store.put(setup)
    bank.events.happened("setup_intent.created", setup)
    return confirm_setup(bank, setup, form) if form.flag("confirm") else setup


def confirm_setup(bank: Bank, setup: WireObject, form: Form) -> WireObject:
    """``POST /v1/setup_intents/…/confirm``, the part of it that the provider's form in the browser plays."""
    if setup["status"] not in ("requires_payment_method", "requires_confirmation"):
        message = f"You cannot confirm this SetupIntent because it has a status of {setup['status']}."
        raise ApiError(
            400, "invalid_request_error", message, code="setup_intent_unexpected_state", setup_intent=public(setup)
        )
    method = find_method(bank, form.required("payment_method"))
    if card_of(method).authentication is not Authentication.NEVER:
        setup |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}}
        setup["_method"] = method["id"]
        bank.store.put(setup)
        bank.events.happened("setup_intent.requires_action", setup)
        return setup
    return finish_setup(bank, setup, method)


def finish_setup(bank: Bank, setup: WireObject, method: WireObject) -> WireObject:
    """The method is set up: it may be charged without the customer from now on."""
    if setup["customer"] is not None:
        attach(bank, method, setup["customer"])
    method["_set_up"] = True
    bank.store.put(method)
    setup |= {"status": "succeeded", "payment_method": method["id"], "next_action": None, "last_setup_error": None}
    bank.store.put(setup)
    bank.events.happened("setup_intent.succeeded", setup)
    return setup


def authenticate_setup(bank: Bank, setup: WireObject, *, succeeds: bool) -> WireObject:
    """The customer authenticates, or fails to."""
    if setup["status"] != "requires_action":
        raise invalid(f"The SetupIntent {setup['id']} does not wait for the customer.")
    if succeeds:
        return finish_setup(bank, setup, bank.store.get("payment_method", setup["_method"]))
    message = "We are unable to authenticate your payment method."
    error = {"code": "setup_intent_authentication_failure", "message": message, "type": "invalid_request_error"}
    setup |= {"status": "requires_payment_method", "next_action": None, "last_setup_error": error}
    bank.store.put(setup)
    bank.events.happened("setup_intent.setup_failed", setup)
    return setup
