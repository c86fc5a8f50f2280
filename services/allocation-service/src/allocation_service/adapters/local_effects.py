"""What this process does once decisions are committed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from allocation_service.adapters.lending import loan_metrics


class LocalEffects:
    """Implements DecisionEffects: counts loans, and wakes the loop that decides deferred orders."""

    def __init__(self) -> None:
        self.deferred_orders = asyncio.Event()
        """Set when a committed decision left orders to be decided by themselves."""

    def deferred_orders_left(self) -> None:
        """See DecisionEffects."""
        self.deferred_orders.set()

    def loans_noted(self, loans: Mapping[str, int]) -> None:
        """See DecisionEffects."""
        loan_metrics.count(loans)
