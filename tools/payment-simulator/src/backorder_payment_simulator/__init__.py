"""A payment provider for this machine: the calls of Stripe that Backorder makes, with state, cards and webhooks.

What Stripe does and this does not is listed in docs/stripe.md. Everything that is not Stripe's API, such as letting
time pass, is below ``/_simulator``.
"""
