"""The environment variables that carry the simulator's secrets: they are not for the list of processes."""

from __future__ import annotations

KEY = "PAYMENT_SIMULATOR_KEY"
WEBHOOK_SECRET = "PAYMENT_SIMULATOR_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
