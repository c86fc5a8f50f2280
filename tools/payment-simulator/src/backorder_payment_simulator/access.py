"""Who may call: the shop's server with the secret key, a browser with the public one and its object's secret."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from backorder_payment_simulator.wire import ApiError, Form, WireObject


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the only account."""

    secret: str = "sk_test_simulator"  # noqa: S105 - of a simulator that takes no money
    public: str = "pk_test_simulator"


def require_secret_key(keys: Keys, headers: Mapping[str, str]) -> None:
    """Refuse whoever has not the secret key. Raises ApiError."""
    if not hmac.compare_digest(_key(headers).encode(), keys.secret.encode()):
        raise _unauthorised()


def require_browser(keys: Keys, headers: Mapping[str, str], form: Form, item: WireObject) -> None:
    """Refuse whoever has neither the secret key, nor the public one with the secret of the object."""
    if _key(headers) != keys.public:
        require_secret_key(keys, headers)
    elif form.text("client_secret") != item["client_secret"]:
        raise _unauthorised()


def _key(headers: Mapping[str, str]) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    try:
        return base64.b64decode(value).decode().partition(":")[0] if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unauthorised() -> ApiError:
    return ApiError(401, "invalid_request_error", "Invalid API Key provided.", stored=False)
