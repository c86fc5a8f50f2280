"""Amounts as Stripe wants them, which is not always in the minor unit of ISO 4217.

Source: https://docs.stripe.com/currencies, "Minor units in API amounts" and "Special cases".
"""

from __future__ import annotations

_TIMES_100 = frozenset({"ISK", "UGX"})
"""Without a minor unit in ISO 4217, with two decimals at Stripe, which must be 00."""
_DIVIDED_BY_100 = frozenset({"MGA"})
"""With two decimals in ISO 4217, with none at Stripe."""
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""With three decimals, of which the last must be 0 at Stripe."""


class NotPayable(ValueError):
    """Stripe cannot move exactly this amount; nothing is rounded."""


def to_stripe(amount: int, currency: str) -> int:
    """An amount in minor units of ISO 4217 as Stripe wants it. Raises NotPayable."""
    if currency in _TIMES_100:
        return amount * 100
    if currency in _DIVIDED_BY_100:
        if amount % 100:
            raise NotPayable(f"Stripe takes {currency} in whole units only, not {amount} hundredths")
        return amount // 100
    if currency in _THREE_DECIMALS and amount % 10:
        raise NotPayable(f"Stripe takes {currency} with two decimals only, not {amount} thousandths")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """What Stripe says as an amount in minor units of ISO 4217, rounded up to a whole one."""
    if currency in _TIMES_100:
        return -(-amount // 100)
    return amount * 100 if currency in _DIVIDED_BY_100 else amount
