"""A payment provider for this machine: the calls of Stripe that Backorder makes, with state, cards and webhooks."""
