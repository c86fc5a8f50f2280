"""Stripe as a payment provider, by its official library."""

from __future__ import annotations


class StripeProvider:
    """Take, hold and give back money by Stripe's API, or by the simulator that speaks it."""
