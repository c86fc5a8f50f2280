"""What goes over the wire: objects, forms and errors, in Stripe's shapes."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

WireObject = dict[str, Any]
"""An object of the API. Keys that begin with an underscore are the simulator's own and are never shown."""

API_VERSION = "2026-10-28.endive"
MOST_AMOUNT = 99_999_999
MOST_FIELDS = 1000
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class ApiError(Exception):
    """A response that is an error. ``stored`` tells whether it is repeated under its idempotency key.

    Stripe does not keep what it refused before it began: bad parameters, bad keys, conflicts.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, stored: bool = True, **fields: object
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        known = {"code": code, "message": message, "type": kind, **fields}
        self.body: WireObject = {"error": {name: value for name, value in known.items() if value is not None}}


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> ApiError:
    """A request that Stripe would not begin to carry out."""
    return ApiError(status, "invalid_request_error", message, code=code, param=param, stored=False)


def missing(kind: str, identifier: str) -> ApiError:
    """There is no such object."""
    return invalid(f"No such {kind}: '{identifier}'", code="resource_missing", param="id", status=404)


def new_id(prefix: str) -> str:
    """An id that nobody guesses."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(24))}"


def public(item: WireObject) -> WireObject:
    """An object as others see it."""
    return {name: value for name, value in item.items() if not name.startswith("_")}


class Form:
    """The parameters of a request, by their names as they are sent: ``metadata[order]``."""

    def __init__(self, encoded: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.expand: list[str] = []
        try:
            pairs = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError:
            raise invalid("The request is no form in UTF-8.") from None
        for name, value in pairs:
            if name.startswith("expand["):
                self.expand.append(value)
            else:
                self.fields[name] = value

    def only(self, names: Collection[str]) -> None:
        """Refuse parameters that the call does not have; ``metadata`` stands for all its keys."""
        for name in self.fields:
            if name not in names and name.partition("[")[0] not in names:
                raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")

    def text(self, name: str) -> str | None:
        """A parameter, None if it is missing or empty."""
        return self.fields.get(name) or None

    def required(self, name: str) -> str:
        """A parameter that must be there."""
        value = self.text(name)
        if value is None:
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
        return value

    def one_of(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of some words."""
        value = self.text(name) or default
        if value not in allowed:
            raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)
        return value

    def integer(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.text(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            raise invalid(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer") from None

    def amount(self, name: str, default: int | None = None) -> int:
        """An amount in the smallest unit of a currency, more than nothing."""
        if default is None:
            self.required(name)
        amount = self.integer(name, default or 0)
        if amount < 1:
            message = "This value must be greater than or equal to 1."
            raise invalid(message, param=name, code="parameter_invalid_integer")
        if amount > MOST_AMOUNT:
            raise invalid("Amount must be no more than 999,999.99", param=name, code="amount_too_large")
        return amount

    def flag(self, name: str) -> bool:
        """True or false; missing is false."""
        return self.one_of(name, ("true", "false"), "false") == "true"

    def group(self, name: str) -> dict[str, str]:
        """The parameters ``name[key]``, by key."""
        start = f"{name}["
        return {key[len(start) : -1]: value for key, value in self.fields.items() if key.startswith(start)}

    def metadata(self, before: Mapping[str, str] | None = None) -> dict[str, str]:
        """The metadata after the request: what was there before, what is new, without what was set to nothing."""
        merged = {**(before or {}), **self.group("metadata")}
        for key, value in merged.items():
            if len(key) > 40 or len(value) > 500:
                message = "Metadata keys have at most 40 characters, values at most 500."
                raise invalid(message, param=f"metadata[{key}]")
        if len(merged) > 50:
            raise invalid("Metadata has at most 50 keys.", param="metadata")
        return {key: value for key, value in merged.items() if value}
