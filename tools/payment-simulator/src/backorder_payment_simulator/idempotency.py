"""Idempotency keys: a request under a key that is known gets the response of the first one."""

from __future__ import annotations

import json

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.store import StoredResponse
from backorder_payment_simulator.wire import ApiError, Form, WireObject

KEY_LIFE = 24 * 3600
"""Seconds after which a key is forgotten; a request under it is a new one then."""
LONGEST_KEY = 255


def fingerprint(path: str, form: Form) -> str:
    """What makes a request the same as another one."""
    return json.dumps([path, sorted(form.fields.items()), sorted(form.expand)])


def first_response(bank: Bank, key: str, request: str) -> StoredResponse | None:
    """The response that was given under the key. Raises ApiError if that was to another request."""
    if len(key) > LONGEST_KEY:
        message = f"Idempotency keys have at most {LONGEST_KEY} characters."
        raise ApiError(400, "idempotency_error", message, stored=False)
    known = bank.store.response(key)
    if known is None or bank.clock.now() - known.made_at >= KEY_LIFE:
        return None
    if known.request != request:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request."
        )
        raise ApiError(400, "idempotency_error", message, stored=False)
    return known


def keep(bank: Bank, key: str, request: str, status: int, body: WireObject) -> None:
    """Keep a response for whoever repeats its request."""
    bank.store.keep_response(key, StoredResponse(bank.clock.now(), request, status, body))
