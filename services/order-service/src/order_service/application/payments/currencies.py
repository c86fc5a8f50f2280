"""Currencies and their minor units, as ISO 4217 lists them: JPY has no decimal, KWD has three."""

from __future__ import annotations

from functools import cache

from iso4217 import Currency


@cache
def minor_unit_digits(code: str) -> int | None:
    """How many decimals an amount in this currency has; None for what is no currency, or has none, such as gold."""
    try:
        digits: int | None = Currency(code).exponent
    except ValueError:
        return None
    return digits
